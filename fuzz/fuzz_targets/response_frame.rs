//! A response frame, as a client reads it: two bytes for the API and its version, then the frame.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logbrook_broker::wire::ServedApi;
use logbrook_broker::wire::codec::{decode_response, encode_response};

fuzz_target!(|data: &[u8]| {
    let [api, version, frame @ ..] = data else { return };
    let api = &ServedApi::ALL[usize::from(*api) % ServedApi::ALL.len()];
    let versions = i16::from(*version) % (api.max_version - api.min_version + 1);
    let version = api.min_version + versions;
    let Ok(response) = decode_response(api.key, version, Bytes::copy_from_slice(frame)) else {
        return;
    };
    if let Ok(again) = encode_response(&response) {
        let same = decode_response(api.key, version, again).as_ref() == Ok(&response);
        assert!(same || has_strange_tag(&response), "{response:?}");
    }
});

/// Tagged fields of any number are read where their bytes are there, but those of over 2^31 are not written
/// again, and one of over 4,096 may claim more than the bytes that are left once others are gone.
fn has_strange_tag(response: &impl std::fmt::Debug) -> bool {
    let text = format!("{response:?}");
    let tags = text.split("unknown_tagged_fields: {").skip(1).filter_map(|rest| rest.split('}').next());
    let mut numbers = tags.flat_map(|fields| fields.split(", ").filter_map(|field| field.split(':').next()));
    numbers.any(|number| number.parse::<i64>().is_ok_and(|number| !(0..4_096).contains(&number)))
}
