//! The consumer's side of a consumer group (KIP-848): one heartbeat tells and is told everything
//! (`ConsumerMembershipManager`, `AbstractMembershipManager`, `ConsumerHeartbeatRequestManager`).
//!
//! ```text
//!   Unsubscribed --poll--> Joining --assigned--> Reconciling --done--> Acknowledging --sent--> Stable
//!        ^                    ^                      ^                                          |
//!        |                    | released             +------- another assignment --------------+
//!        |                 Fenced <-- fenced, unknown       (also from Joining to Stable: the same one)
//!        |                 Stale  <-- sent -- Leaving <-- max.poll.interval.ms is over
//!        +------ sent -- Leaving <-- close, unsubscribe            Fatal: poll has thrown
//! ```
//!
//! | concept | file |
//! |---|---|
//! | ConsumerGroupHeartbeat | `heartbeat_request.rs` |
//! | from what is owned to what was assigned | `reconcile.rs` |
//!
//! The member's id and epoch stand in the coordinator's [`Generation`], so that commits carry them.

mod heartbeat_request;
mod reconcile;

use logbrook_sorted::{SortedMap, SortedSet};
use rand_pcg::rand_core::Rng;
use uuid::Uuid;

use super::coordinator::{Generation, MemberState as ClassicState, NO_GENERATION};
use super::{Consumer, ConsumerOutput, GroupProtocol};
use crate::backoff::generator;
use crate::error::KafkaError;
use heartbeat_request::SentFields;
use reconcile::Reconciliation;

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.ConsumerMembershipManager";

/// `MemberState` of the new protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberState {
    Unsubscribed,
    Joining,
    Reconciling,
    Acknowledging,
    Stable,
    /// The coordinator does not know this member or its epoch: what it had is another's already.
    Fenced,
    /// The leave heartbeat goes out next.
    Leaving,
    /// It left because the application did not poll; it joins again when that polls.
    Stale,
    /// An error that no heartbeat mends was thrown.
    Fatal,
}

/// Partitions by topic id, and a count that grows with each (`LocalAssignment`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LocalAssignment {
    /// -1 before the first.
    epoch: i64,
    partitions: SortedMap<Uuid, SortedSet<i32>>,
}

impl LocalAssignment {
    fn none() -> Self {
        Self { epoch: -1, partitions: SortedMap::new() }
    }
}

/// The state of a member.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    state: MemberState,
    /// What is owned and was acknowledged.
    current: LocalAssignment,
    /// What the coordinator assigned last.
    target: LocalAssignment,
    reconciliation: Reconciliation,
    rejoined_while_reconciling: bool,
    /// The application was told that it lost its partitions; they go with the next poll.
    releasing: bool,
    poll_timer_expired: bool,
    sent: SentFields,
    in_flight: bool,
    attempts: u32,
    interval_ms: i64,
    next_heartbeat_ms: i64,
    /// Names of topics that are or were assigned.
    names: SortedMap<Uuid, String>,
    /// Chosen by the member, for its whole life.
    member_id: String,
}

impl Membership {
    /// A member that is in no group; `seed` decides its id.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: MemberState::Unsubscribed,
            current: LocalAssignment::none(),
            target: LocalAssignment::none(),
            reconciliation: Reconciliation::Idle,
            rejoined_while_reconciling: false,
            releasing: false,
            poll_timer_expired: false,
            sent: SentFields::default(),
            in_flight: false,
            attempts: 0,
            interval_ms: 0,
            next_heartbeat_ms: i64::MIN,
            names: SortedMap::new(),
            member_id: random_member_id(seed),
        }
    }

    fn is_reconciled(&self) -> bool {
        self.current == self.target
    }

    fn skips_heartbeats(&self) -> bool {
        match self.state {
            MemberState::Unsubscribed
            | MemberState::Fatal
            | MemberState::Stale
            | MemberState::Fenced => true,
            MemberState::Joining
            | MemberState::Reconciling
            | MemberState::Acknowledging
            | MemberState::Stable
            | MemberState::Leaving => false,
        }
    }

    /// Times at which there is something to do; some are over.
    pub(super) fn times(&self, poll_deadline_ms: i64) -> Vec<i64> {
        if self.skips_heartbeats() {
            return Vec::new();
        }
        let heartbeat = (!self.in_flight).then_some(self.next_heartbeat_ms);
        heartbeat.into_iter().chain([poll_deadline_ms]).collect()
    }
}

impl Consumer {
    /// Whether this consumer uses the new protocol.
    pub(super) fn uses_consumer_protocol(&self) -> bool {
        self.config.group_protocol == GroupProtocol::Consumer
    }

    /// What happens while the application is inside poll.
    pub(super) fn membership_poll(&mut self, now: i64) {
        self.coordinator.last_poll_ms = now;
        if self.subscriptions.has_auto_assigned_partitions() {
            let is_ready = !self.pattern_awaits_metadata();
            match self.membership.state {
                MemberState::Unsubscribed if is_ready => self.transition_to_joining(),
                MemberState::Stale if !self.membership.releasing => self.transition_to_joining(),
                MemberState::Unsubscribed
                | MemberState::Stale
                | MemberState::Joining
                | MemberState::Reconciling
                | MemberState::Acknowledging
                | MemberState::Stable
                | MemberState::Fenced
                | MemberState::Leaving
                | MemberState::Fatal => {}
            }
        }
        self.membership_tick(now, true);
        if !self.fence {
            self.maybe_auto_commit(now);
        }
    }

    /// What goes on at any time: heartbeats, and a reconciliation that has begun.
    pub(super) fn membership_tick(&mut self, now: i64, in_poll: bool) {
        if in_poll {
            self.coordinator.last_poll_ms = now;
        }
        if self.fence {
            return;
        }
        if self.membership.releasing {
            self.released();
        }
        self.advance_reconciliation(now, in_poll);
        if !self.fence {
            self.maybe_heartbeat(now);
        }
    }

    /// `resetEpoch`, and JOINING.
    fn transition_to_joining(&mut self) {
        if self.membership.state == MemberState::Fatal {
            return;
        }
        if self.membership.reconciliation != Reconciliation::Idle {
            self.membership.rejoined_while_reconciling = true;
        }
        self.set_epoch(0);
        self.membership.poll_timer_expired = false;
        self.membership.state = MemberState::Joining;
        self.membership.next_heartbeat_ms = i64::MIN;
        self.membership.target = LocalAssignment::none();
    }

    fn set_epoch(&mut self, epoch: i32) {
        let is_member = epoch > 0;
        self.coordinator.generation = Generation {
            id: if is_member { epoch } else { NO_GENERATION },
            member_id: self.membership.member_id.clone(),
            protocol: None,
        };
        // `AsyncKafkaConsumer.updateGroupMetadata`: an epoch of 0 or less leaves it as it was.
        if is_member {
            self.coordinator.group_metadata = self.coordinator.generation.clone();
        }
        self.coordinator.state =
            if is_member { ClassicState::Stable } else { ClassicState::Unjoined };
    }

    fn epoch(&self) -> i32 {
        self.coordinator.generation.id.max(0)
    }

    /// The member lost what it had: the application is told, and what follows waits for its
    /// callback.
    fn release_lost(&mut self) {
        let partitions = self.subscriptions.assigned_sorted();
        if partitions.is_empty() {
            self.released();
            return;
        }
        self.membership.releasing = true;
        self.outputs.push_back(ConsumerOutput::Lost(partitions));
        self.fence = true;
    }

    fn released(&mut self) {
        self.membership.releasing = false;
        self.clear_assignment();
        if self.membership.state == MemberState::Fenced {
            self.transition_to_joining();
        }
    }

    fn clear_assignment(&mut self) {
        if self.subscriptions.has_auto_assigned_partitions() {
            self.subscriptions.assign_from_subscribed(&[]);
            self.drop_unassigned_fetches();
        }
        self.membership.current = LocalAssignment::none();
        self.membership.target = LocalAssignment::none();
    }

    /// `transitionToFenced`.
    fn transition_to_fenced(&mut self) {
        match self.membership.state {
            MemberState::Leaving => self.membership.state = MemberState::Unsubscribed,
            MemberState::Unsubscribed | MemberState::Fatal | MemberState::Stale => {}
            MemberState::Joining
            | MemberState::Reconciling
            | MemberState::Acknowledging
            | MemberState::Stable
            | MemberState::Fenced => {
                self.membership.state = MemberState::Fenced;
                self.set_epoch(0);
                self.release_lost();
            }
        }
    }

    /// `handleFatalFailure`: poll throws, and the member is out for good.
    fn transition_to_fatal(&mut self, error: KafkaError) {
        self.client.log(
            crate::log_line::Level::Error,
            LOGGER,
            format!(
                "Member {} with epoch {} transitioned to fatal state",
                self.membership.member_id,
                self.epoch()
            ),
        );
        self.raise(error);
        self.membership.state = MemberState::Fatal;
        self.set_epoch(0);
        self.release_lost();
    }

    /// What a closing or unsubscribing member tells its application
    /// (`invokeOnPartitionsRevokedOrLostToReleaseAssignment`).
    pub(super) fn tell_revoked_on_membership_leave(&mut self) -> bool {
        let partitions = self.subscriptions.assigned_sorted();
        if partitions.is_empty() {
            return false;
        }
        self.subscriptions.mark_pending_revocation(&partitions);
        self.outputs.push_back(if self.epoch() > 0 {
            ConsumerOutput::Revoked(partitions)
        } else {
            ConsumerOutput::Lost(partitions)
        });
        true
    }

    /// Leaves on close or unsubscribe: the assignment is gone, and a heartbeat says so. True if
    /// there is a response to wait for.
    pub(super) fn leave_membership(&mut self, now: i64) -> bool {
        let is_in_group = !self.membership.skips_heartbeats();
        self.membership.reconciliation = Reconciliation::Idle;
        let sent = is_in_group && {
            self.membership.state = MemberState::Leaving;
            self.send_heartbeat(now, true)
        };
        self.membership.state = MemberState::Unsubscribed;
        self.membership.sent = SentFields::default();
        self.membership.in_flight = false;
        self.clear_assignment();
        self.set_epoch(0);
        sent
    }
}

/// `Uuid.randomUuid()`, from a stream of the seed of its own.
fn random_member_id(seed: u64) -> String {
    const STREAM: u64 = 0x6d65_6d62_6572;
    let mut random = generator(seed, STREAM);
    let mut bits = [0; 16];
    random.fill_bytes(&mut bits);
    logbrook_group::random_uuid(u128::from_be_bytes(bits))
}
