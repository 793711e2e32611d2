//! What stays of one batch (`Cleaner.cleanInto`, `MemoryRecords.filterTo`).

use bytes::Bytes;
use logbrook_record::{
    Batch, BatchBuilder, BatchOptions, Offset, ProducerEpoch, ProducerId, Record, empty_batch,
};
use logbrook_sorted::SortedMap;

use super::offset_map::OffsetMap;
use super::transactions::{CleanedTransactions, MarkerFate};
use super::{CleanError, CleanerStats};
use crate::segment::Segment;

/// The last thing that the log has of a producer (`LastRecord`).
#[derive(Clone, Copy, Debug)]
pub(super) struct LastRecord {
    /// Of its last batch; none if that is a marker.
    pub(super) last_data_offset: Option<Offset>,
    pub(super) producer_epoch: ProducerEpoch,
}

/// What does not change in a round.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    pub(super) map: &'a OffsetMap,
    pub(super) last_records: &'a SortedMap<ProducerId, LastRecord>,
    /// End of the round: the batch before it stays, so that its offset is not lost.
    pub(super) upper_bound: Offset,
    pub(super) delete_retention_ms: i64,
    pub(super) now: i64,
}

/// What becomes of a batch all of whose records go (`BatchRetention`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WhenEmpty {
    Delete,
    Retain,
}

impl Filter<'_> {
    /// The bytes that stay, and the index entry if it is the marker of an aborted transaction.
    pub(super) fn retained(
        &self,
        batch: &Batch,
        transactions: &mut CleanedTransactions,
        cleaned: &mut Segment,
        stats: &mut CleanerStats,
    ) -> Result<Option<Bytes>, CleanError> {
        let header = batch.header();
        let control = header.attributes.is_control();
        let discardable = if control {
            match transactions.on_control_batch(batch)? {
                MarkerFate::Discardable => true,
                MarkerFate::Kept => false,
                MarkerFate::KeptAborted(txn) => {
                    cleaned.append_aborted_txn(txn)?;
                    false
                }
            }
        } else {
            transactions.on_batch(header)
        };
        // A marker goes the way of a tombstone: not before its horizon has passed.
        let discard_records = discardable
            && (!control || header.delete_horizon_ms().is_some_and(|horizon| horizon <= self.now));
        let when_empty =
            if self.is_last_of_its_producer(batch) || header.next_offset() == self.upper_bound {
                WhenEmpty::Retain
            } else if discard_records {
                stats.messages_read += usize::try_from(header.records_count).unwrap_or(0);
                return Ok(None);
            } else {
                WhenEmpty::Delete
            };

        let records = batch.records()?;
        stats.messages_read += records.len();
        let read = records.len();
        let mut kept = records;
        kept.retain(|record| {
            !discard_records && (control || self.should_retain_record(batch, record, stats))
        });
        if kept.is_empty() {
            return Ok(match when_empty {
                WhenEmpty::Delete => None,
                WhenEmpty::Retain => Some(empty_batch(header)),
            });
        }
        stats.messages_written += kept.len();
        let tombstones = kept.iter().any(|record| record.value.is_none());
        let sets_horizon =
            (tombstones || (control && discardable)) && header.delete_horizon_ms().is_none();
        if kept.len() == read && !sets_horizon {
            return Ok(Some(batch.bytes().clone()));
        }
        let horizon = if sets_horizon {
            Some(self.now.saturating_add(self.delete_retention_ms))
        } else {
            header.delete_horizon_ms()
        };
        Ok(Some(rebuild(batch, &kept, horizon)?))
    }

    /// It has the producer's last sequence number, or, if that was a marker, its last epoch.
    fn is_last_of_its_producer(&self, batch: &Batch) -> bool {
        let header = batch.header();
        header.has_producer_id()
            && self.last_records.get(&header.producer_id).is_some_and(|last| {
                match last.last_data_offset {
                    Some(offset) => header.last_offset() == offset,
                    None => {
                        header.attributes.is_control()
                            && header.producer_epoch == last.producer_epoch
                    }
                }
            })
    }

    fn should_retain_record(
        &self,
        batch: &Batch,
        record: &Record,
        stats: &mut CleanerStats,
    ) -> bool {
        if record.offset > self.map.latest_offset() {
            return true;
        }
        let Some(key) = &record.key else {
            stats.invalid_messages_read += 1;
            return false;
        };
        let is_latest = self.map.get(key).is_none_or(|latest| record.offset >= latest);
        let is_retained = record.value.is_some()
            || batch.header().delete_horizon_ms().is_none_or(|horizon| self.now < horizon);
        is_latest && is_retained
    }
}

/// The batch with these of its records; its offsets and sequence numbers stay.
fn rebuild(batch: &Batch, records: &[Record], horizon: Option<i64>) -> Result<Bytes, CleanError> {
    let header = batch.header();
    let mut builder = BatchBuilder::new(BatchOptions {
        compression: header.compression()?,
        timestamp_type: header.attributes.timestamp_type(),
        log_append_time: header.max_timestamp,
        base_offset: header.base_offset,
        partition_leader_epoch: header.partition_leader_epoch,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        transactional: header.attributes.is_transactional(),
        control: header.attributes.is_control(),
        delete_horizon_ms: horizon.filter(|horizon| *horizon >= 0),
    });
    for record in records {
        builder.append_with_offset(
            record.offset,
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            &record.headers,
        );
    }
    builder.override_last_offset(header.last_offset());
    Ok(builder.build()?)
}
