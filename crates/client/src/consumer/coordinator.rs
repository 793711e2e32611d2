//! The consumer's side of a classic group: finding the coordinator, joining, syncing, heartbeats,
//! leaving (`AbstractCoordinator`, `ConsumerCoordinator`).
//!
//! ```text
//!   Idle --rejoin needed--> Committing --> Revoking --> Joining --> (leader: waits for metadata,
//!     ^                    (auto commit)  (callback)       ^         assigns)
//!     |                                                    |             |
//!     +-- Completing <-- Synced <-- Syncing <--------------+-------------+
//!         (cooperative: callback for what is given up, then rejoin)
//! ```
//!
//! Requests go out only while the application is inside `poll`; responses are taken at any time, and
//! heartbeats go on, as Java's heartbeat thread does both.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ApiKey, FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_group::TopicPartition as GroupPartition;
use logbrook_group::assignors::{Assignor, GroupMember, PartitionsPerTopic, Subscriptions};
use logbrook_group::consumer_protocol::{Assignment, PROTOCOL_TYPE, Subscription};

use super::commit::CommitKind;
use super::subscription_state::SubscriptionType;
use super::{Consumer, ConsumerOutput, Pending};
use crate::error::{KAFKA, KafkaError};
use crate::log_line::Level;
use crate::metadata::Interest;
use crate::network_client::Node;
use crate::response_errors::{code, read_coordinator};
use crate::topic_partition::TopicPartition;

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.ConsumerCoordinator";
/// `JoinGroupRequest.UNKNOWN_GENERATION_ID`.
pub(super) const NO_GENERATION: i32 = -1;
/// How much longer than a rebalance a JoinGroup may take (`JOIN_GROUP_TIMEOUT_LAPSE`), ms.
const JOIN_GROUP_TIMEOUT_LAPSE_MS: i64 = 5_000;

/// `MemberState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberState {
    Unjoined,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

/// `Generation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) id: i32,
    pub(super) member_id: String,
    pub(super) protocol: Option<String>,
}

impl Generation {
    fn none() -> Self {
        Self { id: NO_GENERATION, member_id: String::new(), protocol: None }
    }
}

/// Where a rebalance stands.
#[derive(Clone, Debug)]
enum Rebalance {
    Idle,
    /// The automatic commit before a rebalance is under way.
    Committing,
    /// The application was told what it loses; it may commit before the join goes out.
    Revoking,
    Joining,
    /// The leader wants the partitions of all topics of the group.
    AwaitingMetadata {
        response: Box<JoinGroupResponse>,
        version: u64,
    },
    Syncing,
    /// The assignment is here and waits for the application's next poll.
    Synced(Bytes),
    /// Cooperative: the application was told what it gives up.
    Completing(Vec<TopicPartition>),
}

/// The coordinator's part of a consumer's state.
#[derive(Clone, Debug)]
pub(super) struct Coordinator {
    node: Option<Node>,
    finding: bool,
    find_attempts: u32,
    find_retry_ms: i64,
    pub(super) offset_fetch_retry_ms: i64,
    pub(super) state: MemberState,
    pub(super) generation: Generation,
    rebalance: Rebalance,
    rejoin_needed: bool,
    rejoin_reason: String,
    join_retry_ms: i64,
    join_attempts: u32,
    is_leader: bool,
    /// Partitions of the group's topics when this member last assigned as the leader.
    assignment_snapshot: Option<PartitionsPerTopic>,
    joined_subscription: Option<BTreeSet<String>>,
    /// `onAssignment` of a sticky assignor.
    last_assignment: Option<Vec<GroupPartition>>,
    last_generation: i32,
    heartbeat_in_flight: bool,
    heartbeat_attempts: u32,
    next_heartbeat_ms: i64,
    session_deadline_ms: i64,
    /// Last time that the application was inside poll.
    pub(super) last_poll_ms: i64,
    leaving: bool,
    pub(super) next_auto_commit_ms: i64,
}

impl Coordinator {
    pub(super) fn new() -> Self {
        Self {
            node: None,
            finding: false,
            find_attempts: 0,
            find_retry_ms: i64::MIN,
            offset_fetch_retry_ms: i64::MIN,
            state: MemberState::Unjoined,
            generation: Generation::none(),
            rebalance: Rebalance::Idle,
            rejoin_needed: true,
            rejoin_reason: String::new(),
            join_retry_ms: i64::MIN,
            join_attempts: 0,
            is_leader: false,
            assignment_snapshot: None,
            joined_subscription: None,
            last_assignment: None,
            last_generation: NO_GENERATION,
            heartbeat_in_flight: false,
            heartbeat_attempts: 0,
            next_heartbeat_ms: i64::MAX,
            session_deadline_ms: i64::MAX,
            last_poll_ms: i64::MIN,
            leaving: false,
            next_auto_commit_ms: i64::MAX,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.node.is_some()
    }

    /// A rebalance has begun and is not over.
    pub(super) fn rebalance_in_progress(&self) -> bool {
        match self.state {
            MemberState::PreparingRebalance | MemberState::CompletingRebalance => true,
            MemberState::Unjoined | MemberState::Stable => false,
        }
    }

    /// Times at which there is something to do; some are over.
    pub(super) fn times(&self, max_poll_interval_ms: i64) -> Vec<i64> {
        let beating = match self.state {
            MemberState::CompletingRebalance | MemberState::Stable => true,
            MemberState::Unjoined | MemberState::PreparingRebalance => false,
        };
        let mut times = vec![self.find_retry_ms, self.join_retry_ms, self.offset_fetch_retry_ms];
        if beating {
            if !self.heartbeat_in_flight {
                times.push(self.next_heartbeat_ms);
            }
            times.push(self.session_deadline_ms);
            times.push(self.last_poll_ms.saturating_add(max_poll_interval_ms));
        }
        times
    }
}

fn group_partitions(partitions: &[TopicPartition]) -> Vec<GroupPartition> {
    partitions
        .iter()
        .map(|partition| GroupPartition::new(partition.topic.clone(), partition.partition.0))
        .collect()
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

impl Consumer {
    fn group(&self) -> GroupId {
        GroupId(text(self.config.group_id.as_deref().unwrap_or_default()))
    }

    fn instance(&self) -> Option<StrBytes> {
        self.config.group_instance_id.as_deref().map(text)
    }

    /// The protocol that all assignors know: cooperative only if each of them is.
    fn is_cooperative(&self) -> bool {
        let assignors = &self.config.assignors;
        !assignors.is_empty() && assignors.iter().all(|assignor| assignor.is_cooperative())
    }

    /// The coordinator if it can take a request now; looks for it if it is not known.
    pub(super) fn ready_coordinator(&mut self, now: i64) -> Option<Node> {
        match self.coordinator.node.clone() {
            Some(node) => self.client.ready(now, &node).then_some(node),
            None => {
                self.find_coordinator(now);
                None
            }
        }
    }

    fn find_coordinator(&mut self, now: i64) {
        if self.coordinator.finding || now < self.coordinator.find_retry_ms {
            return;
        }
        if self.client.metadata.brokers.is_empty() {
            self.client.metadata.request_update(false);
        }
        let Some(node) = self.client.least_loaded_node(now) else { return };
        if !self.client.ready(now, &node) {
            return;
        }
        let key = text(self.config.group_id.as_deref().unwrap_or_default());
        let request = FindCoordinatorRequest::default().with_key_type(0);
        let version = self.client.version(node.id, ApiKey::FindCoordinator).unwrap_or_default();
        let request = if version >= 4 {
            request.with_coordinator_keys(vec![key])
        } else {
            request.with_key(key)
        };
        let token = self.pending(Pending::FindCoordinator);
        let request = Request::FindCoordinator(request);
        if self.client.send(now, node.id, token, request).is_some() {
            self.coordinator.finding = true;
        } else {
            self.pending.remove(&token);
        }
    }

    pub(super) fn find_coordinator_response(&mut self, now: i64, result: Option<Response>) {
        self.coordinator.finding = false;
        let group = self.config.group_id.clone().unwrap_or_default();
        let found = match result {
            Some(Response::FindCoordinator(response)) => read_coordinator(&response, &group),
            Some(_) | None => Err(KafkaError::of(ErrorCode::NetworkException)),
        };
        match found {
            Ok(node) => {
                self.coordinator.find_attempts = 0;
                self.coordinator.session_deadline_ms =
                    now.saturating_add(i64::from(self.config.session_timeout_ms));
                self.client.log(
                    Level::Info,
                    LOGGER,
                    format!(
                        "Discovered group coordinator {} (id: {} rack: null isFenced: false)",
                        node.endpoint, node.id
                    ),
                );
                self.coordinator.node = Some(node);
            }
            Err(error) if error.retriable => {
                let wait = self.client.retry_backoff(self.coordinator.find_attempts);
                self.coordinator.find_attempts = self.coordinator.find_attempts.saturating_add(1);
                self.coordinator.find_retry_ms = now.saturating_add(wait);
            }
            Err(error) => {
                self.coordinator.find_retry_ms =
                    now.saturating_add(self.config.common.retry_backoff_ms);
                let error = if error.code == Some(ErrorCode::GroupAuthorizationFailed) {
                    KafkaError {
                        message: format!("Not authorized to access group: {group}"),
                        ..error
                    }
                } else {
                    error
                };
                self.raise(error);
            }
        }
    }

    pub(super) fn mark_coordinator_unknown(&mut self, now: i64) {
        if self.coordinator.node.take().is_some() {
            self.coordinator.find_retry_ms =
                now.saturating_add(self.config.common.retry_backoff_ms);
        }
    }

    fn request_rejoin(&mut self, reason: impl Into<String>) {
        self.coordinator.rejoin_needed = true;
        self.coordinator.rejoin_reason = reason.into();
    }

    /// `resetStateAndGeneration`, and rejoin.
    fn reset_generation(&mut self, reason: &str, keep_member_id: bool) {
        let member_id = if keep_member_id {
            std::mem::take(&mut self.coordinator.generation.member_id)
        } else {
            String::new()
        };
        self.coordinator.generation = Generation { member_id, ..Generation::none() };
        self.coordinator.state = MemberState::Unjoined;
        match self.coordinator.rebalance {
            // What was synced belongs to a generation that is over.
            Rebalance::Joining
            | Rebalance::AwaitingMetadata { .. }
            | Rebalance::Syncing
            | Rebalance::Synced(_) => self.coordinator.rebalance = Rebalance::Idle,
            Rebalance::Idle
            | Rebalance::Committing
            | Rebalance::Revoking
            | Rebalance::Completing(_) => {}
        }
        self.request_rejoin(reason);
    }

    /// `rejoinNeededOrPending`.
    fn rejoin_needed(&mut self) -> bool {
        if !self.subscriptions.has_auto_assigned_partitions() {
            return false;
        }
        if let Some(snapshot) = &self.coordinator.assignment_snapshot
            && *snapshot != self.partitions_per_topic(snapshot.keys())
            && !self.coordinator.rejoin_needed
        {
            self.request_rejoin("cached metadata has changed");
        } else if let Some(joined) = &self.coordinator.joined_subscription
            && *joined != self.subscriptions.subscription
            && !self.coordinator.rejoin_needed
        {
            self.request_rejoin("subscription has changed");
        }
        self.coordinator.rejoin_needed || !matches!(self.coordinator.rebalance, Rebalance::Idle)
    }

    /// Partitions of the topics that exist; the topics that do not are left with 0, so that a snapshot
    /// keeps watching them.
    fn partitions_per_topic<'a>(
        &self,
        topics: impl Iterator<Item = &'a String>,
    ) -> PartitionsPerTopic {
        topics
            .map(|topic| {
                let count = self.client.metadata.partition_count(topic).unwrap_or(0);
                (topic.clone(), count as i32)
            })
            .collect()
    }

    /// `ConsumerCoordinator.poll`, while the application is inside poll.
    pub(super) fn coordinator_poll(&mut self, now: i64) {
        self.coordinator.last_poll_ms = now;
        if self.subscriptions.has_auto_assigned_partitions() && self.rejoin_needed() {
            self.advance_rebalance(now);
        }
        self.maybe_auto_commit(now);
    }

    fn advance_rebalance(&mut self, now: i64) {
        loop {
            match self.coordinator.rebalance.clone() {
                Rebalance::Idle => {
                    if !self.coordinator.is_known() {
                        self.find_coordinator(now);
                        return;
                    }
                    if self.pattern_awaits_metadata() || now < self.coordinator.join_retry_ms {
                        return;
                    }
                    self.coordinator.rebalance = Rebalance::Committing;
                    if self.config.enable_auto_commit
                        && self.coordinator.state == MemberState::Stable
                    {
                        let revoked = self.to_be_revoked();
                        self.subscriptions.mark_pending_revocation(&revoked);
                        self.auto_commit(now, CommitKind::Prepare);
                    }
                }
                Rebalance::Committing => {
                    if self.has_commit(CommitKind::Prepare) {
                        return;
                    }
                    self.coordinator.rebalance = Rebalance::Revoking;
                    if self.tell_what_is_revoked() {
                        // The application's callback runs before the next poll.
                        self.fence = true;
                        return;
                    }
                }
                Rebalance::Revoking => {
                    if self.has_application_sync_commit() {
                        return;
                    }
                    self.give_up_revoked();
                    self.coordinator.is_leader = false;
                    self.subscriptions.group_subscription.clear();
                    if !self.send_join(now) {
                        return;
                    }
                }
                Rebalance::AwaitingMetadata { response, version } => {
                    if self.client.metadata.version <= version {
                        return;
                    }
                    self.sync_as_leader(now, &response);
                }
                Rebalance::Synced(assignment) => {
                    self.coordinator.rebalance = Rebalance::Idle;
                    self.join_complete(now, &assignment);
                    if self.fence {
                        return;
                    }
                    if !self.coordinator.rejoin_needed {
                        return;
                    }
                }
                Rebalance::Completing(assigned) => {
                    if self.has_application_sync_commit() {
                        return;
                    }
                    self.coordinator.rebalance = Rebalance::Idle;
                    self.take_assignment(now, &assigned);
                }
                Rebalance::Joining | Rebalance::Syncing => return,
            }
            if matches!(self.coordinator.rebalance, Rebalance::Idle)
                && !self.coordinator.rejoin_needed
            {
                return;
            }
        }
    }

    /// A pattern subscription wants fresh metadata before it joins.
    fn pattern_awaits_metadata(&mut self) -> bool {
        matches!(self.subscriptions.kind, SubscriptionType::AutoPattern(_))
            && (self.client.metadata.version == 0 || self.client.metadata.update_wanted())
    }

    /// What this member gives up before it joins: everything (eager), or what it no longer subscribes
    /// to (cooperative).
    fn to_be_revoked(&self) -> Vec<TopicPartition> {
        let mut partitions = self.subscriptions.assigned_sorted();
        if self.is_cooperative() && !self.is_lost() {
            partitions
                .retain(|partition| !self.subscriptions.subscription.contains(&partition.topic));
        }
        partitions
    }

    /// The member was removed from its group: what it had may be another's already.
    fn is_lost(&self) -> bool {
        let generation = &self.coordinator.generation;
        generation.id == NO_GENERATION || generation.member_id.is_empty()
    }

    fn tell_what_is_revoked(&mut self) -> bool {
        let partitions = self.to_be_revoked();
        if partitions.is_empty() {
            return false;
        }
        self.subscriptions.mark_pending_revocation(&partitions);
        self.outputs.push_back(if self.is_lost() {
            ConsumerOutput::Lost(partitions)
        } else {
            ConsumerOutput::Revoked(partitions)
        });
        true
    }

    fn give_up_revoked(&mut self) {
        let revoked = self.to_be_revoked();
        let mut kept = self.subscriptions.assigned_sorted();
        kept.retain(|partition| !revoked.contains(partition));
        self.subscriptions.assign_from_subscribed(&kept);
        self.drop_unassigned_fetches();
    }

    /// `sendJoinGroupRequest`.
    fn send_join(&mut self, now: i64) -> bool {
        let Some(node) = self.ready_coordinator(now) else { return false };
        let owned = group_partitions(&self.subscriptions.assigned_sorted());
        let topics: Vec<String> = self.subscriptions.subscription.iter().cloned().collect();
        let rack = Some(self.config.client_rack.clone()).filter(|rack| !rack.is_empty());
        let coordinator = &self.coordinator;
        let protocols = self
            .config
            .assignors
            .iter()
            .map(|assignor| {
                let mut subscription = Subscription::to(topics.clone());
                subscription.user_data = assignor.subscription_user_data(
                    coordinator.last_assignment.as_deref(),
                    coordinator.last_generation,
                );
                subscription.owned_partitions = owned.clone();
                subscription.generation_id = coordinator.generation.id;
                subscription.rack_id = rack.clone();
                JoinGroupRequestProtocol::default()
                    .with_name(text(assignor.name()))
                    .with_metadata(subscription.encode().into())
            })
            .collect();
        // `maybeTruncateReason`: at most 255 characters.
        let reason: String = coordinator.rejoin_reason.chars().take(255).collect();
        let request = JoinGroupRequest::default()
            .with_group_id(self.group())
            .with_session_timeout_ms(self.config.session_timeout_ms)
            .with_rebalance_timeout_ms(self.config.max_poll_interval_ms)
            .with_member_id(text(&coordinator.generation.member_id))
            .with_group_instance_id(self.instance())
            .with_protocol_type(StrBytes::from_static_str(PROTOCOL_TYPE))
            .with_protocols(protocols)
            .with_reason(Some(StrBytes::from_string(reason)));
        let timeout = self
            .config
            .common
            .request_timeout_ms
            .max(i64::from(self.config.max_poll_interval_ms) + JOIN_GROUP_TIMEOUT_LAPSE_MS);
        let token = self.pending(Pending::Join);
        let request = Request::JoinGroup(request);
        if self.client.send_with_timeout(now, node.id, token, request, timeout).is_none() {
            self.pending.remove(&token);
            return false;
        }
        self.coordinator.joined_subscription = Some(self.subscriptions.subscription.clone());
        self.coordinator.state = MemberState::PreparingRebalance;
        self.coordinator.rebalance = Rebalance::Joining;
        true
    }

    pub(super) fn join_response(&mut self, now: i64, result: Option<Response>) {
        if !matches!(self.coordinator.rebalance, Rebalance::Joining) {
            return;
        }
        let Some(Response::JoinGroup(response)) = result else {
            self.mark_coordinator_unknown(now);
            self.join_failed(now, ErrorCode::NetworkException);
            return;
        };
        match code(response.error_code) {
            ErrorCode::None => {
                self.coordinator.state = MemberState::CompletingRebalance;
                self.coordinator.join_attempts = 0;
                self.reset_heartbeat(now);
                self.coordinator.generation = Generation {
                    id: response.generation_id,
                    member_id: response.member_id.to_string(),
                    protocol: response.protocol_name.as_ref().map(|name| name.to_string()),
                };
                if response.leader == response.member_id {
                    self.elected_leader(now, response);
                } else {
                    self.coordinator.is_leader = false;
                    self.send_sync(now, Vec::new());
                }
            }
            ErrorCode::MemberIdRequired => {
                self.coordinator.generation =
                    Generation { member_id: response.member_id.to_string(), ..Generation::none() };
                self.coordinator.state = MemberState::Unjoined;
                self.request_rejoin(format!(
                    "need to re-join with the given member-id: {}",
                    response.member_id
                ));
                // Nothing was given up since: straight to the second join.
                self.coordinator.rebalance = Rebalance::Revoking;
            }
            ErrorCode::UnknownMemberId => {
                self.reset_generation("rebalance failed due to UnknownMemberIdException", false);
            }
            error @ (ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator) => {
                self.mark_coordinator_unknown(now);
                self.join_failed(now, error);
            }
            error @ (ErrorCode::CoordinatorLoadInProgress | ErrorCode::RebalanceInProgress) => {
                self.join_failed(now, error);
            }
            error => {
                let group = self.config.group_id.clone().unwrap_or_default();
                let raised = match error {
                    ErrorCode::GroupMaxSizeReached => KafkaError::with_message(
                        error,
                        format!(
                            "Consumer group {group} already has the configured maximum number of members."
                        ),
                    ),
                    ErrorCode::GroupAuthorizationFailed => KafkaError::with_message(
                        error,
                        format!("Not authorized to access group: {group}"),
                    ),
                    ErrorCode::InconsistentGroupProtocol
                    | ErrorCode::InvalidSessionTimeout
                    | ErrorCode::InvalidGroupId
                    | ErrorCode::FencedInstanceId
                    | ErrorCode::UnsupportedVersion => KafkaError::of(error),
                    other => KafkaError::client(
                        KAFKA,
                        format!("Unexpected error in join group response: {}", other.message()),
                    ),
                };
                self.client.log(
                    Level::Error,
                    LOGGER,
                    format!("JoinGroup failed due to fatal error: {}", error.message()),
                );
                self.join_failed(now, error);
                self.raise(raised);
            }
        }
    }

    /// A join or sync that failed: again, after the backoff.
    fn join_failed(&mut self, now: i64, error: ErrorCode) {
        self.coordinator.state = MemberState::Unjoined;
        self.coordinator.rebalance = Rebalance::Idle;
        let wait = match error {
            ErrorCode::RebalanceInProgress
            | ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration => 0,
            _ => self.client.retry_backoff(self.coordinator.join_attempts),
        };
        self.coordinator.join_attempts = self.coordinator.join_attempts.saturating_add(1);
        self.coordinator.join_retry_ms = now.saturating_add(wait);
        self.request_rejoin(format!("rebalance failed due to {}", error.exception()));
    }

    /// `onLeaderElected`: the metadata of every topic of the group are needed.
    fn elected_leader(&mut self, now: i64, response: JoinGroupResponse) {
        let mut topics = BTreeSet::new();
        for member in &response.members {
            if let Ok(subscription) = Subscription::decode(&member.metadata) {
                topics.extend(subscription.topics);
            }
        }
        self.coordinator.is_leader = true;
        self.subscriptions.group_subscription = topics;
        self.update_interest();
        let metadata = &self.client.metadata;
        let stale = metadata.version == 0
            || metadata.update_wanted()
            || metadata.next_update_at().is_some_and(|at| at <= now);
        if stale {
            let version = metadata.version;
            self.client.metadata.request_update(false);
            let response = Box::new(response);
            self.coordinator.rebalance = Rebalance::AwaitingMetadata { response, version };
        } else {
            self.sync_as_leader(now, &response);
        }
    }

    fn sync_as_leader(&mut self, now: i64, response: &JoinGroupResponse) {
        let group_subscription = self.subscriptions.group_subscription.clone();
        let counts = self.partitions_per_topic(group_subscription.iter());
        self.coordinator.assignment_snapshot = Some(counts.clone());
        if response.skip_assignment {
            self.send_sync(now, Vec::new());
            return;
        }
        let name = self.coordinator.generation.protocol.clone().unwrap_or_default();
        let Some(assignor) = Assignor::by_name(&name) else {
            self.raise(KafkaError::client(
                "java.lang.IllegalStateException",
                format!("Coordinator selected invalid assignment protocol: {name}"),
            ));
            return;
        };
        let mut members = Subscriptions::new();
        for member in &response.members {
            if let Ok(subscription) = Subscription::decode(&member.metadata) {
                let group_instance_id =
                    member.group_instance_id.as_ref().map(|instance| instance.to_string());
                members.insert(
                    member.member_id.to_string(),
                    GroupMember { subscription, group_instance_id },
                );
            }
        }
        let existing: PartitionsPerTopic =
            counts.into_iter().filter(|(_, count)| *count > 0).collect();
        let assignments = assignor
            .assign(&existing, &members)
            .into_iter()
            .map(|(member, partitions)| {
                SyncGroupRequestAssignment::default()
                    .with_member_id(StrBytes::from_string(member))
                    .with_assignment(Assignment::of(partitions).encode().into())
            })
            .collect();
        self.send_sync(now, assignments);
    }

    fn send_sync(&mut self, now: i64, assignments: Vec<SyncGroupRequestAssignment>) {
        self.coordinator.rebalance = Rebalance::Syncing;
        let node = self.coordinator.node.clone();
        let Some(node) = node.filter(|node| self.client.ready(now, node)) else {
            self.join_failed(now, ErrorCode::CoordinatorNotAvailable);
            return;
        };
        let generation = &self.coordinator.generation;
        let request = SyncGroupRequest::default()
            .with_group_id(self.group())
            .with_generation_id(generation.id)
            .with_member_id(text(&generation.member_id))
            .with_group_instance_id(self.instance())
            .with_protocol_type(Some(StrBytes::from_static_str(PROTOCOL_TYPE)))
            .with_protocol_name(generation.protocol.as_deref().map(text))
            .with_assignments(assignments);
        let token = self.pending(Pending::Sync);
        let timeout = self
            .config
            .common
            .request_timeout_ms
            .max(i64::from(self.config.max_poll_interval_ms) + JOIN_GROUP_TIMEOUT_LAPSE_MS);
        self.client.send_with_timeout(now, node.id, token, Request::SyncGroup(request), timeout);
    }

    pub(super) fn sync_response(&mut self, now: i64, result: Option<Response>) {
        if !matches!(self.coordinator.rebalance, Rebalance::Syncing) {
            return;
        }
        let Some(Response::SyncGroup(response)) = result else {
            self.mark_coordinator_unknown(now);
            self.join_failed(now, ErrorCode::NetworkException);
            return;
        };
        match code(response.error_code) {
            ErrorCode::None => {
                self.coordinator.state = MemberState::Stable;
                self.coordinator.rejoin_needed = false;
                self.coordinator.rejoin_reason.clear();
                self.coordinator.rebalance = Rebalance::Synced(response.assignment);
            }
            error @ (ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator) => {
                self.mark_coordinator_unknown(now);
                self.join_failed(now, error);
            }
            error @ ErrorCode::RebalanceInProgress => self.join_failed(now, error),
            error @ (ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                self.reset_generation("", error == ErrorCode::IllegalGeneration);
                self.join_failed(now, error);
            }
            error => {
                let raised = match error {
                    ErrorCode::FencedInstanceId => KafkaError::of(error),
                    other => KafkaError::client(
                        KAFKA,
                        format!("Unexpected error from SyncGroup: {}", other.message()),
                    ),
                };
                self.join_failed(now, error);
                self.raise(raised);
            }
        }
    }

    /// `onJoinComplete`.
    fn join_complete(&mut self, now: i64, bytes: &Bytes) {
        let Ok(assignment) = Assignment::decode(bytes) else {
            self.raise(KafkaError::client(
                "java.lang.IllegalStateException",
                format!(
                    "There are insufficient bytes available to read assignment from the sync-group response (actual byte size {}) , this is not expected; it is possible that the leader's assign function is buggy and did not return any assignment for this member, or because static member is configured and the protocol is buggy hence did not get the assignment for this member",
                    bytes.len()
                ),
            ));
            return;
        };
        if !self.coordinator.is_leader {
            self.coordinator.assignment_snapshot = None;
        }
        let mut assigned: Vec<TopicPartition> = assignment
            .partitions
            .iter()
            .map(|partition| TopicPartition::new(partition.topic.clone(), partition.partition))
            .collect();
        assigned.sort();
        let matches = assigned.iter().all(|partition| self.matches_subscription(&partition.topic));
        if !matches {
            self.request_rejoin("received assignment does not match the current subscription");
            return;
        }
        self.coordinator.last_assignment = Some(group_partitions(&assigned));
        self.coordinator.last_generation = self.coordinator.generation.id;
        if self.is_cooperative() {
            let mut revoked = self.subscriptions.assigned_sorted();
            revoked.retain(|partition| !assigned.contains(partition));
            if !revoked.is_empty() {
                self.subscriptions.mark_pending_revocation(&revoked);
                self.outputs.push_back(ConsumerOutput::Revoked(revoked));
                self.request_rejoin("need to revoke partitions and re-join");
                self.coordinator.rebalance = Rebalance::Completing(assigned);
                self.fence = true;
                return;
            }
        }
        self.take_assignment(now, &assigned);
    }

    fn matches_subscription(&self, topic: &str) -> bool {
        match &self.subscriptions.kind {
            SubscriptionType::AutoPattern(pattern) => pattern.is_match(topic),
            SubscriptionType::AutoTopics => self.subscriptions.subscription.contains(topic),
            SubscriptionType::None | SubscriptionType::UserAssigned => false,
        }
    }

    fn take_assignment(&mut self, now: i64, assigned: &[TopicPartition]) {
        let owned = self.subscriptions.assigned_sorted();
        let added: Vec<TopicPartition> =
            assigned.iter().filter(|partition| !owned.contains(partition)).cloned().collect();
        if self.config.enable_auto_commit {
            self.coordinator.next_auto_commit_ms =
                now.saturating_add(self.config.auto_commit_interval_ms);
        }
        self.subscriptions.assign_from_subscribed(assigned);
        self.drop_unassigned_fetches();
        self.outputs.push_back(ConsumerOutput::Assigned(added));
    }

    fn reset_heartbeat(&mut self, now: i64) {
        let coordinator = &mut self.coordinator;
        coordinator.heartbeat_in_flight = false;
        coordinator.heartbeat_attempts = 0;
        coordinator.next_heartbeat_ms = now.saturating_add(self.config.heartbeat_interval_ms);
        coordinator.session_deadline_ms =
            now.saturating_add(i64::from(self.config.session_timeout_ms));
    }

    /// One round of Java's heartbeat thread.
    pub(super) fn heartbeat_tick(&mut self, now: i64, in_poll: bool) {
        match self.coordinator.state {
            MemberState::Unjoined | MemberState::PreparingRebalance => return,
            MemberState::CompletingRebalance | MemberState::Stable => {}
        }
        if in_poll {
            self.coordinator.last_poll_ms = now;
        }
        let poll_deadline = self
            .coordinator
            .last_poll_ms
            .saturating_add(i64::from(self.config.max_poll_interval_ms));
        if !self.coordinator.is_known() {
            self.find_coordinator(now);
        } else if now >= self.coordinator.session_deadline_ms {
            self.client.log(
                Level::Info,
                LOGGER,
                "Group coordinator is unavailable or invalid due to cause: session timed out without receiving a heartbeat response. isDisconnected: false. Rediscovery will be attempted."
                    .to_owned(),
            );
            self.mark_coordinator_unknown(now);
            self.coordinator.session_deadline_ms =
                now.saturating_add(i64::from(self.config.session_timeout_ms));
        } else if now >= poll_deadline {
            self.client.log(
                Level::Warn,
                LOGGER,
                "consumer poll timeout has expired. This means the time between subsequent calls to poll() was longer than the configured max.poll.interval.ms, which typically implies that the poll loop is spending too much time processing messages. You can address this either by increasing max.poll.interval.ms or by reducing the maximum size of batches returned in poll() with max.poll.records."
                    .to_owned(),
            );
            self.send_leave(now, "consumer poll timeout has expired.");
            self.reset_generation("consumer pro-actively leaving the group", false);
        } else if !self.coordinator.heartbeat_in_flight && now >= self.coordinator.next_heartbeat_ms
        {
            let Some(node) = self.ready_coordinator(now) else { return };
            let generation = self.coordinator.generation.clone();
            let request = HeartbeatRequest::default()
                .with_group_id(self.group())
                .with_generation_id(generation.id)
                .with_member_id(text(&generation.member_id))
                .with_group_instance_id(self.instance());
            let token = self.pending(Pending::Heartbeat { generation });
            if self.client.send(now, node.id, token, Request::Heartbeat(request)).is_some() {
                self.coordinator.heartbeat_in_flight = true;
                self.coordinator.next_heartbeat_ms =
                    now.saturating_add(self.config.heartbeat_interval_ms);
            } else {
                self.pending.remove(&token);
            }
        }
    }

    pub(super) fn heartbeat_response(
        &mut self,
        now: i64,
        sent: &Generation,
        result: Option<Response>,
    ) {
        self.coordinator.heartbeat_in_flight = false;
        let unchanged = *sent == self.coordinator.generation;
        let Some(Response::Heartbeat(response)) = result else {
            self.mark_coordinator_unknown(now);
            self.heartbeat_failed(now);
            return;
        };
        match code(response.error_code) {
            ErrorCode::None => self.heartbeat_received(now),
            ErrorCode::RebalanceInProgress => {
                self.heartbeat_received(now);
                if self.coordinator.state == MemberState::Stable {
                    self.request_rejoin("group is already rebalancing");
                }
            }
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.mark_coordinator_unknown(now);
                self.heartbeat_failed(now);
            }
            error @ (ErrorCode::IllegalGeneration
            | ErrorCode::UnknownMemberId
            | ErrorCode::FencedInstanceId) => {
                if !unchanged {
                    return;
                }
                if error == ErrorCode::FencedInstanceId {
                    self.client.log(
                        Level::Error,
                        LOGGER,
                        format!(
                            "Caught fenced group.instance.id Optional[{}] error in heartbeat thread",
                            self.config.group_instance_id.clone().unwrap_or_default()
                        ),
                    );
                    self.raise(KafkaError::of(error));
                }
                let reason = format!("encountered {} from HEARTBEAT response", error.name());
                self.reset_generation(&reason, error == ErrorCode::IllegalGeneration);
            }
            other => {
                self.heartbeat_failed(now);
                self.raise(KafkaError::client(
                    KAFKA,
                    format!("Unexpected error in heartbeat response: {}", other.message()),
                ));
            }
        }
    }

    fn heartbeat_received(&mut self, now: i64) {
        self.coordinator.heartbeat_attempts = 0;
        self.coordinator.session_deadline_ms =
            now.saturating_add(i64::from(self.config.session_timeout_ms));
    }

    fn heartbeat_failed(&mut self, now: i64) {
        let wait = self.client.retry_backoff(self.coordinator.heartbeat_attempts);
        self.coordinator.heartbeat_attempts = self.coordinator.heartbeat_attempts.saturating_add(1);
        self.coordinator.next_heartbeat_ms = now.saturating_add(wait);
    }

    /// `resetStateOnResponseError` of a commit.
    pub(super) fn commit_says_not_a_member(&mut self, error: ErrorCode) {
        let reason = format!("encountered {} from OFFSET_COMMIT response", error.name());
        self.reset_generation(&reason, error == ErrorCode::IllegalGeneration);
    }

    pub(super) fn commit_says_rebalancing(&mut self) {
        self.request_rejoin("offset commit failed since group is already rebalancing");
    }

    /// `maybeLeaveGroup`: dynamic members only. True if a request went out.
    fn send_leave(&mut self, now: i64, reason: &str) -> bool {
        let generation = self.coordinator.generation.clone();
        let dynamic = self.config.group_instance_id.is_none();
        if !dynamic
            || generation.member_id.is_empty()
            || self.coordinator.state == MemberState::Unjoined
        {
            return false;
        }
        let Some(node) = self.coordinator.node.clone() else { return false };
        if !self.client.ready(now, &node) {
            return false;
        }
        let version = self.client.version(node.id, ApiKey::LeaveGroup).unwrap_or_default();
        let request = LeaveGroupRequest::default().with_group_id(self.group());
        // Version 3 lets several members leave at once (KIP-345).
        let request = if version >= 3 {
            request.with_members(vec![
                MemberIdentity::default()
                    .with_member_id(text(&generation.member_id))
                    .with_group_instance_id(None)
                    .with_reason(Some(text(reason))),
            ])
        } else {
            request.with_member_id(text(&generation.member_id))
        };
        let token = self.pending(Pending::Leave);
        let sent = self.client.send(now, node.id, token, Request::LeaveGroup(request)).is_some();
        if sent {
            self.coordinator.leaving = true;
        } else {
            self.pending.remove(&token);
        }
        sent
    }

    pub(super) fn leave_response(&mut self) {
        self.coordinator.leaving = false;
    }

    /// Leaves on close or unsubscribe. True if there is a response to wait for.
    pub(super) fn leave_group(&mut self, now: i64, reason: &str) -> bool {
        let sent = self.send_leave(now, reason);
        self.coordinator.generation = Generation::none();
        self.coordinator.state = MemberState::Unjoined;
        self.coordinator.rebalance = Rebalance::Idle;
        self.coordinator.rejoin_needed = true;
        self.coordinator.joined_subscription = None;
        self.coordinator.assignment_snapshot = None;
        sent
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.coordinator.leaving
    }

    /// What a closing or unsubscribing member tells its application.
    pub(super) fn tell_revoked_on_leave(&mut self) -> bool {
        let partitions = self.subscriptions.assigned_sorted();
        if !self.subscriptions.has_auto_assigned_partitions() || partitions.is_empty() {
            return false;
        }
        self.outputs.push_back(if self.is_lost() {
            ConsumerOutput::Lost(partitions)
        } else {
            ConsumerOutput::Revoked(partitions)
        });
        true
    }

    /// Which topics' metadata are of interest: the subscription, the group's if this member leads, or
    /// everything with a pattern.
    pub(super) fn update_interest(&mut self) {
        let interest = match &self.subscriptions.kind {
            SubscriptionType::AutoPattern(_) => Interest::All,
            SubscriptionType::AutoTopics => {
                let mut topics = self.subscriptions.subscription.clone();
                topics.extend(self.subscriptions.group_subscription.iter().cloned());
                topics.extend(self.watched_topics.iter().cloned());
                Interest::Topics(topics)
            }
            SubscriptionType::UserAssigned | SubscriptionType::None => {
                let mut topics: BTreeSet<String> = self
                    .subscriptions
                    .assigned()
                    .map(|(partition, _)| partition.topic.clone())
                    .collect();
                topics.extend(self.watched_topics.iter().cloned());
                Interest::Topics(topics)
            }
        };
        self.client.metadata.set_interest(interest);
    }

    /// `updatePatternSubscription`: topics that match, internal ones only if asked for.
    pub(super) fn update_pattern_subscription(&mut self) {
        if self.seen_metadata_version == self.client.metadata.version {
            return;
        }
        self.seen_metadata_version = self.client.metadata.version;
        // `Metadata.maybeThrowAnyException`: what no retry mends ends the poll.
        let invalid: Vec<String> = self
            .client
            .metadata
            .topic_errors
            .iter()
            .filter(|(_, error)| **error == ErrorCode::InvalidTopicException)
            .map(|(topic, _)| topic.clone())
            .collect();
        if !invalid.is_empty() {
            let message = format!("Invalid topics: [{}]", invalid.join(", "));
            self.raise(KafkaError::with_message(ErrorCode::InvalidTopicException, message));
        }
        let SubscriptionType::AutoPattern(pattern) = &self.subscriptions.kind else { return };
        let exclude_internal = self.config.exclude_internal_topics;
        let topics: BTreeMap<&String, bool> = self
            .client
            .metadata
            .topics
            .iter()
            .map(|(name, topic)| (name, topic.internal))
            .collect();
        self.subscriptions.subscription = topics
            .into_iter()
            .filter(|(name, internal)| !(exclude_internal && *internal) && pattern.is_match(name))
            .map(|(name, _)| name.clone())
            .collect();
    }
}
