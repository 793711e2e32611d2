//! Which transactions of a segment were aborted: Kafka's `.txnindex` (`TransactionIndex`, `AbortedTxn`).
//!
//! ```text
//! version i16 = 0 | producer id i64 | first offset i64 | last offset i64 | last stable offset i64
//! ```
//! One entry for each abort marker in the segment, in the order of the markers.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use logbrook_record::{Offset, ProducerId};

/// A transaction that was aborted (`AbortedTxn`), for readers of committed records only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbortedTxn {
    /// Whose.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// Its abort marker.
    pub last_offset: Offset,
    /// Last stable offset when the marker was written.
    pub last_stable_offset: Offset,
}

impl AbortedTxn {
    /// Bytes of an entry in Kafka's file.
    pub const SIZE_BYTES: usize = 34;
    /// The only version of an entry.
    pub const CURRENT_VERSION: i16 = 0;

    /// The entry as it stands in the file.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE_BYTES] {
        let mut out = [0; Self::SIZE_BYTES];
        out[..2].copy_from_slice(&Self::CURRENT_VERSION.to_be_bytes());
        let fields = [
            self.producer_id.0,
            self.first_offset.0,
            self.last_offset.0,
            self.last_stable_offset.0,
        ];
        for (place, field) in out[2..].chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        out
    }
}

/// A `.txnindex` that is not one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionIndexError(String);

impl fmt::Display for TransactionIndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for TransactionIndexError {}

/// The aborted transactions whose markers stand in one segment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransactionIndex {
    entries: Vec<AbortedTxn>,
}

impl TransactionIndex {
    /// Every entry, in the order of the markers.
    #[must_use]
    pub fn entries(&self) -> &[AbortedTxn] {
        &self.entries
    }

    /// Adds an entry behind the others. One whose marker is not behind theirs is left out: it is there.
    pub fn append(&mut self, txn: AbortedTxn) {
        if self.entries.last().is_none_or(|last| last.last_offset < txn.last_offset) {
            self.entries.push(txn);
        }
    }

    /// Drops the entries whose marker is at or after `offset`.
    pub(crate) fn truncate_to(&mut self, offset: Offset) {
        self.entries.retain(|txn| txn.last_offset < offset);
    }

    /// Adds to `out` what overlaps `from..to`; true if later segments have nothing to add
    /// (`collectAbortedTxns`).
    pub(crate) fn collect(&self, from: Offset, to: Offset, out: &mut Vec<AbortedTxn>) -> bool {
        for txn in &self.entries {
            if txn.last_offset >= from && txn.first_offset < to {
                out.push(*txn);
            }
            if txn.last_stable_offset >= to {
                return true;
            }
        }
        false
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.entries.iter().flat_map(AbortedTxn::encode).collect()
    }

    /// Reads the bytes of the file of the segment that begins at `base_offset`. An entry that is cut off
    /// at the end is left out, as Kafka does.
    ///
    /// # Errors
    /// At the first entry of another version, with a marker below the segment, or not behind the one before.
    pub fn decode(bytes: &[u8], base_offset: Offset) -> Result<Self, TransactionIndexError> {
        let mut index = Self::default();
        for (number, entry) in bytes.chunks_exact(AbortedTxn::SIZE_BYTES).enumerate() {
            let mut fields = entry[2..].chunks_exact(8).map(|field| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(field);
                i64::from_be_bytes(bytes)
            });
            let mut next = || fields.next().unwrap_or_default();
            let version = i16::from_be_bytes([entry[0], entry[1]]);
            if version > AbortedTxn::CURRENT_VERSION {
                return Err(TransactionIndexError(format!(
                    "transaction index entry {number}: expected version 0, found {version}"
                )));
            }
            let txn = AbortedTxn {
                producer_id: ProducerId(next()),
                first_offset: Offset(next()),
                last_offset: Offset(next()),
                last_stable_offset: Offset(next()),
            };
            if txn.last_offset < base_offset {
                return Err(TransactionIndexError(format!(
                    "transaction index entry {number}: expected a last offset from {base_offset} on, found {}",
                    txn.last_offset
                )));
            }
            if let Some(before) = index.entries.last()
                && before.last_offset >= txn.last_offset
            {
                return Err(TransactionIndexError(format!(
                    "transaction index entry {number}: expected a last offset above {}, found {}",
                    before.last_offset, txn.last_offset
                )));
            }
            index.entries.push(txn);
        }
        Ok(index)
    }
}
