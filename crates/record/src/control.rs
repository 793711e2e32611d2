//! Control records: the markers that end a transaction (`EndTransactionMarker`, KIP-98).

use alloc::format;

use bytes::Bytes;

use crate::batch::Batch;
use crate::builder::{BatchBuilder, BatchOptions};
use crate::error::{BatchError, BatchErrorKind};
use crate::ids::{ProducerEpoch, ProducerId};

/// How a transaction ended, and which coordinator said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndTransactionMarker {
    /// `COMMIT`, else `ABORT`.
    pub committed: bool,
    /// Term of the transaction coordinator.
    pub coordinator_epoch: i32,
}

impl EndTransactionMarker {
    /// The control batch that a coordinator has written to a partition of the transaction, at `timestamp` ms.
    ///
    /// # Errors
    /// None today; a batch without a codec can always be written.
    pub fn batch(
        self,
        timestamp: i64,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
    ) -> Result<Bytes, BatchError> {
        let mut builder = BatchBuilder::new(BatchOptions {
            producer_id,
            producer_epoch,
            transactional: true,
            control: true,
            ..BatchOptions::default()
        });
        let mut value = [0; 6];
        value[2..].copy_from_slice(&self.coordinator_epoch.to_be_bytes());
        builder.append(timestamp, Some(&[0, 0, 0, u8::from(self.committed)]), Some(&value), &[]);
        builder.build()
    }

    /// The marker in a control batch and its timestamp; `None` for an emptied batch or another sort of control record.
    ///
    /// # Errors
    /// If the record, its key or its value cannot be read.
    pub fn read(batch: &Batch) -> Result<Option<(Self, i64)>, BatchError> {
        let records = batch.records()?;
        let Some(record) = records.first() else { return Ok(None) };
        let short = |field: &str, expected: usize, found: Option<&Bytes>| {
            let found =
                found.map_or_else(|| "null".into(), |bytes| format!("{} bytes", bytes.len()));
            BatchError::new(
                BatchErrorKind::Record,
                0,
                format!("record 0/{field}"),
                format!("{expected} bytes"),
                found,
            )
        };
        // Key: version i16, type i16 (0 ABORT, 1 COMMIT). Value: version i16, coordinator epoch i32.
        let Some([_, _, high, low]) = record.key.as_deref().and_then(|key| key.first_chunk::<4>())
        else {
            return Err(short("key", 4, record.key.as_ref()));
        };
        let committed = match i16::from_be_bytes([*high, *low]) {
            0 => false,
            1 => true,
            _ => return Ok(None),
        };
        let Some([_, _, epoch @ ..]) =
            record.value.as_deref().and_then(|value| value.first_chunk::<6>())
        else {
            return Err(short("value", 6, record.value.as_ref()));
        };
        Ok(Some((
            Self { committed, coordinator_epoch: i32::from_be_bytes(*epoch) },
            record.timestamp,
        )))
    }
}
