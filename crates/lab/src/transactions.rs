//! What became of transactions, as the logs of the partitions' leaders say (KIP-98).
//!
//! A transaction's records stand in the log like any others as soon as they are sent. What ends it is a
//! control batch, the marker COMMIT or ABORT, that the coordinator has written to each of its partitions.
//! Markers are written one partition at a time, so for a moment one partition has it and another has not.

use logbrook_log::Log;
use logbrook_record::{EndTransactionMarker, ProducerId};
use logbrook_sorted::SortedMap;

/// One producer's transaction in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// Whose.
    pub(crate) producer_id: i64,
    /// Under which epoch its records were written. With `transaction.version` 2 (KIP-890) every transaction has
    /// one of its own.
    pub(crate) producer_epoch: i16,
    /// First and last offset of each of its batches.
    pub(crate) batches: Vec<(i64, i64)>,
    /// Its marker's word; `None` while it is open.
    pub(crate) committed: Option<bool>,
}

impl Transaction {
    /// Offset of its first record.
    pub(crate) fn first_offset(&self) -> i64 {
        self.batches.first().map_or(0, |(first, _)| *first)
    }
}

/// The transactions whose records a log holds, in the order in which they ended; open ones last.
pub(crate) fn transactions(log: &Log) -> Vec<Transaction> {
    let mut open: SortedMap<ProducerId, Transaction> = SortedMap::new();
    let mut out = Vec::new();
    for batch in log.batches(log.log_start_offset(), log.log_end_offset()) {
        let header = batch.header();
        if !header.attributes.is_transactional() {
            continue;
        }
        if header.attributes.is_control() {
            let marker = EndTransactionMarker::read(&batch).ok().flatten();
            let Some(mut ended) = open.remove(&header.producer_id) else { continue };
            ended.committed = marker.map(|(marker, _)| marker.committed);
            out.push(ended);
            continue;
        }
        let of_it = open.entry(header.producer_id).or_insert_with(|| Transaction {
            producer_id: header.producer_id.0,
            producer_epoch: header.producer_epoch.0,
            batches: Vec::new(),
            committed: None,
        });
        of_it.batches.push((header.base_offset.0, header.last_offset().0));
    }
    out.extend(open.into_iter().map(|(_, transaction)| transaction));
    out
}
