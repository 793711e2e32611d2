//! Transactions of a service that reads and writes: its outputs and its place in the input count together
//! or not at all.
//!
//! ```java
//! var records = consumer.poll(Duration.ofMillis(100));
//! producer.beginTransaction();
//! for (var record : records) producer.send(process(record));
//! producer.sendOffsetsToTransaction(next(records), consumer.groupMetadata());
//! producer.commitTransaction();
//! ```
//!
//! With `each` there is one for every record. Where the transaction is aborted, the code seeks back to the
//! first record of it and polls again. `commit=none` forgets the offsets, and `commit=before` commits them
//! outside.

use logbrook_client::process::{Io, Outcome};
use logbrook_client::producer::TransactionCall;
use logbrook_client::{ConsumerRecord, KafkaError, TopicPartition};
use logbrook_record::Offset;
use logbrook_sorted::SortedMap;

use super::record::{partition_of, report};
use super::{AfterCommit, ConsumerApp, Phase, Step};
use crate::code_values::{Commit, Transaction};
use crate::instance::timestamp;
use crate::read_event::ReadEvent;
use crate::spec::AppSpec;

/// The transaction that the code is in, or was in last.
#[derive(Clone)]
pub(super) struct OpenTransaction {
    each: bool,
    open: bool,
    /// The first record of each partition, to seek back to.
    firsts: SortedMap<TopicPartition, Offset>,
    done: Vec<(ConsumerRecord, Option<ReadEvent>, Outcome)>,
}

impl OpenTransaction {
    pub(super) fn new(spec: &AppSpec) -> Option<Self> {
        let each = match spec.code.transaction {
            Transaction::Off => return None,
            Transaction::Each => true,
            Transaction::Batch => false,
        };
        Some(Self { each, open: false, firsts: SortedMap::new(), done: Vec::new() })
    }

    pub(super) fn is_each(&self) -> bool {
        self.each
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn done(
        &mut self,
        record: ConsumerRecord,
        event: Option<ReadEvent>,
        outcome: Outcome,
    ) {
        self.done.push((record, event, outcome));
    }
}

impl ConsumerApp {
    /// `initTransactions`, before the first poll.
    pub(super) fn start_transactions(&mut self, io: &mut Io) -> Step {
        let Some(writer) = self.writer.as_mut().filter(|_| self.transaction.is_some()) else {
            return Step::GoesOn;
        };
        match writer.client().init_transactions(io.now) {
            Ok(call) => {
                self.phase = Phase::Starting(call);
                Step::GoesOn
            }
            Err(error) => self.crash(io, &error),
        }
    }

    pub(super) fn returned(&mut self, call: TransactionCall) -> Option<Result<(), KafkaError>> {
        self.writer.as_mut()?.take_returned(call)
    }

    /// The record belongs to a transaction: the open one, or one that begins with it.
    pub(super) fn begin_transaction(&mut self, io: &mut Io, record: &ConsumerRecord) -> Step {
        let (Some(transaction), Some(writer)) = (&mut self.transaction, &mut self.writer) else {
            return Step::GoesOn;
        };
        if !transaction.open {
            if let Err(error) = writer.client().begin_transaction() {
                return self.crash(io, &error);
            }
            transaction.open = true;
            transaction.firsts.clear();
        }
        transaction.firsts.entry(partition_of(record)).or_insert(record.offset);
        Step::GoesOn
    }

    /// The code is through with the transaction's records: their offsets, then the commit.
    pub(super) fn end_transaction(&mut self, io: &mut Io, then: AfterCommit) -> Step {
        let (Some(transaction), Some(writer)) = (&self.transaction, &mut self.writer) else {
            return Step::GoesOn;
        };
        let mut next = SortedMap::new();
        for (record, _, _) in &transaction.done {
            next.insert(partition_of(record), Offset(record.offset.0.saturating_add(1)));
        }
        let offsets: Vec<_> = next.into_iter().collect();
        let with_offsets = match self.spec.code.commit {
            Commit::None | Commit::Before => false,
            Commit::Auto
            | Commit::AfterBatch
            | Commit::AfterEach
            | Commit::LowestDone
            | Commit::HighestDone => !offsets.is_empty(),
        };
        let group = self.consumer.group_metadata();
        let begun = if with_offsets {
            writer
                .client()
                .send_offsets_to_transaction(io.now, offsets, group)
                .map(|call| Phase::SendingOffsets { call, then })
        } else {
            let commit = writer.client().commit_transaction(io.now);
            commit.map(|call| Phase::CommittingTransaction { call, then })
        };
        self.go_on(io, begun)
    }

    fn go_on(&mut self, io: &mut Io, begun: Result<Phase, KafkaError>) -> Step {
        match begun {
            Ok(phase) => {
                self.phase = phase;
                Step::GoesOn
            }
            Err(error) => self.abort(io, &error, 0),
        }
    }

    /// The answers to the blocking calls of a transaction.
    pub(super) fn advance_transaction(&mut self, io: &mut Io) -> Step {
        let (call, then) = match &self.phase {
            Phase::SendingOffsets { call, then } | Phase::CommittingTransaction { call, then } => {
                (*call, Some(*then))
            }
            Phase::Aborting { call, .. } => (*call, None),
            _ => return Step::Waits,
        };
        let Some(result) = self.returned(call) else { return Step::Waits };
        let Some(writer) = &mut self.writer else { return Step::Waits };
        match (&self.phase, then, result) {
            (Phase::SendingOffsets { .. }, Some(then), Ok(())) => {
                let commit = writer.client().commit_transaction(io.now);
                self.go_on(io, commit.map(|call| Phase::CommittingTransaction { call, then }))
            }
            (Phase::CommittingTransaction { .. }, Some(then), Ok(())) => {
                writer.transaction_ended(io, true);
                self.transaction_over(io, true);
                self.phase = then.phase();
                Step::GoesOn
            }
            // `commitTransaction` may be called again after a timeout.
            (Phase::CommittingTransaction { .. }, Some(then), Err(error)) if error.retriable => {
                let commit = writer.client().commit_transaction(io.now);
                self.go_on(io, commit.map(|call| Phase::CommittingTransaction { call, then }))
            }
            (Phase::Aborting { backoff_ms, .. }, _, Ok(())) => {
                let until_ms = io.now.saturating_add(*backoff_ms);
                writer.transaction_ended(io, false);
                self.transaction_over(io, false);
                match self.seek_to_firsts() {
                    Ok(()) => {
                        self.phase = Phase::Backoff { until_ms };
                        Step::GoesOn
                    }
                    Err(error) => self.crash(io, &error),
                }
            }
            (Phase::Aborting { backoff_ms, .. }, _, Err(error)) if error.retriable => {
                let backoff_ms = *backoff_ms;
                match writer.client().abort_transaction(io.now) {
                    Ok(call) => {
                        self.phase = Phase::Aborting { call, backoff_ms };
                        Step::GoesOn
                    }
                    Err(error) => self.crash(io, &error),
                }
            }
            (Phase::Aborting { .. }, _, Err(error)) => self.crash(io, &error),
            (_, _, Err(error)) => self.abort(io, &error, 0),
            (_, _, Ok(())) => Step::GoesOn,
        }
    }

    /// Takes the transaction back, and ends the program where that is not possible: the producer is fenced.
    pub(super) fn abort(&mut self, io: &mut Io, error: &KafkaError, backoff_ms: i64) -> Step {
        let Some(writer) = &mut self.writer else { return Step::GoesOn };
        let time = timestamp(io.now);
        let name = &self.spec.name;
        io.stderr(&format!("[{time}] WARN [{name}] aborting the transaction: {error}\n"));
        match writer.client().abort_transaction(io.now) {
            Ok(call) => {
                self.phase = Phase::Aborting { call, backoff_ms };
                Step::GoesOn
            }
            Err(_) => self.crash(io, error),
        }
    }

    fn transaction_over(&mut self, io: &mut Io, committed: bool) {
        let Some(transaction) = &mut self.transaction else { return };
        transaction.open = false;
        for (record, event, outcome) in core::mem::take(&mut transaction.done) {
            let outcome = if committed { outcome } else { Outcome::Failed };
            report(io, &record, event.as_ref(), outcome);
        }
    }

    /// The next poll returns the transaction's records again, and those that were polled with them and not
    /// begun: the position is beyond these too. A partition that was given away meanwhile is its new owner's.
    fn seek_to_firsts(&mut self) -> Result<(), KafkaError> {
        let left = core::mem::take(&mut self.batch);
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        for record in &left {
            transaction.firsts.entry(partition_of(record)).or_insert(record.offset);
        }
        let assigned = self.consumer.assignment();
        for (partition, offset) in core::mem::take(&mut transaction.firsts) {
            if assigned.contains(&partition) {
                self.consumer.seek(&partition, offset)?;
            }
        }
        Ok(())
    }
}
