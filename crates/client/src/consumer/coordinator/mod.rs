//! The consumer's side of a classic group: finding the coordinator, joining, syncing, heartbeats,
//! leaving (`AbstractCoordinator`, `ConsumerCoordinator`).
//!
//! | concept | file |
//! |---|---|
//! | which broker coordinates the group | `find_coordinator.rs` |
//! | where a rebalance stands, what is given up and taken | `rebalance.rs` |
//! | JoinGroup | `join_group.rs` |
//! | the leader's assignment, SyncGroup | `sync_group.rs` |
//! | Heartbeat, session and poll timeouts | `heartbeat.rs` |
//! | LeaveGroup | `leave_group.rs` |
//! | which topics' metadata the consumer asks for | `consumer_metadata.rs` |
//!
//! Requests go out only while the application is inside `poll`; responses are taken at any time, and
//! heartbeats go on, as Java's heartbeat thread does both.

mod consumer_metadata;
mod find_coordinator;
mod heartbeat;
mod join_group;
mod leave_group;
mod rebalance;
mod sync_group;

use logbrook_sorted::SortedSet;

use kafka_protocol::messages::GroupId;
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_group::TopicPartition as GroupPartition;
use logbrook_group::assignors::PartitionsPerTopic;

use super::Consumer;
use crate::network_client::Node;
use crate::topic_partition::TopicPartition;
use rebalance::Rebalance;

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.ConsumerCoordinator";

/// `JoinGroupRequest.UNKNOWN_GENERATION_ID`.
pub(super) const NO_GENERATION: i32 = -1;

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
    pub(super) fn none() -> Self {
        Self { id: NO_GENERATION, member_id: String::new(), protocol: None }
    }
}

/// The coordinator's part of a consumer's state.
#[derive(Clone, Debug)]
pub(super) struct Coordinator {
    pub(super) node: Option<Node>,
    finding: bool,
    find_attempts: u32,
    find_retry_ms: i64,
    pub(super) offset_fetch_retry_ms: i64,
    pub(super) state: MemberState,
    pub(super) generation: Generation,
    /// Who `groupMetadata` says that this is: what the last completed join gave, also after the member was
    /// thrown out (`ConsumerCoordinator.onJoinComplete` is what sets it). By it the coordinator knows a member
    /// of yesterday that still has offsets to add to a transaction.
    pub(super) group_metadata: Generation,
    rebalance: Rebalance,
    rejoin_needed: bool,
    rejoin_reason: String,
    join_retry_ms: i64,
    join_attempts: u32,
    is_leader: bool,
    /// Partitions of the group's topics when this member last assigned as the leader.
    assignment_snapshot: Option<PartitionsPerTopic>,
    joined_subscription: Option<SortedSet<String>>,
    /// `onAssignment` of a sticky assignor.
    last_assignment: Option<Vec<GroupPartition>>,
    last_generation: i32,
    heartbeat_in_flight: bool,
    heartbeat_attempts: u32,
    next_heartbeat_ms: i64,
    session_deadline_ms: i64,
    /// Last time that the application was inside poll.
    pub(super) last_poll_ms: i64,
    pub(super) leaving: bool,
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
            group_metadata: Generation::none(),
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

    /// When the coordinator, or what it was asked for, is looked for again.
    pub(super) fn lookup_times(&self) -> [i64; 2] {
        [self.find_retry_ms, self.offset_fetch_retry_ms]
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

    /// `ConsumerCoordinator.poll`, while the application is inside poll.
    pub(super) fn coordinator_poll(&mut self, now: i64) {
        self.coordinator.last_poll_ms = now;
        if self.subscriptions.has_auto_assigned_partitions() && self.rejoin_needed() {
            self.advance_rebalance(now);
        }
        self.maybe_auto_commit(now);
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

    /// The member was removed from its group: what it had may be another's already.
    fn is_lost(&self) -> bool {
        let generation = &self.coordinator.generation;
        generation.id == NO_GENERATION || generation.member_id.is_empty()
    }

    /// `resetStateOnResponseError` of a commit.
    pub(super) fn commit_says_not_a_member(&mut self, error: ErrorCode) {
        let reason = format!("encountered {} from OFFSET_COMMIT response", error.name());
        self.reset_generation(&reason, error == ErrorCode::IllegalGeneration);
    }

    pub(super) fn commit_says_rebalancing(&mut self) {
        self.request_rejoin("offset commit failed since group is already rebalancing");
    }
}
