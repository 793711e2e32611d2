//! What is known of the producers as a file: Kafka's `.snapshot` (`ProducerStateManager.writeSnapshot`,
//! the schema `ProducerSnapshot`).
//!
//! ```text
//! version i16 = 1 | CRC-32C u32 of what follows | count i32
//! per producer: id i64 | epoch i16 | last sequence i32 | last offset i64 | offset delta i32 | timestamp i64
//!               | coordinator epoch i32 | first offset of the open transaction i64, -1 for none
//! ```
//! Only the last batch of each producer is kept.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use logbrook_record::{Offset, ProducerEpoch, ProducerId, crc32c};

use crate::producer_state::{BatchMetadata, ProducerStateEntry, ProducerStateManager};

const VERSION: i16 = 1;
/// Version and CRC.
const ENTRIES: usize = 6;
const ENTRY_BYTES: usize = 46;

/// A snapshot that cannot be used (`CorruptSnapshotException`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CorruptSnapshot(String);

impl fmt::Display for CorruptSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for CorruptSnapshot {}

impl ProducerStateManager {
    /// The bytes of a snapshot of every producer, in the order of their ids.
    #[must_use]
    pub fn encode_snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        let count = i32::try_from(self.active_producers().count()).unwrap_or(i32::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for (id, entry) in self.active_producers() {
            let last = entry.batches.back();
            out.extend_from_slice(&id.0.to_be_bytes());
            out.extend_from_slice(&entry.producer_epoch.0.to_be_bytes());
            out.extend_from_slice(&entry.last_sequence().to_be_bytes());
            out.extend_from_slice(&last.map_or(-1, |batch| batch.last_offset.0).to_be_bytes());
            out.extend_from_slice(&last.map_or(0, |batch| batch.offset_delta).to_be_bytes());
            out.extend_from_slice(&entry.last_timestamp.to_be_bytes());
            out.extend_from_slice(&entry.coordinator_epoch.to_be_bytes());
            let first = entry.current_txn_first_offset.map_or(-1, |offset| offset.0);
            out.extend_from_slice(&first.to_be_bytes());
        }
        let crc = crc32c(&out[ENTRIES..]);
        out[2..ENTRIES].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// The state as a snapshot keeps it, without the producers that have expired since. `now` and
    /// `expiration_ms` (`producer.id.expiration.ms`) in ms.
    ///
    /// # Errors
    /// As [`decode_snapshot`](Self::decode_snapshot).
    pub fn from_snapshot(
        bytes: &[u8],
        now: i64,
        expiration_ms: i64,
    ) -> Result<Self, CorruptSnapshot> {
        let mut state = Self::default();
        for (id, entry) in Self::decode_snapshot(bytes)? {
            if !entry.is_expired(now, expiration_ms) {
                state.load_producer_entry(id, entry);
            }
        }
        Ok(state)
    }

    /// Reads the producers of a snapshot.
    ///
    /// # Errors
    /// Another version, another length than the count says, or a CRC that does not fit.
    pub fn decode_snapshot(
        bytes: &[u8],
    ) -> Result<Vec<(ProducerId, ProducerStateEntry)>, CorruptSnapshot> {
        let schema = |reason: String| {
            CorruptSnapshot(format!("Snapshot failed schema validation: {reason}"))
        };
        let Some((front, entries)) = bytes.split_first_chunk::<{ ENTRIES + 4 }>() else {
            return Err(schema(format!(
                "expected at least {} bytes, found {}",
                ENTRIES + 4,
                bytes.len()
            )));
        };
        let [v0, v1, c0, c1, c2, c3, n0, n1, n2, n3] = *front;
        let version = i16::from_be_bytes([v0, v1]);
        if version != VERSION {
            return Err(CorruptSnapshot(format!(
                "Snapshot contained an unknown file version {version}"
            )));
        }
        let count = i32::from_be_bytes([n0, n1, n2, n3]);
        if usize::try_from(count).ok().and_then(|count| count.checked_mul(ENTRY_BYTES))
            != Some(entries.len())
        {
            return Err(schema(format!(
                "expected {ENTRY_BYTES} bytes for each of {count} producers, found {}",
                entries.len()
            )));
        }
        let stored = u32::from_be_bytes([c0, c1, c2, c3]);
        let computed = crc32c(&bytes[ENTRIES..]);
        if stored != computed {
            return Err(CorruptSnapshot(format!(
                "Snapshot is corrupt (CRC is no longer valid). Stored crc: {stored}. Computed crc: {computed}"
            )));
        }
        Ok(entries.chunks_exact(ENTRY_BYTES).map(decode_entry).collect())
    }
}

/// Reads the fields of one entry; its length was checked.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        if let Some((front, rest)) = self.0.split_first_chunk::<N>() {
            out = *front;
            self.0 = rest;
        }
        out
    }

    fn i64(&mut self) -> i64 {
        i64::from_be_bytes(self.take())
    }

    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take())
    }
}

fn decode_entry(bytes: &[u8]) -> (ProducerId, ProducerStateEntry) {
    let mut fields = Fields(bytes);
    let id = ProducerId(fields.i64());
    let producer_epoch = ProducerEpoch(i16::from_be_bytes(fields.take()));
    let (last_sequence, last_offset, offset_delta) = (fields.i32(), fields.i64(), fields.i32());
    let (timestamp, coordinator_epoch, first_offset) = (fields.i64(), fields.i32(), fields.i64());
    let mut entry = ProducerStateEntry {
        producer_epoch,
        coordinator_epoch,
        last_timestamp: timestamp,
        current_txn_first_offset: (first_offset >= 0).then_some(Offset(first_offset)),
        ..ProducerStateEntry::default()
    };
    if last_offset >= 0 {
        entry.batches.push_back(BatchMetadata {
            last_sequence,
            last_offset: Offset(last_offset),
            offset_delta,
            timestamp,
        });
    }
    (id, entry)
}
