//! Transactions of a producer's code.
//!
//! ```java
//! producer.initTransactions();
//! while (running) {
//!     producer.beginTransaction();
//!     for (var event : next()) producer.send(record(event));   // one (each), or up to 100 in a second (batch)
//!     try { producer.commitTransaction(); } catch (KafkaException e) { producer.abortTransaction(); }
//! }
//! ```
//!
//! An event counts as acknowledged when its transaction has committed. What an abort took back is sent
//! again, dropped or ends the process, as `on_send_error` says. An error that no abort mends (another
//! producer has the same `transactional.id`) ends the process.

use logbrook_client::process::{AppEvent, Io};
use logbrook_client::producer::TransactionCall;
use logbrook_client::{KafkaError, RecordMetadata};

use super::ProducerApp;
use crate::code_values::{OnSendError, Transaction};
use crate::generator::Event;
use crate::instance::timestamp;

/// A transaction of `transaction=batch` commits with so many events.
const BATCH_EVENTS: usize = 100;

/// A transaction of `transaction=batch` commits so long after it began, in ms.
const BATCH_MS: i64 = 1_000;

/// Exit code of a JVM whose main thread threw.
const EXIT_CRASH: i32 = 1;

/// Where a transactional producer's code is.
#[derive(Clone)]
pub(super) struct Transactions {
    each: bool,
    state: State,
    /// Events of the open transaction that the broker has, with their places.
    written: Vec<(Event, RecordMetadata)>,
    /// Events of the open transaction that failed.
    failed: Vec<(Event, KafkaError)>,
    /// How many events the open transaction has.
    events: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not started.
    New,
    /// Inside `initTransactions`.
    Starting(TransactionCall),
    /// Between two transactions.
    Ready,
    /// In a transaction that began at this time.
    Open { since_ms: i64 },
    /// Inside `commitTransaction`.
    Committing(TransactionCall),
    /// Inside `abortTransaction`.
    Aborting(TransactionCall),
}

impl Transactions {
    pub(super) fn new(setting: Transaction) -> Option<Self> {
        let each = match setting {
            Transaction::Off => return None,
            Transaction::Each => true,
            Transaction::Batch => false,
        };
        Some(Self { each, state: State::New, written: Vec::new(), failed: Vec::new(), events: 0 })
    }

    /// Whether the code may hand over an event now.
    pub(super) fn may_send(&self) -> bool {
        let most = if self.each { 1 } else { BATCH_EVENTS };
        match self.state {
            State::Ready => true,
            State::Open { .. } => self.events < most && self.failed.is_empty(),
            State::New | State::Starting(_) | State::Committing(_) | State::Aborting(_) => false,
        }
    }

    /// Nothing is open: the program may end.
    pub(super) fn at_rest(&self) -> bool {
        match self.state {
            State::New | State::Starting(_) | State::Ready => true,
            State::Open { .. } | State::Committing(_) | State::Aborting(_) => false,
        }
    }

    /// When the open transaction is to be committed, whatever it has.
    pub(super) fn due_ms(&self) -> Option<i64> {
        match self.state {
            State::Open { since_ms } => Some(since_ms.saturating_add(BATCH_MS)),
            State::New
            | State::Starting(_)
            | State::Ready
            | State::Committing(_)
            | State::Aborting(_) => None,
        }
    }

    pub(super) fn completed(&mut self, event: Event, result: Result<RecordMetadata, KafkaError>) {
        match result {
            Ok(metadata) => self.written.push((event, metadata)),
            Err(error) => self.failed.push((event, error)),
        }
    }
}

impl ProducerApp {
    /// `initTransactions`, when the program starts.
    pub(super) fn start_transactions(&mut self, io: &mut Io) {
        let Some(transactions) = &mut self.transactions else { return };
        match self.producer.init_transactions(io.now) {
            Ok(call) => transactions.state = State::Starting(call),
            Err(error) => self.thrown(io, &error),
        }
    }

    /// Before an event is handed over: it belongs to a transaction. `false` if the program has ended.
    pub(super) fn in_transaction(&mut self, io: &mut Io) -> bool {
        let Some(transactions) = &mut self.transactions else { return true };
        if transactions.state == State::Ready {
            if let Err(error) = self.producer.begin_transaction() {
                self.thrown(io, &error);
                return false;
            }
            transactions.state = State::Open { since_ms: io.now };
            transactions.events = 0;
        }
        transactions.events += 1;
        true
    }

    /// Ends the open transaction if it is time. Whether that was so.
    pub(super) fn end_transaction(&mut self, io: &mut Io) -> bool {
        let Some(transactions) = &mut self.transactions else { return false };
        let State::Open { since_ms } = transactions.state else { return false };
        let failed = !transactions.failed.is_empty();
        let full = transactions.events >= if transactions.each { 1 } else { BATCH_EVENTS };
        let late = io.now >= since_ms.saturating_add(BATCH_MS);
        if !(failed || full || late || self.closing) {
            return false;
        }
        let call = if failed {
            self.producer.abort_transaction(io.now).map(State::Aborting)
        } else {
            self.producer.commit_transaction(io.now).map(State::Committing)
        };
        match (call, transactions.failed.first()) {
            (Ok(state), _) => transactions.state = state,
            // No abort mends it: what failed first says why.
            (Err(_), Some((_, error))) => {
                let error = error.clone();
                self.thrown(io, &error);
            }
            (Err(error), None) => self.commit_refused(io, &error),
        }
        true
    }

    /// What one of the blocking calls came to.
    pub(super) fn transaction_completed(
        &mut self,
        io: &mut Io,
        call: TransactionCall,
        result: Result<(), KafkaError>,
    ) {
        let Some(transactions) = &mut self.transactions else { return };
        match (transactions.state, result) {
            (State::Starting(own), Ok(())) if own == call => transactions.state = State::Ready,
            (State::Committing(own), Ok(())) if own == call => {
                transactions.state = State::Ready;
                for (event, metadata) in core::mem::take(&mut transactions.written) {
                    self.open.remove(&event.number);
                    io.event(AppEvent::Acked {
                        id: event.id,
                        topic: metadata.topic,
                        partition: metadata.partition,
                        offset: metadata.offset,
                    });
                }
            }
            (State::Aborting(own), Ok(())) if own == call => {
                transactions.state = State::Ready;
                self.aborted(io);
            }
            // `commitTransaction` and `abortTransaction` may be called again after a timeout; nothing
            // else may.
            (State::Committing(own), Err(error)) if own == call && error.retriable => {
                match self.producer.commit_transaction(io.now) {
                    Ok(call) => transactions.state = State::Committing(call),
                    Err(error) => self.commit_refused(io, &error),
                }
            }
            (State::Aborting(own), Err(error)) if own == call && error.retriable => {
                match self.producer.abort_transaction(io.now) {
                    Ok(call) => transactions.state = State::Aborting(call),
                    Err(error) => self.thrown(io, &error),
                }
            }
            (State::Committing(own), Err(error)) if own == call => self.commit_refused(io, &error),
            (State::Starting(own) | State::Aborting(own), Err(error)) if own == call => {
                self.thrown(io, &error);
            }
            // The end of a call that was given up.
            _ => {}
        }
    }

    /// `commitTransaction` threw: the transaction is aborted, where that is still possible.
    fn commit_refused(&mut self, io: &mut Io, error: &KafkaError) {
        let time = timestamp(io.now);
        let name = &self.spec.name;
        io.stderr(&format!("[{time}] WARN [{name}] aborting the transaction: {error}\n"));
        match (self.producer.abort_transaction(io.now), &mut self.transactions) {
            (Ok(call), Some(transactions)) => transactions.state = State::Aborting(call),
            (Ok(_), None) => {}
            (Err(_), _) => self.thrown(io, error),
        }
    }

    /// The transaction is aborted: its events were not sent, whatever stands in the log.
    fn aborted(&mut self, io: &mut Io) {
        let Some(transactions) = &mut self.transactions else { return };
        let failed = core::mem::take(&mut transactions.failed);
        let reason = failed.first().map_or_else(
            || "the transaction was aborted".to_owned(),
            |(_, error)| error.to_string(),
        );
        let mut events: Vec<Event> = core::mem::take(&mut transactions.written)
            .into_iter()
            .map(|(event, _)| event)
            .chain(failed.into_iter().map(|(event, _)| event))
            .collect();
        logbrook_sorted::sort_by_key(&mut events, |event| event.number);
        for event in &events {
            io.event(AppEvent::SendFailed {
                id: event.id.clone(),
                topic: self.topic.clone(),
                error: reason.clone(),
            });
        }
        match self.spec.code.on_send_error {
            OnSendError::Drop => {
                for event in &events {
                    self.open.remove(&event.number);
                }
            }
            OnSendError::Keep if self.closing => {}
            OnSendError::Keep => {
                for event in events.into_iter().rev() {
                    self.held.push_front(event);
                }
                let backoff_ms = i64::try_from(self.spec.code.retry_backoff_ms).unwrap_or(i64::MAX);
                self.held_until_ms = io.now.saturating_add(backoff_ms);
            }
            OnSendError::Stop => self.end(io, EXIT_CRASH),
        }
    }

    /// An exception that nothing catches ends the program.
    fn thrown(&mut self, io: &mut Io, error: &KafkaError) {
        io.stderr(&format!("Exception in thread \"main\" {error}\n"));
        self.end(io, EXIT_CRASH);
    }
}
