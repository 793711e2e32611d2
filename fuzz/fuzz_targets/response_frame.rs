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
        assert!(same || has_negative_tag(&response), "{response:?}");
    }
});

/// kafka-protocol reads a tagged field with a tag of over 2^31, as Kafka's clients do, but does not write it
/// again.
fn has_negative_tag(response: &impl std::fmt::Debug) -> bool {
    format!("{response:?}").contains("unknown_tagged_fields: {-")
}
