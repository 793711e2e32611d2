//! Offset commits: the application's, automatic ones, and those before a rebalance and a close
//! (`ConsumerCoordinator`).

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{GroupId, OffsetCommitRequest, OffsetCommitResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};

use super::close::CLOSE_TIMEOUT_MS;
use super::coordinator::{MemberState, NO_GENERATION};
use super::{CommitId, Consumer, ConsumerOutput, Pending};
use crate::error::{KAFKA, KafkaError};
use crate::log_line::Level;
use crate::response_errors::code;
use crate::topic_partition::{OffsetAndMetadata, TopicPartition};

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.ConsumerCoordinator";
/// `OffsetCommitRequest.DEFAULT_RETENTION_TIME`.
const DEFAULT_RETENTION_TIME: i64 = -1;
/// `CommitFailedException`'s own message.
const COMMIT_FAILED: &str = "Commit cannot be completed since the group has already rebalanced and assigned the partitions to another member. This means that the time between subsequent calls to poll() was longer than the configured max.poll.interval.ms, which typically implies that the poll loop is spending too much time message processing. You can address this either by increasing max.poll.interval.ms or by reducing the maximum size of batches returned in poll() with max.poll.records.";
/// `CommitFailedException` of a commit outside a stable generation.
const NOT_IN_A_GROUP: &str = "Offset commit cannot be completed since the consumer is not part of an active group for auto partition assignment; it is likely that the consumer was kicked out of the group.";

/// Who wants a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommitKind {
    /// `commitSync`: retried until `default.api.timeout.ms`.
    Sync(CommitId),
    /// `commitAsync`: tried once.
    Async(CommitId),
    /// Every `auto.commit.interval.ms`.
    Auto,
    /// Before a rebalance.
    Prepare,
    /// Before the close.
    Close,
}

/// A commit that is not over.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    kind: CommitKind,
    offsets: SortedMap<TopicPartition, OffsetAndMetadata>,
    started_ms: i64,
    deadline_ms: i64,
    next_try_ms: i64,
    attempts: u32,
    in_flight: bool,
}

fn commit_failed(message: &str) -> KafkaError {
    KafkaError::client("org.apache.kafka.clients.consumer.CommitFailedException", message)
}

impl Consumer {
    /// Commits these offsets, or all positions with `None`. `sync` retries retriable errors until
    /// `default.api.timeout.ms`; `async` does not. Ends in [`ConsumerOutput::Committed`].
    pub fn commit(
        &mut self,
        now: i64,
        sync: bool,
        offsets: Option<SortedMap<TopicPartition, OffsetAndMetadata>>,
    ) -> CommitId {
        let id = CommitId(self.next_commit);
        self.next_commit += 1;
        let offsets = offsets.unwrap_or_else(|| self.subscriptions.all_consumed());
        if self.config.group_id.is_none() {
            let error = KafkaError::with_message(
                ErrorCode::InvalidGroupId,
                "To use the group management or offset commit APIs, you must provide a valid group.id in the consumer configuration.",
            );
            let result = Err(error);
            self.outputs.push_back(ConsumerOutput::Committed { id: Some(id), offsets, result });
            return id;
        }
        let kind = if sync { CommitKind::Sync(id) } else { CommitKind::Async(id) };
        self.start_commit(now, kind, offsets, self.config.default_api_timeout_ms);
        id
    }

    fn start_commit(
        &mut self,
        now: i64,
        kind: CommitKind,
        offsets: SortedMap<TopicPartition, OffsetAndMetadata>,
        timeout_ms: i64,
    ) {
        self.commits.push(Commit {
            kind,
            offsets,
            started_ms: now,
            deadline_ms: now.saturating_add(timeout_ms),
            next_try_ms: now,
            attempts: 0,
            in_flight: false,
        });
    }

    /// An automatic commit of all positions.
    pub(super) fn auto_commit(&mut self, now: i64, kind: CommitKind) {
        let offsets = self.subscriptions.all_consumed();
        if offsets.is_empty() {
            return;
        }
        let timeout = match kind {
            CommitKind::Prepare => i64::from(self.config.max_poll_interval_ms),
            CommitKind::Close => CLOSE_TIMEOUT_MS,
            CommitKind::Sync(_) | CommitKind::Async(_) | CommitKind::Auto => {
                self.config.default_api_timeout_ms
            }
        };
        self.start_commit(now, kind, offsets, timeout);
    }

    /// `maybeAutoCommitOffsetsAsync`.
    pub(super) fn maybe_auto_commit(&mut self, now: i64) {
        if !self.config.enable_auto_commit || self.config.group_id.is_none() {
            return;
        }
        if self.coordinator.next_auto_commit_ms == i64::MAX {
            // The timer starts with the consumer.
            self.coordinator.next_auto_commit_ms =
                now.saturating_add(self.config.auto_commit_interval_ms);
        }
        if now >= self.coordinator.next_auto_commit_ms {
            self.coordinator.next_auto_commit_ms =
                now.saturating_add(self.config.auto_commit_interval_ms);
            self.auto_commit(now, CommitKind::Auto);
        }
    }

    pub(super) fn has_commit(&self, kind: CommitKind) -> bool {
        self.commits.iter().any(|commit| commit.kind == kind)
    }

    pub(super) fn has_application_sync_commit(&self) -> bool {
        self.commits.iter().any(|commit| match commit.kind {
            CommitKind::Sync(_) => true,
            CommitKind::Async(_) | CommitKind::Auto | CommitKind::Prepare | CommitKind::Close => {
                false
            }
        })
    }

    pub(super) fn commit_wakeup(&self) -> Option<i64> {
        self.commits
            .iter()
            .flat_map(|commit| {
                let retry = (!commit.in_flight).then_some(commit.next_try_ms);
                [Some(commit.deadline_ms), retry]
            })
            .flatten()
            .min()
    }

    /// Sends what can be sent, in order, and ends what is too late.
    pub(super) fn run_commits(&mut self, now: i64) {
        let mut index = 0;
        while let Some(commit) = self.commits.get(index) {
            if now >= commit.deadline_ms && !commit.in_flight {
                let commit = self.commits.remove(index);
                let text: Vec<String> = commit
                    .offsets
                    .iter()
                    .map(|(partition, offset)| format!("{partition}={}", render(offset)))
                    .collect();
                let error = KafkaError::timeout(format!(
                    "Timeout of {}ms expired before successfully committing offsets {{{}}}",
                    commit.deadline_ms - commit.started_ms,
                    text.join(", ")
                ));
                self.end_commit(commit, Err(error));
                continue;
            }
            if commit.in_flight || now < commit.next_try_ms {
                index += 1;
                continue;
            }
            if commit.offsets.is_empty() {
                let commit = self.commits.remove(index);
                self.end_commit(commit, Ok(()));
                continue;
            }
            match self.send_commit(now, index) {
                Sent::Yes | Sent::NotYet => index += 1,
                Sent::Never(error) => {
                    let commit = self.commits.remove(index);
                    self.end_commit(commit, Err(error));
                }
            }
        }
    }

    fn send_commit(&mut self, now: i64, index: usize) -> Sent {
        let Some(commit) = self.commits.get(index).cloned() else { return Sent::NotYet };
        let auto = self.subscriptions.has_auto_assigned_partitions();
        let generation = self.coordinator.generation.clone();
        // With the new protocol a member commits in its epoch, whatever it is about to give up.
        if auto && !self.uses_consumer_protocol() && self.coordinator.state != MemberState::Stable {
            // `sendOffsetCommitRequest`: no stable generation to commit in.
            return Sent::Never(if self.coordinator.rebalance_in_progress() {
                KafkaError {
                    code: Some(ErrorCode::RebalanceInProgress),
                    class: "org.apache.kafka.common.errors.RebalanceInProgressException".into(),
                    message: "Offset commit cannot be completed since the consumer is undergoing a rebalance for auto partition assignment. You can try completing the rebalance by calling poll() and then retry the operation.".to_owned(),
                    retriable: false,
                    cause: None,
                }
            } else {
                commit_failed(NOT_IN_A_GROUP)
            });
        }
        let Some(node) = self.ready_coordinator(now) else { return Sent::NotYet };
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for (partition, offset) in &commit.offsets {
            let entry = OffsetCommitRequestPartition::default()
                .with_partition_index(partition.partition.0)
                .with_committed_offset(offset.offset.0)
                .with_committed_leader_epoch(offset.leader_epoch.map_or(-1, |epoch| epoch.0))
                .with_committed_metadata(Some(StrBytes::from_string(offset.metadata.clone())));
            match topics.iter_mut().find(|topic| topic.name.0.as_str() == partition.topic) {
                Some(topic) => topic.partitions.push(entry),
                None => topics.push(
                    OffsetCommitRequestTopic::default()
                        .with_name(TopicName(StrBytes::from_string(partition.topic.clone())))
                        .with_partitions(vec![entry]),
                ),
            }
        }
        let (generation_id, member_id) = if auto {
            (generation.id, generation.member_id.clone())
        } else {
            (NO_GENERATION, String::new())
        };
        let group = self.config.group_id.clone().unwrap_or_default();
        let instance = self.config.group_instance_id.clone().filter(|_| auto);
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(StrBytes::from_string(group)))
            .with_generation_id_or_member_epoch(generation_id)
            .with_member_id(StrBytes::from_string(member_id))
            .with_group_instance_id(instance.map(StrBytes::from_string))
            .with_retention_time_ms(DEFAULT_RETENTION_TIME)
            .with_topics(topics);
        let token =
            self.pending(Pending::Commit { kind: commit.kind, started_ms: commit.started_ms });
        if self.client.send(now, node.id, token, Request::OffsetCommit(request)).is_none() {
            self.pending.remove(&token);
            return Sent::NotYet;
        }
        if let Some(commit) = self.commits.get_mut(index) {
            commit.in_flight = true;
        }
        Sent::Yes
    }

    pub(super) fn commit_response(
        &mut self,
        now: i64,
        kind: CommitKind,
        started_ms: i64,
        result: Option<Response>,
    ) {
        let Some(index) = self
            .commits
            .iter()
            .position(|c| c.kind == kind && c.started_ms == started_ms && c.in_flight)
        else {
            return;
        };
        let mut commit = self.commits.remove(index);
        commit.in_flight = false;
        let error = match result {
            Some(Response::OffsetCommit(response)) => self.first_commit_error(&commit, &response),
            Some(_) | None => {
                self.mark_coordinator_unknown(now);
                Some(ErrorCode::NetworkException)
            }
        };
        let Some(error) = error else {
            self.end_commit(commit, Ok(()));
            return;
        };
        let group = self.config.group_id.clone().unwrap_or_default();
        let raised = match error {
            ErrorCode::GroupAuthorizationFailed => {
                KafkaError::with_message(error, format!("Not authorized to access group: {group}"))
            }
            ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::RequestTimedOut => {
                self.mark_coordinator_unknown(now);
                KafkaError::of(error)
            }
            ErrorCode::RebalanceInProgress => {
                self.commit_says_rebalancing();
                KafkaError {
                    message: "Offset commit cannot be completed since the consumer group is executing a rebalance at the moment. You can try completing the rebalance by calling poll() and then retry commit again".to_owned(),
                    retriable: false,
                    ..KafkaError::of(error)
                }
            }
            ErrorCode::StaleMemberEpoch
                if commit.kind == CommitKind::Prepare
                    && self.coordinator.generation.id != NO_GENERATION =>
            {
                // Again, in the epoch that a heartbeat has brought meanwhile.
                KafkaError { retriable: true, ..KafkaError::of(error) }
            }
            ErrorCode::StaleMemberEpoch | ErrorCode::FencedMemberEpoch => {
                commit_failed("OffsetCommit failed with stale member epoch.")
            }
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration
                if self.uses_consumer_protocol() =>
            {
                commit_failed(COMMIT_FAILED)
            }
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {
                if self.subscriptions.has_auto_assigned_partitions() {
                    self.commit_says_not_a_member(error);
                }
                commit_failed(COMMIT_FAILED)
            }
            ErrorCode::NetworkException
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::OffsetMetadataTooLarge
            | ErrorCode::InvalidCommitOffsetSize
            | ErrorCode::FencedInstanceId
            | ErrorCode::TopicAuthorizationFailed => KafkaError::of(error),
            other => KafkaError::client(
                KAFKA,
                format!("Unexpected error in commit: {}", other.message()),
            ),
        };
        let retry = raised.retriable
            && match commit.kind {
                CommitKind::Sync(_) | CommitKind::Prepare | CommitKind::Close => true,
                CommitKind::Async(_) | CommitKind::Auto => false,
            };
        if retry && now < commit.deadline_ms {
            let wait = self.client.retry_backoff(commit.attempts);
            commit.attempts = commit.attempts.saturating_add(1);
            commit.next_try_ms = now.saturating_add(wait);
            self.commits.insert(index.min(self.commits.len()), commit);
            return;
        }
        if raised.retriable && commit.kind == CommitKind::Auto {
            // The next automatic commit does not wait for the whole interval.
            self.coordinator.next_auto_commit_ms =
                now.saturating_add(self.config.common.retry_backoff_ms);
        }
        let raised = match commit.kind {
            CommitKind::Async(_) if raised.retriable => KafkaError {
                code: Some(error),
                class: "org.apache.kafka.clients.consumer.RetriableCommitFailedException".into(),
                message: "Offset commit failed with a retriable exception. You should retry committing the latest consumed offsets.".to_owned(),
                retriable: true,
                cause: None,
            },
            CommitKind::Sync(_)
            | CommitKind::Async(_)
            | CommitKind::Auto
            | CommitKind::Prepare
            | CommitKind::Close => raised,
        };
        self.end_commit(commit, Err(raised));
    }

    /// The first error, in the order of the response; each is logged.
    fn first_commit_error(
        &mut self,
        commit: &Commit,
        response: &OffsetCommitResponse,
    ) -> Option<ErrorCode> {
        let mut unauthorized = None;
        for topic in &response.topics {
            for answer in &topic.partitions {
                let error = code(answer.error_code);
                if error == ErrorCode::None {
                    continue;
                }
                let partition =
                    TopicPartition::new(topic.name.0.to_string(), answer.partition_index);
                let offset = commit.offsets.get(&partition).map_or(-1, |offset| offset.offset.0);
                let level = if error.is_retriable() { Level::Warn } else { Level::Error };
                self.client.log(
                    level,
                    LOGGER,
                    format!(
                        "Offset commit failed on partition {partition} at offset {offset}: {}",
                        error.message()
                    ),
                );
                if error != ErrorCode::TopicAuthorizationFailed {
                    return Some(error);
                }
                unauthorized = Some(error);
            }
        }
        unauthorized
    }

    fn end_commit(&mut self, commit: Commit, result: Result<(), KafkaError>) {
        let id = match commit.kind {
            CommitKind::Sync(id) | CommitKind::Async(id) => Some(id),
            CommitKind::Auto | CommitKind::Prepare | CommitKind::Close => {
                if let Err(error) = &result
                    && !error.retriable
                {
                    let text: Vec<String> = commit
                        .offsets
                        .iter()
                        .map(|(partition, offset)| format!("{partition}={}", render(offset)))
                        .collect();
                    let how = match commit.kind {
                        CommitKind::Close => "Synchronous",
                        CommitKind::Sync(_)
                        | CommitKind::Async(_)
                        | CommitKind::Auto
                        | CommitKind::Prepare => "Asynchronous",
                    };
                    self.client.log(
                        Level::Warn,
                        LOGGER,
                        format!(
                            "{how} auto-commit of offsets {{{}}} failed: {}",
                            text.join(", "),
                            error.message
                        ),
                    );
                }
                None
            }
        };
        self.outputs.push_back(ConsumerOutput::Committed { id, offsets: commit.offsets, result });
    }
}

enum Sent {
    Yes,
    NotYet,
    Never(KafkaError),
}

/// `OffsetAndMetadata.toString()`.
fn render(offset: &OffsetAndMetadata) -> String {
    let epoch = offset.leader_epoch.map_or_else(|| "null".to_owned(), |epoch| epoch.0.to_string());
    format!(
        "OffsetAndMetadata{{offset={}, leaderEpoch={epoch}, metadata='{}'}}",
        offset.offset, offset.metadata
    )
}
