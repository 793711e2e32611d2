//! What a log remembers of each producer: its last five batches against duplicates and gaps, and its
//! open transaction (`ProducerStateManager`, `ProducerAppendInfo`, KIP-98).

use alloc::collections::VecDeque;
use alloc::format;
use logbrook_sorted::SortedMap;

use logbrook_record::{
    BatchHeader, EndTransactionMarker, NO_SEQUENCE, NO_TIMESTAMP, Offset, ProducerEpoch,
    ProducerId, decrement_sequence,
};

use crate::error::{AppendError, AppendErrorKind};
use crate::log::AppendOrigin;

/// Batches kept of a producer: as many as it may have in flight (`max.in.flight.requests.per.connection`).
pub const NUM_BATCHES_TO_RETAIN: usize = 5;

/// A batch that a producer appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchMetadata {
    /// Sequence number of the last record.
    pub last_sequence: i32,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// Last offset minus first.
    pub offset_delta: i32,
    /// Max timestamp of the batch, in ms.
    pub timestamp: i64,
}

impl BatchMetadata {
    /// Sequence number of the first record.
    #[must_use]
    pub const fn first_sequence(&self) -> i32 {
        decrement_sequence(self.last_sequence, self.offset_delta)
    }

    /// Offset of the first record.
    #[must_use]
    pub fn first_offset(&self) -> Offset {
        self.last_offset.plus(-i64::from(self.offset_delta))
    }
}

/// What is known of one producer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerStateEntry {
    /// Its incarnation.
    pub producer_epoch: ProducerEpoch,
    /// Term of the transaction coordinator that wrote its last marker; -1 for none.
    pub coordinator_epoch: i32,
    /// Of its last batch or marker, in ms.
    pub last_timestamp: i64,
    /// Where its open transaction begins.
    pub current_txn_first_offset: Option<Offset>,
    /// The last batches, oldest first.
    pub batches: VecDeque<BatchMetadata>,
}

impl Default for ProducerStateEntry {
    fn default() -> Self {
        Self {
            producer_epoch: ProducerEpoch::NONE,
            coordinator_epoch: -1,
            last_timestamp: NO_TIMESTAMP,
            current_txn_first_offset: None,
            batches: VecDeque::new(),
        }
    }
}

impl ProducerStateEntry {
    /// Sequence number of the last record; -1 for none.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    fn duplicate_of(&self, header: &BatchHeader) -> Option<BatchMetadata> {
        let (first, last) = (header.base_sequence, header.last_sequence());
        self.batches
            .iter()
            .find(|batch| {
                header.producer_epoch == self.producer_epoch
                    && batch.first_sequence() == first
                    && batch.last_sequence == last
            })
            .copied()
    }

    fn set_epoch(&mut self, epoch: ProducerEpoch) {
        if self.producer_epoch != epoch {
            self.batches.clear();
            self.producer_epoch = epoch;
        }
    }
}

/// A transaction that is open, or closed by a marker that is not replicated yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct TxnMetadata {
    producer_id: ProducerId,
    last_offset: Option<Offset>,
}

/// A transaction that a marker ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CompletedTxn {
    pub(crate) producer_id: ProducerId,
    pub(crate) first_offset: Offset,
    pub(crate) last_offset: Offset,
    pub(crate) aborted: bool,
    /// Where committed reads may go to once the marker is replicated.
    pub(crate) last_stable_offset: Offset,
}

/// Outcome of the check of one batch, to be applied after it was appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ProducerCheck {
    /// No producer id, nothing to keep.
    None,
    /// In the log already.
    Duplicate(BatchMetadata),
    /// Append it.
    Data,
    /// Append it: it ends a transaction.
    Marker(EndTransactionMarker, i64),
}

/// All producers of a log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProducerStateManager {
    producers: SortedMap<ProducerId, ProducerStateEntry>,
    /// By first offset.
    ongoing_txns: SortedMap<Offset, TxnMetadata>,
    /// Ended, but the marker is above the high watermark. By first offset.
    unreplicated_txns: SortedMap<Offset, TxnMetadata>,
}

impl ProducerStateManager {
    /// The producers that are remembered.
    pub fn active_producers(&self) -> impl Iterator<Item = (ProducerId, &ProducerStateEntry)> {
        self.producers.iter().map(|(id, entry)| (*id, entry))
    }

    /// One of them.
    #[must_use]
    pub fn last_entry(&self, producer_id: ProducerId) -> Option<&ProducerStateEntry> {
        self.producers.get(&producer_id)
    }

    /// Where the first transaction begins that is open or whose marker is not replicated.
    #[must_use]
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        let ongoing = self.ongoing_txns.keys().next();
        let unreplicated = self.unreplicated_txns.keys().next();
        ongoing.into_iter().chain(unreplicated).min().copied()
    }

    /// Checks a batch against what is known; `header` has its offsets already. Changes nothing.
    pub(crate) fn check(
        &self,
        header: &BatchHeader,
        marker: Option<(EndTransactionMarker, i64)>,
        origin: AppendOrigin,
    ) -> Result<ProducerCheck, AppendError> {
        if !header.has_producer_id() {
            return Ok(ProducerCheck::None);
        }
        let unknown = ProducerStateEntry::default();
        let entry = self.producers.get(&header.producer_id).unwrap_or(&unknown);
        if origin == AppendOrigin::Client
            && let Some(duplicate) = entry.duplicate_of(header)
        {
            return Ok(ProducerCheck::Duplicate(duplicate));
        }
        if header.attributes.is_control() && marker.is_none() {
            // The cleaner emptied it: the whole transaction is gone.
            return Ok(ProducerCheck::None);
        }
        let (id, epoch, offset) = (header.producer_id, header.producer_epoch, header.base_offset);
        if origin != AppendOrigin::Replication && epoch < entry.producer_epoch {
            return Err(AppendError::new(
                AppendErrorKind::InvalidProducerEpoch,
                format!(
                    "Epoch of producer {id} at offset {offset} in {{tp}} is {epoch}, which is smaller than the last seen epoch {}",
                    entry.producer_epoch
                ),
            ));
        }
        if let Some((marker, timestamp)) = marker {
            if origin != AppendOrigin::Replication
                && entry.coordinator_epoch > marker.coordinator_epoch
            {
                return Err(AppendError::new(
                    AppendErrorKind::TransactionCoordinatorFenced,
                    format!(
                        "Invalid coordinator epoch for producerId {id} at offset {offset} in partition {{tp}}: {} (zombie), {} (current)",
                        marker.coordinator_epoch, entry.coordinator_epoch
                    ),
                ));
            }
            return Ok(ProducerCheck::Marker(marker, timestamp));
        }
        if origin == AppendOrigin::Client {
            check_sequence(entry, header)?;
        }
        if entry.current_txn_first_offset.is_some() && !header.attributes.is_transactional() {
            return Err(AppendError::new(
                AppendErrorKind::InvalidTxnState,
                format!(
                    "Expected transactional write from producer {id} at offset {offset} in partition {{tp}}"
                ),
            ));
        }
        Ok(ProducerCheck::Data)
    }

    /// Takes in a batch that was appended; the transaction that it ended, if it did.
    pub(crate) fn apply(
        &mut self,
        header: &BatchHeader,
        check: ProducerCheck,
    ) -> Option<CompletedTxn> {
        match check {
            ProducerCheck::None | ProducerCheck::Duplicate(_) => None,
            ProducerCheck::Data => {
                let entry = self.producers.entry(header.producer_id).or_default();
                entry.set_epoch(header.producer_epoch);
                if entry.batches.len() == NUM_BATCHES_TO_RETAIN {
                    entry.batches.pop_front();
                }
                entry.batches.push_back(BatchMetadata {
                    last_sequence: header.last_sequence(),
                    last_offset: header.last_offset(),
                    offset_delta: header.last_offset_delta,
                    timestamp: header.max_timestamp,
                });
                entry.last_timestamp = header.max_timestamp;
                if header.attributes.is_transactional() && entry.current_txn_first_offset.is_none()
                {
                    entry.current_txn_first_offset = Some(header.base_offset);
                    let txn = TxnMetadata { producer_id: header.producer_id, last_offset: None };
                    self.ongoing_txns.insert(header.base_offset, txn);
                }
                None
            }
            ProducerCheck::Marker(marker, timestamp) => {
                let entry = self.producers.entry(header.producer_id).or_default();
                entry.set_epoch(header.producer_epoch);
                entry.coordinator_epoch = marker.coordinator_epoch;
                entry.last_timestamp = timestamp;
                let first_offset = entry.current_txn_first_offset.take()?;
                let last_offset = header.base_offset;
                let last_stable_offset = self
                    .ongoing_txns
                    .iter()
                    .find(|(_, txn)| txn.producer_id != header.producer_id)
                    .map_or(last_offset.next(), |(first, _)| *first);
                self.ongoing_txns.remove(&first_offset);
                let txn =
                    TxnMetadata { producer_id: header.producer_id, last_offset: Some(last_offset) };
                self.unreplicated_txns.insert(first_offset, txn);
                let aborted = !marker.committed;
                Some(CompletedTxn {
                    producer_id: header.producer_id,
                    first_offset,
                    last_offset,
                    aborted,
                    last_stable_offset,
                })
            }
        }
    }

    /// Transactions whose marker is replicated are stable.
    pub(crate) fn on_high_watermark_updated(&mut self, high_watermark: Offset) {
        self.unreplicated_txns
            .retain(|_, txn| txn.last_offset.is_none_or(|last| last >= high_watermark));
    }

    /// Forgets the producers that wrote nothing for `expiration_ms` and have no open transaction.
    pub(crate) fn remove_expired(&mut self, now: i64, expiration_ms: i64) {
        self.producers.retain(|_, entry| {
            entry.current_txn_first_offset.is_some()
                || now.saturating_sub(entry.last_timestamp) < expiration_ms
        });
    }
}

fn in_sequence(last: i32, next: i32) -> bool {
    i64::from(next) == i64::from(last) + 1 || (next == 0 && last == i32::MAX)
}

fn check_sequence(entry: &ProducerStateEntry, header: &BatchHeader) -> Result<(), AppendError> {
    let (id, epoch, offset, first) =
        (header.producer_id, header.producer_epoch, header.base_offset, header.base_sequence);
    if entry.producer_epoch == ProducerEpoch::NONE {
        // Nothing is known, perhaps because retention took it: any sequence may begin (KIP-360).
        return Ok(());
    }
    if epoch != entry.producer_epoch {
        if first == 0 {
            return Ok(());
        }
        return Err(AppendError::new(
            AppendErrorKind::OutOfOrderSequence,
            format!(
                "Invalid sequence number for new epoch of producer {id}at offset {offset} in partition {{tp}}: {epoch} (request epoch), {first} (seq. number), {} (current producer epoch)",
                entry.producer_epoch
            ),
        ));
    }
    let last = entry.last_sequence();
    if in_sequence(last, first) {
        return Ok(());
    }
    Err(AppendError::new(
        AppendErrorKind::OutOfOrderSequence,
        format!(
            "Out of order sequence number for producer {id} at offset {offset} in partition {{tp}}: {first} (incoming seq. number), {last} (current end sequence number)"
        ),
    ))
}
