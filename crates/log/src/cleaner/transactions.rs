//! What the cleaner knows of transactions while it reads a log from its start
//! (`CleanedTransactionMetadata`).

use alloc::vec::Vec;

use logbrook_record::{Batch, BatchError, BatchHeader, EndTransactionMarker, Offset, ProducerId};
use logbrook_sorted::{SortedMap, SortedSet};

use crate::transaction_index::AbortedTxn;

#[derive(Debug)]
struct Aborted {
    txn: AbortedTxn,
    /// A batch of it was met.
    observed: bool,
}

#[derive(Debug, Default)]
pub(super) struct CleanedTransactions {
    ongoing_committed: SortedSet<ProducerId>,
    ongoing_aborted: SortedMap<ProducerId, Aborted>,
    /// Not begun yet; the next one last.
    aborted: Vec<AbortedTxn>,
}

/// What becomes of a control batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MarkerFate {
    /// Nothing of its transaction is left: it may go, after a while.
    Discardable,
    /// Batches of its transaction are left.
    Kept,
    /// The same, and the transaction was aborted: an entry for the index.
    KeptAborted(AbortedTxn),
}

impl CleanedTransactions {
    pub(super) fn add_aborted(&mut self, aborted: Vec<AbortedTxn>) {
        self.aborted.extend(aborted);
        logbrook_sorted::sort_by_key(&mut self.aborted, |txn| {
            core::cmp::Reverse((txn.first_offset, txn.last_offset))
        });
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(txn) = self.aborted.pop_if(|txn| txn.first_offset <= offset) {
            if !self.ongoing_aborted.contains_key(&txn.producer_id) {
                self.ongoing_aborted.insert(txn.producer_id, Aborted { txn, observed: false });
            }
        }
    }

    /// A control batch was met.
    pub(super) fn on_control_batch(&mut self, batch: &Batch) -> Result<MarkerFate, BatchError> {
        let header = batch.header();
        self.begin_up_to(header.last_offset());
        if header.records_count == 0 {
            return Ok(MarkerFate::Discardable);
        }
        let Some((marker, _)) = EndTransactionMarker::read(batch)? else {
            return Ok(MarkerFate::Kept);
        };
        if marker.committed {
            let batches_left = self.ongoing_committed.remove(&header.producer_id);
            return Ok(if batches_left { MarkerFate::Kept } else { MarkerFate::Discardable });
        }
        Ok(match self.ongoing_aborted.remove(&header.producer_id) {
            Some(Aborted { txn, observed: true }) => MarkerFate::KeptAborted(txn),
            Some(Aborted { observed: false, .. }) | None => MarkerFate::Discardable,
        })
    }

    /// Another batch was met. True if its transaction was aborted.
    pub(super) fn on_batch(&mut self, header: &BatchHeader) -> bool {
        self.begin_up_to(header.last_offset());
        if !header.attributes.is_transactional() {
            return false;
        }
        match self.ongoing_aborted.get_mut(&header.producer_id) {
            Some(aborted) => {
                aborted.observed = true;
                true
            }
            None => {
                self.ongoing_committed.insert(header.producer_id);
                false
            }
        }
    }
}
