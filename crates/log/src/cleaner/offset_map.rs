//! The last offset of each key of the dirty part (`OffsetMap`, `SkimpyOffsetMap`).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use logbrook_record::Offset;

use super::CleanerConfig;

/// Kafka keeps the MD5 of a key and its offset: 24 bytes. Here it is the key itself, so that no two are
/// taken for one; as many keys are taken as Kafka would, and no more bytes of keys than its buffer has.
const BYTES_PER_ENTRY: usize = 24;

#[derive(Debug)]
pub(super) struct OffsetMap {
    offsets: BTreeMap<Box<[u8]>, Offset>,
    max_entries: usize,
    key_bytes: usize,
    max_key_bytes: usize,
    latest_offset: Offset,
}

impl OffsetMap {
    pub(super) fn new(config: CleanerConfig) -> Self {
        let slots = config.dedupe_buffer_bytes / BYTES_PER_ENTRY;
        Self {
            offsets: BTreeMap::new(),
            max_entries: (slots as f64 * config.dedupe_buffer_load_factor) as usize,
            key_bytes: 0,
            max_key_bytes: config.dedupe_buffer_bytes,
            latest_offset: Offset(-1),
        }
    }

    /// Notes the offset of a key; false if the map is full.
    pub(super) fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        // As in Kafka, a full map does not even take a key that it has.
        if self.offsets.len() >= self.max_entries
            || self.key_bytes.saturating_add(key.len()) > self.max_key_bytes
        {
            return false;
        }
        self.latest_offset = offset;
        match self.offsets.get_mut(key) {
            Some(last) => *last = offset,
            None => {
                self.key_bytes += key.len();
                self.offsets.insert(key.into(), offset);
            }
        }
        true
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Offset> {
        self.offsets.get(key).copied()
    }

    /// Everything up to here is in the map.
    pub(super) fn update_latest_offset(&mut self, offset: Offset) {
        self.latest_offset = offset;
    }

    pub(super) const fn latest_offset(&self) -> Offset {
        self.latest_offset
    }
}
