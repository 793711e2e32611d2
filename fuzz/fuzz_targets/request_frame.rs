//! A request frame from anybody: refused, or read to something that is written and read back.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logbrook_broker::wire::codec::{decode_request, encode_request};

fuzz_target!(|data: &[u8]| {
    let Ok(request) = decode_request(Bytes::copy_from_slice(data)) else { return };
    // Defaults of fields that a version does not have may not be written; what is written reads back.
    if let Ok(again) = encode_request(&request) {
        let same = decode_request(again).as_ref() == Ok(&request);
        assert!(same || has_negative_tag(&request) || has_nan(&request), "{request:?}");
    }
});

/// kafka-protocol reads a tagged field with a tag of over 2^31, as Kafka does, but does not write it again; no
/// request is ever written here after it was read.
fn has_negative_tag(request: &impl std::fmt::Debug) -> bool {
    format!("{request:?}").contains("unknown_tagged_fields: {-")
}

/// The value of a quota may be no number, which is not even equal to itself.
fn has_nan(request: &impl std::fmt::Debug) -> bool {
    format!("{request:?}").contains("value: NaN")
}
