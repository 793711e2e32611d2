//! The hash of the topics that a group subscribes to (`Utils.computeGroupHash`, KIP-1101).
//!
//! It stands in the group's record, so that a coordinator sees whether the topics have changed
//! since the group's epoch was last raised. XXH3 (64 bits, seed 0) over what hash4j's stream
//! writes: little-endian integers, strings as UTF-16 units followed by their number.

use alloc::string::String;
use alloc::vec::Vec;

use logbrook_sorted::sort;
use twox_hash::XxHash3_64;

use crate::{TopicMetadata, TopicsImage};

const TOPIC_HASH_MAGIC_BYTE: u8 = 0;

/// The hash of these topics, as far as they exist; 0 where none does. `names` is sorted.
pub(super) fn metadata_hash<'a>(names: impl Iterator<Item = &'a str>, image: &TopicsImage) -> i64 {
    let mut bytes = Vec::new();
    for name in names {
        if let Some(topic) = image.topic(name) {
            bytes.extend_from_slice(&topic_hash(name, topic).to_le_bytes());
        }
    }
    if bytes.is_empty() { 0 } else { XxHash3_64::oneshot(&bytes).cast_signed() }
}

fn topic_hash(name: &str, topic: &TopicMetadata) -> u64 {
    let mut bytes = Vec::new();
    bytes.push(TOPIC_HASH_MAGIC_BYTE);
    let id = u128::from_be_bytes(topic.id);
    bytes.extend_from_slice(&((id >> 64) as u64).to_le_bytes());
    bytes.extend_from_slice(&(id as u64).to_le_bytes());
    put_string(&mut bytes, name);
    bytes.extend_from_slice(&topic.partitions().to_le_bytes());
    for (index, racks) in (0_i32..).zip(&topic.partition_racks) {
        bytes.extend_from_slice(&index.to_le_bytes());
        let mut racks: Vec<&String> = racks.iter().collect();
        sort(&mut racks);
        for rack in racks {
            bytes.extend_from_slice(&utf16_len(rack).to_le_bytes());
            put_string(&mut bytes, rack);
        }
    }
    XxHash3_64::oneshot(&bytes)
}

fn put_string(bytes: &mut Vec<u8>, text: &str) {
    for unit in text.encode_utf16() {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    bytes.extend_from_slice(&utf16_len(text).to_le_bytes());
}

fn utf16_len(text: &str) -> i32 {
    i32::try_from(text.encode_utf16().count()).unwrap_or(i32::MAX)
}
