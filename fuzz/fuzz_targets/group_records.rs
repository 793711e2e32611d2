//! Records of `__consumer_offsets`: two bytes say how long the key is, the rest is the value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logbrook_group::GroupRecord;

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (key, value) = rest.split_at(length);
    for value in [Some(value), None] {
        let Ok(record) = GroupRecord::decode(key, value) else { continue };
        let again = GroupRecord::decode(&record.encode_key(), record.encode_value().as_deref());
        assert_eq!(again.as_ref(), Ok(&record));
    }
});
