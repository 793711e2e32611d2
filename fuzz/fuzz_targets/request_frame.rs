//! A request frame from anybody: refused, or read to something that is written and read back.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logbrook_broker::wire::codec::{decode_request, encode_request};

fuzz_target!(|data: &[u8]| {
    let Ok(request) = decode_request(Bytes::copy_from_slice(data)) else { return };
    // Defaults of fields that a version does not have may not be written; what is written reads back.
    if let Ok(again) = encode_request(&request) {
        assert_eq!(decode_request(again).as_ref(), Ok(&request));
    }
});
