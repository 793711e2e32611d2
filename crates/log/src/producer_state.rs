//! What a log remembers of each producer: its last five batches against duplicates and gaps, and its
//! open transaction (`ProducerStateManager`, `ProducerAppendInfo`, KIP-98).

use alloc::collections::VecDeque;
use alloc::format;
use logbrook_planted::{Bug, planted};
use logbrook_sorted::SortedMap;

use logbrook_record::{
    BatchHeader, EndTransactionMarker, NO_SEQUENCE, NO_TIMESTAMP, Offset, ProducerEpoch,
    ProducerId, decrement_sequence,
};

use crate::error::{AppendError, AppendErrorKind};
use crate::log::AppendOrigin;
use crate::transaction_index::AbortedTxn;
use crate::verification::{TransactionVersion, VerificationGuard, VerificationStateEntry};

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

    /// Silent for `expiration_ms`, and without an open transaction.
    pub(crate) fn is_expired(&self, now: i64, expiration_ms: i64) -> bool {
        self.current_txn_first_offset.is_none()
            && now.saturating_sub(self.last_timestamp) >= expiration_ms
    }

    fn set_epoch(&mut self, epoch: ProducerEpoch) {
        if self.producer_epoch != epoch {
            self.batches.clear();
            self.producer_epoch = epoch;
        }
    }
}

/// How long a transaction may go on after its timeout before it counts as hanging, in ms
/// (`LATE_TRANSACTION_BUFFER_MS`).
pub const LATE_TRANSACTION_BUFFER_MS: i64 = 5 * 60 * 1000;

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

impl From<CompletedTxn> for AbortedTxn {
    fn from(txn: CompletedTxn) -> Self {
        Self {
            producer_id: txn.producer_id,
            first_offset: txn.first_offset,
            last_offset: txn.last_offset,
            last_stable_offset: txn.last_stable_offset,
        }
    }
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

/// Under which rules a batch is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckRules {
    pub(crate) origin: AppendOrigin,
    pub(crate) verification_guard: VerificationGuard,
    pub(crate) transaction_version: TransactionVersion,
    /// `transaction.partition.verification.enable`.
    pub(crate) verification_enabled: bool,
}

impl CheckRules {
    /// What a leader has checked (or this log, before it was read again).
    pub(crate) const REPLICATION: Self = Self {
        origin: AppendOrigin::Replication,
        verification_guard: VerificationGuard::SENTINEL,
        transaction_version: TransactionVersion::UNKNOWN,
        verification_enabled: false,
    };
}

/// All producers of a log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProducerStateManager {
    producers: SortedMap<ProducerId, ProducerStateEntry>,
    verification_states: SortedMap<ProducerId, VerificationStateEntry>,
    /// Guards handed out; each gets a number of its own.
    guards: u64,
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

    /// What is known of these producers, and nothing else: enough to check what a leader sent of them.
    pub(crate) fn only(&self, ids: impl Iterator<Item = ProducerId>) -> Self {
        let entry = |id| Some((id, self.producers.get(&id)?.clone()));
        Self { producers: ids.filter_map(entry).collect(), ..Self::default() }
    }

    /// Where the first transaction begins that is open or whose marker is not replicated.
    #[must_use]
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        let ongoing = self.ongoing_txns.keys().next();
        let unreplicated = self.unreplicated_txns.keys().next();
        ongoing.into_iter().chain(unreplicated).min().copied()
    }

    /// Where the first open transaction begins, replicated or not.
    #[must_use]
    pub fn first_undecided_offset(&self) -> Option<Offset> {
        self.ongoing_txns.keys().next().copied()
    }

    /// Whether the producer has an open transaction under this epoch; under a newer one, that
    /// transaction may be over (`UnifiedLog.hasOngoingTransaction`).
    #[must_use]
    pub fn has_ongoing_transaction(&self, producer_id: ProducerId, epoch: ProducerEpoch) -> bool {
        self.producers.get(&producer_id).is_some_and(|entry| {
            entry.current_txn_first_offset.is_some() && entry.producer_epoch == epoch
        })
    }

    /// Whether the oldest open transaction is older than any timeout allows: its coordinator has lost it.
    #[must_use]
    pub fn has_late_transaction(&self, now: i64, max_transaction_timeout_ms: i64) -> bool {
        let oldest = self.ongoing_txns.first_key_value();
        oldest.and_then(|(_, txn)| self.producers.get(&txn.producer_id)).is_some_and(|entry| {
            entry.last_timestamp > 0
                && now.saturating_sub(entry.last_timestamp)
                    > max_transaction_timeout_ms.saturating_add(LATE_TRANSACTION_BUFFER_MS)
        })
    }

    /// The verification of this producer that is under way.
    #[must_use]
    pub fn verification_state_entry(
        &self,
        producer_id: ProducerId,
    ) -> Option<&VerificationStateEntry> {
        self.verification_states.get(&producer_id)
    }

    pub(crate) fn maybe_create_verification_state_entry(
        &mut self,
        producer_id: ProducerId,
        sequence: i32,
        epoch: ProducerEpoch,
        supports_epoch_bump: bool,
        now: i64,
    ) -> VerificationGuard {
        if let Some(entry) = self.verification_states.get_mut(&producer_id) {
            entry.maybe_update_lowest_sequence_and_epoch(sequence, epoch);
            return entry.verification_guard;
        }
        self.guards += 1;
        let verification_guard = VerificationGuard::new(self.guards);
        let entry = VerificationStateEntry {
            timestamp: now,
            verification_guard,
            supports_epoch_bump,
            lowest_sequence: sequence,
            epoch,
        };
        self.verification_states.insert(producer_id, entry);
        verification_guard
    }

    fn guard_of(&self, producer_id: ProducerId) -> VerificationGuard {
        self.verification_states
            .get(&producer_id)
            .map_or(VerificationGuard::SENTINEL, |entry| entry.verification_guard)
    }

    /// Takes in a producer of a snapshot, and its open transaction.
    pub(crate) fn load_producer_entry(&mut self, id: ProducerId, entry: ProducerStateEntry) {
        if let Some(first_offset) = entry.current_txn_first_offset {
            let txn = TxnMetadata { producer_id: id, last_offset: None };
            self.ongoing_txns.insert(first_offset, txn);
        }
        self.producers.insert(id, entry);
    }

    /// Forgets every producer and transaction, but not what is being verified.
    pub(crate) fn clear(&mut self) {
        self.producers.clear();
        self.ongoing_txns.clear();
        self.unreplicated_txns.clear();
    }

    /// Checks a batch against what is known; `header` has its offsets already. Changes nothing.
    pub(crate) fn check(
        &self,
        header: &BatchHeader,
        marker: Option<(EndTransactionMarker, i64)>,
        rules: CheckRules,
    ) -> Result<ProducerCheck, AppendError> {
        if !header.has_producer_id() {
            return Ok(ProducerCheck::None);
        }
        let known = self.producers.get(&header.producer_id);
        if rules.origin == AppendOrigin::Client
            && let Some(duplicate) = known.and_then(|entry| entry.duplicate_of(header))
        {
            return Ok(ProducerCheck::Duplicate(duplicate));
        }
        if rules.origin != AppendOrigin::Replication {
            self.check_transaction_is_known(header, known, rules)?;
        }
        let unknown = ProducerStateEntry::default();
        let entry = known.unwrap_or(&unknown);
        if header.attributes.is_control() {
            // An emptied one: the cleaner took the marker, as the whole transaction is gone.
            let Some((marker, timestamp)) = marker else { return Ok(ProducerCheck::None) };
            if rules.origin != AppendOrigin::Replication {
                // What no one said counts as the version before there was one.
                let version = rules.transaction_version.max(TransactionVersion(0));
                check_producer_epoch(entry, header, version)?;
                check_coordinator_epoch(entry, header, marker)?;
            }
            return Ok(ProducerCheck::Marker(marker, timestamp));
        }
        if rules.origin != AppendOrigin::Replication {
            check_producer_epoch(entry, header, TransactionVersion::UNKNOWN)?;
        }
        if rules.origin == AppendOrigin::Client {
            let verification = self.verification_states.get(&header.producer_id);
            check_sequence(entry, verification, header)?;
        }
        if entry.current_txn_first_offset.is_some() && !header.attributes.is_transactional() {
            return Err(AppendError::new(
                AppendErrorKind::InvalidTxnState,
                format!(
                    "Expected transactional write from producer {} at offset {} in partition {{tp}}",
                    header.producer_id, header.base_offset
                ),
            ));
        }
        Ok(ProducerCheck::Data)
    }

    /// A batch of a transaction must belong to one that is open here, or that its coordinator was asked
    /// about (KIP-890).
    fn check_transaction_is_known(
        &self,
        header: &BatchHeader,
        known: Option<&ProducerStateEntry>,
        rules: CheckRules,
    ) -> Result<(), AppendError> {
        let (id, epoch) = (header.producer_id, header.producer_epoch);
        if !header.attributes.is_transactional() || self.has_ongoing_transaction(id, epoch) {
            return Ok(());
        }
        if let Some(entry) = known {
            check_epoch_is_current(entry, id, epoch)?;
        }
        if rules.verification_enabled
            && !header.attributes.is_control()
            && !self.guard_of(id).verify(rules.verification_guard)
        {
            return Err(AppendError::new(
                AppendErrorKind::InvalidTxnState,
                "Record was not part of an ongoing transaction",
            ));
        }
        Ok(())
    }

    /// Takes in a batch that was appended; the transaction that it ended, if it did.
    pub(crate) fn apply(
        &mut self,
        header: &BatchHeader,
        check: ProducerCheck,
    ) -> Option<CompletedTxn> {
        let completed = match check {
            ProducerCheck::None | ProducerCheck::Duplicate(_) => None,
            ProducerCheck::Data => {
                self.apply_data(header);
                None
            }
            ProducerCheck::Marker(marker, timestamp) => {
                self.apply_marker(header, marker, timestamp)
            }
        };
        if header.attributes.is_transactional() {
            self.maybe_clear_verification(header);
        }
        completed
    }

    /// The transaction is known by its first offset now, or over. Only a marker may meet a verification
    /// of the next transaction, which under v2 has the marker's epoch already.
    fn maybe_clear_verification(&mut self, header: &BatchHeader) {
        let Some(entry) = self.verification_states.get(&header.producer_id) else { return };
        let next_transaction_started = entry.supports_epoch_bump
            && header.attributes.is_control()
            && header.producer_epoch == entry.epoch;
        if !next_transaction_started {
            self.verification_states.remove(&header.producer_id);
        }
    }

    fn apply_data(&mut self, header: &BatchHeader) {
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
        if header.attributes.is_transactional() && entry.current_txn_first_offset.is_none() {
            entry.current_txn_first_offset = Some(header.base_offset);
            let txn = TxnMetadata { producer_id: header.producer_id, last_offset: None };
            self.ongoing_txns.insert(header.base_offset, txn);
        }
    }

    fn apply_marker(
        &mut self,
        header: &BatchHeader,
        marker: EndTransactionMarker,
        timestamp: i64,
    ) -> Option<CompletedTxn> {
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
        let txn = TxnMetadata { producer_id: header.producer_id, last_offset: Some(last_offset) };
        self.unreplicated_txns.insert(first_offset, txn);
        Some(CompletedTxn {
            producer_id: header.producer_id,
            first_offset,
            last_offset,
            aborted: !marker.committed,
            last_stable_offset,
        })
    }

    /// Transactions whose marker is replicated are stable.
    pub(crate) fn on_high_watermark_updated(&mut self, high_watermark: Offset) {
        self.unreplicated_txns
            .retain(|_, txn| txn.last_offset.is_none_or(|last| last >= high_watermark));
    }

    /// Forgets the producers that wrote nothing for `expiration_ms` and have no open transaction, and
    /// verifications that nothing came of for as long.
    pub(crate) fn remove_expired(&mut self, now: i64, expiration_ms: i64) {
        self.producers.retain(|_, entry| !entry.is_expired(now, expiration_ms));
        self.verification_states
            .retain(|_, entry| now.saturating_sub(entry.timestamp) < expiration_ms);
    }
}

fn in_sequence(last: i32, next: i32) -> bool {
    i64::from(next) == i64::from(last) + 1 || (next == 0 && last == i32::MAX)
}

/// Where there is no offset to name yet: before a transaction is verified.
pub(crate) fn check_epoch_is_current(
    entry: &ProducerStateEntry,
    id: ProducerId,
    epoch: ProducerEpoch,
) -> Result<(), AppendError> {
    if epoch >= entry.producer_epoch {
        return Ok(());
    }
    Err(AppendError::new(
        AppendErrorKind::InvalidProducerEpoch,
        format!(
            "Epoch of producer {id} is {epoch}, which is smaller than the last seen epoch {}",
            entry.producer_epoch
        ),
    ))
}

/// Under transactions v2 a marker has a higher epoch than its transaction; a second marker of the same
/// epoch is let through when the transaction is over (a retry of the coordinator, KAFKA-19999).
fn check_producer_epoch(
    entry: &ProducerStateEntry,
    header: &BatchHeader,
    version: TransactionVersion,
) -> Result<(), AppendError> {
    let (epoch, current) = (header.producer_epoch, entry.producer_epoch);
    let v2 = version >= TransactionVersion::TV_2;
    let valid = if v2 { epoch > current } else { epoch >= current };
    let retry =
        v2 && epoch == current && (entry.current_txn_first_offset.is_none() || epoch.0 == i16::MAX);
    if valid || retry {
        return Ok(());
    }
    Err(AppendError::new(
        AppendErrorKind::InvalidProducerEpoch,
        format!(
            "Epoch of producer {} at offset {} in {{tp}} is {epoch}, which is {} the last seen epoch {current} (TV{})",
            header.producer_id,
            header.base_offset,
            if v2 { "<=" } else { "<" },
            version.0
        ),
    ))
}

fn check_coordinator_epoch(
    entry: &ProducerStateEntry,
    header: &BatchHeader,
    marker: EndTransactionMarker,
) -> Result<(), AppendError> {
    if entry.coordinator_epoch <= marker.coordinator_epoch {
        return Ok(());
    }
    Err(AppendError::new(
        AppendErrorKind::TransactionCoordinatorFenced,
        format!(
            "Invalid coordinator epoch for producerId {} at offset {} in partition {{tp}}: {} (zombie), {} (current)",
            header.producer_id,
            header.base_offset,
            marker.coordinator_epoch,
            entry.coordinator_epoch
        ),
    ))
}

fn check_sequence(
    entry: &ProducerStateEntry,
    verification: Option<&VerificationStateEntry>,
    header: &BatchHeader,
) -> Result<(), AppendError> {
    let (id, epoch, offset, first) =
        (header.producer_id, header.producer_epoch, header.base_offset, header.base_sequence);
    let out_of_order = |text| Err(AppendError::new(AppendErrorKind::OutOfOrderSequence, text));
    if let Some(verification) = verification {
        if verification.supports_epoch_bump && first != 0 && entry.batches.is_empty() {
            return out_of_order(format!(
                "Invalid sequence number for producer {id} at offset {offset} in partition {{tp}}: {first} (incoming seq. number). Expected sequence 0 for transactions v2 idempotent producer with no existing state."
            ));
        }
        if first > verification.lowest_sequence {
            return out_of_order(format!(
                "Out of order sequence number for producer {id} at offset {offset} in partition {{tp}}: {first} (incoming seq. number), {} (earliest seen sequence)",
                verification.lowest_sequence
            ));
        }
    }
    if entry.producer_epoch == ProducerEpoch::NONE {
        // Nothing is known, perhaps because retention took it: any sequence may begin (KIP-360).
        return Ok(());
    }
    if epoch != entry.producer_epoch {
        if first == 0 {
            return Ok(());
        }
        return out_of_order(format!(
            "Invalid sequence number for new epoch of producer {id}at offset {offset} in partition {{tp}}: {epoch} (request epoch), {first} (seq. number), {} (current producer epoch)",
            entry.producer_epoch
        ));
    }
    let last = entry.last_sequence();
    if in_sequence(last, first) || planted(Bug::SkipSequenceCheck) {
        return Ok(());
    }
    out_of_order(format!(
        "Out of order sequence number for producer {id} at offset {offset} in partition {{tp}}: {first} (incoming seq. number), {last} (current end sequence number)"
    ))
}
