//! Transactions of a producer (`TransactionManager` of a producer with a `transactional.id`): what the
//! application asks for, the state that this is allowed in, and the requests that it takes.
//!
//! ```text
//!   Uninitialized -- init --> Initializing --> Ready -- begin --> InTransaction -- commit --> Committing --+
//!                                               ^                      |  \                                 |
//!                                               |                      |   `-- abort --> Aborting <--+      |
//!                                               +----------------------+---------------------|-------|------+
//!                                                                      v                             |
//!                        FatalError  <--- (anything)             AbortableError ---------------------+
//! ```
//!
//! What blocks in Java (`initTransactions`, `sendOffsetsToTransaction`, `commitTransaction`,
//! `abortTransaction`) gives a [`TransactionCall`] here and ends in
//! [`ProducerOutput::TransactionCompleted`]; what Java throws at once is an error at once.
//!
//! | concept | file |
//! |---|---|
//! | requests in their order, and how they are sent | `requests.rs` |
//! | what each answer means | `responses.rs` |

mod requests;
mod responses;

use logbrook_broker::ErrorCode;
use logbrook_record::Offset;
use logbrook_sorted::{SortedMap, SortedSet};

use super::transaction_manager::ProducerIdAndEpoch;
use super::{Producer, ProducerOutput};
use crate::error::{KAFKA, KafkaError};
use crate::network_client::Node;
use crate::topic_partition::TopicPartition;
pub(super) use requests::TRANSACTION_TOKEN;
use requests::{Queued, TxnRequest};

/// `java.lang.IllegalStateException`.
const ILLEGAL_STATE: &str = "java.lang.IllegalStateException";

/// Where a transactional producer stands (`TransactionManager.State`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Uninitialized,
    Initializing,
    Ready,
    InTransaction,
    CommittingTransaction,
    AbortingTransaction,
    AbortableError,
    FatalError,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Uninitialized => "UNINITIALIZED",
            State::Initializing => "INITIALIZING",
            State::Ready => "READY",
            State::InTransaction => "IN_TRANSACTION",
            State::CommittingTransaction => "COMMITTING_TRANSACTION",
            State::AbortingTransaction => "ABORTING_TRANSACTION",
            State::AbortableError => "ABORTABLE_ERROR",
            State::FatalError => "FATAL_ERROR",
        }
    }

    fn may_become(self, target: State) -> bool {
        use State::*;
        match target {
            Uninitialized => matches!(self, Ready | AbortableError),
            Initializing => {
                matches!(self, Uninitialized | CommittingTransaction | AbortingTransaction)
            }
            Ready => matches!(self, Initializing | CommittingTransaction | AbortingTransaction),
            InTransaction => self == Ready,
            CommittingTransaction => self == InTransaction,
            AbortingTransaction => matches!(self, InTransaction | AbortableError),
            AbortableError => {
                matches!(
                    self,
                    InTransaction | CommittingTransaction | AbortableError | Initializing
                )
            }
            FatalError => true,
        }
    }
}

/// The handle of something that a transactional producer was asked for. Numbers count up from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionCall(pub u64);

/// Who commits offsets in a transaction (`ConsumerGroupMetadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMetadata {
    /// The group.
    pub group_id: String,
    /// The member's generation; -1 outside group management.
    pub generation_id: i32,
    /// The member; empty outside group management.
    pub member_id: String,
    /// `group.instance.id`.
    pub group_instance_id: Option<String>,
}

impl ConsumerGroupMetadata {
    /// Of a group that nobody is a member of as far as the producer knows.
    pub fn new(group_id: impl Into<String>) -> Self {
        Self {
            group_id: group_id.into(),
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: None,
        }
    }
}

/// What was asked for and is not done: a call of the same kind waits for it, another is refused.
#[derive(Clone, Debug)]
struct PendingTransition {
    call: TransactionCall,
    state: State,
    operation: &'static str,
}

/// A call whose end nobody was told yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    call: TransactionCall,
    /// The request that it waits for, as Java's timeouts name it.
    operation: &'static str,
    deadline_ms: i64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    transactional_id: String,
    transaction_timeout_ms: i32,
    state: State,
    last_error: Option<KafkaError>,
    /// Transactions v2 (KIP-890), as the cluster's finalized features say.
    v2: bool,
    coordinator: Option<Node>,
    group_coordinator: Option<Node>,
    /// Whether the coordinator knows InitProducerId with an epoch (KIP-360).
    coordinator_supports_bumping_epoch: bool,
    /// The next transaction begins with an InitProducerId.
    epoch_bump_required: bool,
    /// Something was added to the transaction: it has to be ended at the coordinator.
    started: bool,
    new_partitions: SortedSet<TopicPartition>,
    pending_partitions: SortedSet<TopicPartition>,
    partitions: SortedSet<TopicPartition>,
    pending_offsets: SortedMap<TopicPartition, Offset>,
    queue: Vec<Queued>,
    in_flight: Option<Queued>,
    pending_transition: Option<PendingTransition>,
    /// A commit that waits for records which still wait for metadata or memory: in Java their `send`
    /// would not have returned yet.
    deferred_commit: Option<TransactionCall>,
    next_call: u64,
    waiting: Vec<Waiting>,
    /// Ends of calls, to be told.
    ended: Vec<(TransactionCall, Result<(), KafkaError>)>,
}

impl Transactions {
    pub(super) fn new(transactional_id: String, transaction_timeout_ms: i32) -> Self {
        Self {
            transactional_id,
            transaction_timeout_ms,
            state: State::Uninitialized,
            last_error: None,
            v2: false,
            coordinator: None,
            group_coordinator: None,
            coordinator_supports_bumping_epoch: false,
            epoch_bump_required: false,
            started: false,
            new_partitions: SortedSet::new(),
            pending_partitions: SortedSet::new(),
            partitions: SortedSet::new(),
            pending_offsets: SortedMap::new(),
            queue: Vec::new(),
            in_flight: None,
            pending_transition: None,
            deferred_commit: None,
            next_call: 0,
            waiting: Vec::new(),
            ended: Vec::new(),
        }
    }

    pub(super) fn transactional_id(&self) -> &str {
        &self.transactional_id
    }

    pub(super) fn is_v2(&self) -> bool {
        self.v2
    }

    /// The error after which nothing goes on.
    pub(super) fn fatal_error(&self) -> Option<&KafkaError> {
        self.last_error.as_ref().filter(|_| self.state == State::FatalError)
    }

    /// What batches that were not sent fail with, where the transaction is lost.
    pub(super) fn abort_reason(&self) -> Option<KafkaError> {
        match self.state {
            State::AbortableError => self.last_error.clone(),
            State::AbortingTransaction => Some(KafkaError::client(
                "org.apache.kafka.common.errors.TransactionAbortedException",
                "Failing batch since transaction was aborted",
            )),
            State::Uninitialized
            | State::Initializing
            | State::Ready
            | State::InTransaction
            | State::CommittingTransaction
            | State::FatalError => None,
        }
    }

    /// `isSendToPartitionAllowed`.
    pub(super) fn allows_sending_to(&self, partition: &TopicPartition) -> bool {
        self.state != State::FatalError && self.partitions.contains(partition)
    }

    fn has_error(&self) -> bool {
        matches!(self.state, State::AbortableError | State::FatalError)
    }

    fn is_completing(&self) -> bool {
        matches!(self.state, State::CommittingTransaction | State::AbortingTransaction)
    }

    fn can_handle_abortable_error(&self) -> bool {
        self.coordinator_supports_bumping_epoch || self.v2
    }

    fn needs_epoch_bump_from_client(&self) -> bool {
        self.coordinator_supports_bumping_epoch && !self.v2
    }

    fn transition(&mut self, target: State) -> Result<(), KafkaError> {
        if !self.state.may_become(target) {
            return Err(KafkaError::client(
                ILLEGAL_STATE,
                format!(
                    "TransactionalId {}: Invalid transition attempted from state {} to state {}",
                    self.transactional_id,
                    self.state.name(),
                    target.name()
                ),
            ));
        }
        self.last_error = None;
        self.state = target;
        Ok(())
    }

    fn abortable(&mut self, error: KafkaError) {
        if self.state == State::AbortingTransaction || !self.state.may_become(State::AbortableError)
        {
            return;
        }
        self.state = State::AbortableError;
        self.last_error = Some(error);
    }

    fn fatal(&mut self, error: KafkaError) {
        self.state = State::FatalError;
        if let Some(pending) = &self.pending_transition {
            let call = pending.call;
            self.end(Some(call), Err(error.clone()));
        }
        self.last_error = Some(error);
    }

    fn end(&mut self, call: Option<TransactionCall>, result: Result<(), KafkaError>) {
        let Some(call) = call else { return };
        if self.pending_transition.as_ref().is_some_and(|pending| pending.call == call) {
            self.pending_transition = None;
        }
        if self.waiting.iter().any(|waiting| waiting.call == call) {
            self.waiting.retain(|waiting| waiting.call != call);
            self.ended.push((call, result));
        }
    }

    fn next_call(&mut self) -> TransactionCall {
        let call = TransactionCall(self.next_call);
        self.next_call += 1;
        call
    }

    /// `throwIfPendingState` and the same of `handleCachedTransactionRequestResult`: the call that is
    /// on its way, if it is the same one.
    fn pending(
        &self,
        state: Option<State>,
        operation: &str,
    ) -> Result<Option<TransactionCall>, KafkaError> {
        match &self.pending_transition {
            None => Ok(None),
            Some(pending) if Some(pending.state) == state => Ok(Some(pending.call)),
            Some(pending) => Err(KafkaError::client(
                ILLEGAL_STATE,
                format!(
                    "Cannot attempt operation `{operation}` because the previous call to `{}` timed out and must be retried",
                    pending.operation
                ),
            )),
        }
    }

    /// `maybeFailWithError`.
    fn fail_with_error(&self, producer: ProducerIdAndEpoch) -> Result<(), KafkaError> {
        if !self.has_error() {
            return Ok(());
        }
        let who = format!(
            "Producer with transactionalId '{}' and (producerId={}, epoch={})",
            self.transactional_id, producer.id, producer.epoch
        );
        let last = self.last_error.as_ref();
        Err(match last.and_then(|error| error.code) {
            Some(ErrorCode::ProducerFenced) => KafkaError::with_message(
                ErrorCode::ProducerFenced,
                format!("{who} has been fenced by another producer with the same transactionalId"),
            ),
            Some(ErrorCode::InvalidProducerEpoch) => KafkaError::with_message(
                ErrorCode::InvalidProducerEpoch,
                format!("{who} attempted to produce with an old epoch"),
            ),
            _ if last.is_some_and(|error| error.class == ILLEGAL_STATE) => KafkaError::client(
                ILLEGAL_STATE,
                format!(
                    "{who} cannot execute transactional method because of previous invalid state transition attempt"
                ),
            ),
            _ => KafkaError::client(
                KAFKA,
                "Cannot execute transactional method because we are in an error state",
            ),
        })
    }

    fn reset(&mut self) {
        self.state = if self.epoch_bump_required { State::Initializing } else { State::Ready };
        self.last_error = None;
        self.epoch_bump_required = false;
        self.started = false;
        self.new_partitions.clear();
        self.pending_partitions.clear();
        self.partitions.clear();
    }

    /// `maybeTransitionToErrorState`: a batch failed for good.
    pub(super) fn batch_failed(&mut self, error: &KafkaError) {
        match error.code {
            Some(
                ErrorCode::ClusterAuthorizationFailed
                | ErrorCode::TransactionalIdAuthorizationFailed
                | ErrorCode::ProducerFenced
                | ErrorCode::UnsupportedVersion
                | ErrorCode::InvalidProducerIdMapping,
            ) => self.fatal(error.clone()),
            code => {
                let error = if error.retriable || code == Some(ErrorCode::InvalidTxnState) {
                    KafkaError::with_message(
                        ErrorCode::TransactionAbortable,
                        "Transaction Request was aborted after exhausting retries.",
                    )
                } else {
                    error.clone()
                };
                if self.needs_epoch_bump_from_client() && !self.is_completing() {
                    self.epoch_bump_required = true;
                }
                self.abortable(error);
            }
        }
    }
}

impl Producer {
    fn transactional(&mut self) -> Result<&mut Transactions, KafkaError> {
        self.transactions.as_mut().ok_or_else(|| {
            KafkaError::client(
                ILLEGAL_STATE,
                "Transactional method invoked on a non-transactional producer.",
            )
        })
    }

    fn producer_id_and_epoch(&self) -> ProducerIdAndEpoch {
        self.idempotence.as_ref().map_or(ProducerIdAndEpoch::NONE, |manager| manager.producer)
    }

    /// `initTransactions`: gets the producer's id and epoch, after an older producer with the same
    /// `transactional.id` was fenced and its transaction aborted.
    pub fn init_transactions(&mut self, now: i64) -> Result<TransactionCall, KafkaError> {
        let producer = self.producer_id_and_epoch();
        let transactions = self.transactional()?;
        let state = State::Initializing;
        if let Some(call) = transactions.pending(Some(state), "initTransactions")? {
            return Ok(self.wait_for(now, call, "InitProducerId"));
        }
        transactions.fail_with_error(producer)?;
        transactions.transition(state)?;
        let call = transactions.next_call();
        let request =
            TxnRequest::InitProducerId { expected: ProducerIdAndEpoch::NONE, is_epoch_bump: false };
        transactions.enqueue(request, Some(call));
        transactions.pending_transition =
            Some(PendingTransition { call, state, operation: "initTransactions" });
        Ok(self.wait_for(now, call, "InitProducerId"))
    }

    /// `beginTransaction`.
    pub fn begin_transaction(&mut self) -> Result<(), KafkaError> {
        let producer = self.producer_id_and_epoch();
        let transactions = self.transactional()?;
        transactions.pending(None, "beginTransaction")?;
        transactions.fail_with_error(producer)?;
        transactions.transition(State::InTransaction)
    }

    /// `sendOffsetsToTransaction`: a group's offsets count if and when the transaction commits.
    pub fn send_offsets_to_transaction(
        &mut self,
        now: i64,
        offsets: Vec<(TopicPartition, Offset)>,
        group: ConsumerGroupMetadata,
    ) -> Result<TransactionCall, KafkaError> {
        let producer = self.producer_id_and_epoch();
        let transactions = self.transactional()?;
        transactions.pending(None, "sendOffsetsToTransaction")?;
        transactions.fail_with_error(producer)?;
        if transactions.state != State::InTransaction {
            return Err(KafkaError::client(
                ILLEGAL_STATE,
                format!(
                    "Cannot send offsets if a transaction is not in progress (currentState= {})",
                    transactions.state.name()
                ),
            ));
        }
        let call = transactions.next_call();
        let operation = if transactions.v2 {
            transactions.pending_offsets.extend(offsets);
            transactions.started = true;
            transactions.enqueue(TxnRequest::TxnOffsetCommit { group }, Some(call));
            "TxnOffsetCommitHandler"
        } else {
            transactions.enqueue(TxnRequest::AddOffsetsToTxn { offsets, group }, Some(call));
            "AddOffsetsToTxn"
        };
        Ok(self.wait_for(now, call, operation))
    }

    /// `commitTransaction`: everything sent is flushed, then the transaction commits.
    pub fn commit_transaction(&mut self, now: i64) -> Result<TransactionCall, KafkaError> {
        self.complete_transaction(now, true)
    }

    /// `abortTransaction`.
    pub fn abort_transaction(&mut self, now: i64) -> Result<TransactionCall, KafkaError> {
        self.complete_transaction(now, false)
    }

    fn complete_transaction(
        &mut self,
        now: i64,
        committed: bool,
    ) -> Result<TransactionCall, KafkaError> {
        let producer = self.producer_id_and_epoch();
        let (state, operation, request) = if committed {
            (State::CommittingTransaction, "commitTransaction", "EndTxn(true)")
        } else {
            (State::AbortingTransaction, "abortTransaction", "EndTxn(false)")
        };
        let sends_wait = !self.waiting.is_empty();
        let transactions = self.transactional()?;
        if let Some(call) = transactions.pending(Some(state), operation)? {
            return Ok(self.wait_for(now, call, request));
        }
        if let Some(call) = transactions.deferred_commit.filter(|_| committed) {
            return Ok(self.wait_for(now, call, request));
        }
        if committed || transactions.state != State::AbortableError {
            transactions.fail_with_error(producer)?;
        }
        if committed && transactions.state == State::InTransaction && sends_wait {
            let call = transactions.next_call();
            transactions.deferred_commit = Some(call);
            self.flush(now);
            return Ok(self.wait_for(now, call, request));
        }
        transactions.transition(state)?;
        let call = transactions.next_call();
        self.begin_completing(now, call, committed);
        Ok(self.wait_for(now, call, request))
    }

    /// A commit that waited for `send` to be done.
    pub(super) fn commit_deferred(&mut self, now: i64) {
        let producer = self.producer_id_and_epoch();
        let Some(transactions) = self.transactions.as_mut().filter(|_| self.waiting.is_empty())
        else {
            return;
        };
        let Some(call) = transactions.deferred_commit.take() else { return };
        let begun = transactions
            .fail_with_error(producer)
            .and_then(|()| transactions.transition(State::CommittingTransaction));
        match begun {
            Ok(()) => self.begin_completing(now, call, true),
            Err(error) => transactions.end(Some(call), Err(error)),
        }
    }

    /// `beginCompletingTransaction`; the state is the new one already.
    fn begin_completing(&mut self, now: i64, call: TransactionCall, committed: bool) {
        let producer = self.producer_id_and_epoch();
        let waiting =
            if committed { Default::default() } else { core::mem::take(&mut self.waiting) };
        let Some(transactions) = &mut self.transactions else { return };
        if !committed {
            transactions.new_partitions.clear();
            transactions.deferred_commit = None;
        }
        let (state, operation) = match committed {
            true => (State::CommittingTransaction, "commitTransaction"),
            false => (State::AbortingTransaction, "abortTransaction"),
        };
        let reason = transactions.abort_reason();
        // An epoch that the client has to bump follows the end, and the call waits for that.
        let bump = transactions.epoch_bump_required;
        transactions.add_new_partitions();
        let end = TxnRequest::EndTxn { committed, producer, v2: transactions.v2 };
        transactions.enqueue(end, (!bump).then_some(call));
        if bump {
            let request = TxnRequest::InitProducerId { expected: producer, is_epoch_bump: true };
            transactions.enqueue(request, Some(call));
        }
        transactions.pending_transition = Some(PendingTransition { call, state, operation });
        for record in waiting {
            if let Some(reason) = &reason {
                self.complete(record.id, Err(reason.clone()));
            }
        }
        self.flush(now);
    }

    fn wait_for(
        &mut self,
        now: i64,
        call: TransactionCall,
        operation: &'static str,
    ) -> TransactionCall {
        let deadline_ms = now.saturating_add(self.config.max_block_ms);
        if let Some(transactions) = &mut self.transactions {
            transactions.waiting.retain(|waiting| waiting.call != call);
            transactions.waiting.push(Waiting { call, operation, deadline_ms });
        }
        call
    }

    /// `maybeAddPartition`: a record was put into a batch of this partition.
    pub(super) fn maybe_add_partition(
        &mut self,
        partition: &TopicPartition,
    ) -> Result<(), KafkaError> {
        let producer = self.producer_id_and_epoch();
        let has_producer_id = self.idempotence.as_ref().is_some_and(|m| m.has_producer_id());
        let Some(transactions) = &mut self.transactions else { return Ok(()) };
        transactions.fail_with_error(producer)?;
        transactions.pending(None, "send")?;
        let refused = |why: &str| {
            Err(KafkaError::client(
                ILLEGAL_STATE,
                format!("Cannot add partition {partition} to transaction {why}"),
            ))
        };
        if !has_producer_id {
            return refused("before completing a call to initTransactions");
        }
        if transactions.state != State::InTransaction {
            return refused(&format!("while in state  {}", transactions.state.name()));
        }
        if transactions.v2 {
            transactions.partitions.insert(partition.clone());
            transactions.started = true;
        } else if !transactions.partitions.contains(partition)
            && !transactions.pending_partitions.contains(partition)
        {
            transactions.new_partitions.insert(partition.clone());
        }
        Ok(())
    }

    /// Calls that ended, and those that waited for `max.block.ms`.
    pub(super) fn tell_transactions(&mut self, now: i64) {
        let max_block_ms = self.config.max_block_ms;
        let Some(transactions) = &mut self.transactions else { return };
        let late: Vec<Waiting> =
            transactions.waiting.iter().filter(|w| w.deadline_ms <= now).copied().collect();
        transactions.waiting.retain(|waiting| waiting.deadline_ms > now);
        let mut ended = core::mem::take(&mut transactions.ended);
        ended.extend(late.into_iter().map(|waiting| {
            // The operation goes on; the same call again waits for it.
            let message = format!(
                "Timeout expired after {max_block_ms}ms while awaiting {}",
                waiting.operation
            );
            (waiting.call, Err(KafkaError::timeout(message)))
        }));
        for (call, result) in ended {
            self.outputs.push_back(ProducerOutput::TransactionCompleted { call, result });
        }
    }

    /// When a call has waited long enough, or a request may be tried again.
    pub(super) fn next_transaction_wakeup(&self) -> Option<i64> {
        let transactions = self.transactions.as_ref()?;
        let deadlines = transactions.waiting.iter().map(|waiting| waiting.deadline_ms);
        let retries = transactions.queue.iter().map(|queued| queued.not_before_ms);
        deadlines.chain(retries).filter(|at| *at > self.last_poll_ms).min()
    }
}
