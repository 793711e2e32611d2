//! A broker as a member of a cluster whose controller is another node: it registers, sends heartbeats,
//! follows the metadata log, and shuts down in order.
//!
//! Until it has caught up with the metadata it takes connections and answers nothing, as Kafka's socket
//! server does before `enableRequestProcessing`.

mod controller_requests;
mod forwarding;
mod lifecycle;
mod metadata_follower;

use kafka_protocol::messages::{
    BrokerHeartbeatResponse, BrokerRegistrationResponse, FetchResponse,
};
use logbrook_sorted::SortedSet;
use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;
use uuid::Builder;

use crate::controller::MetadataRecord;
use crate::peers::{PeerChannel, Purpose};
use crate::{Broker, BrokerConfig, Effects};
pub(crate) use forwarding::Forwarded;
use forwarding::Forwarding;
pub use lifecycle::BrokerState;
use lifecycle::{Communication, Lifecycle};
use metadata_follower::MetadataFollower;

/// What a broker knows of its membership.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    /// Node id of the controller.
    pub(crate) controller: i32,
    lifecycle: Lifecycle,
    metadata: MetadataFollower,
    pub(crate) forwarding: Forwarding,
    /// Topics that the controller was asked to create (`AutoTopicCreationManager`).
    creating: SortedSet<String>,
    pub(crate) asking_for_producer_ids: bool,
    /// The process ends in order, or the last one has: its epoch is on the disk.
    ended_in_order: bool,
    /// Metadata were read to the end once, the logs are open, and requests are answered.
    serves: bool,
    incarnations: Pcg32,
}

// A stream of the generator of its own: draws for incarnations do not shift others.
const INCARNATION_STREAM: u64 = 0x696e_6361_726e;

impl Membership {
    /// A process that starts for the first time.
    pub(crate) fn new(controller: i32, seed: u64, now: i64) -> Membership {
        let mut incarnations = Pcg32::new(seed, INCARNATION_STREAM);
        let lifecycle = start(&mut incarnations, now, -1);
        let metadata = MetadataFollower::default();
        Membership {
            controller,
            lifecycle,
            metadata,
            forwarding: Forwarding::default(),
            creating: SortedSet::new(),
            asking_for_producer_ids: false,
            ended_in_order: false,
            serves: false,
            incarnations,
        }
    }

    /// The process ends in order: it writes down its epoch, so that the controller can tell that nothing is
    /// lost (KIP-966, `CleanShutdownFileHandler`).
    pub(crate) fn ends_in_order(&mut self) {
        self.ended_in_order = true;
    }

    /// Its disk is gone, and what was written down there.
    pub(crate) fn forgets_its_epoch(&mut self) {
        self.ended_in_order = false;
    }

    /// The process starts again.
    pub(crate) fn restart(&mut self, now: i64) {
        let previous = if self.ended_in_order { self.lifecycle.broker_epoch } else { -1 };
        *self = Membership {
            lifecycle: start(&mut self.incarnations, now, previous),
            incarnations: self.incarnations.clone(),
            ..Membership::new(self.controller, 0, now)
        };
    }

    pub(crate) fn serves(&self) -> bool {
        self.serves
    }

    pub(crate) fn state(&self) -> BrokerState {
        self.lifecycle.state
    }

    pub(crate) fn broker_epoch(&self) -> i64 {
        self.lifecycle.broker_epoch
    }

    /// Offset of the next metadata record to read.
    pub(crate) fn metadata_end_offset(&self) -> i64 {
        self.metadata.last_offset().saturating_add(1)
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        let wakeups = [
            self.lifecycle.next_wakeup(),
            self.metadata.next_wakeup(),
            self.forwarding.next_wakeup(),
        ];
        wakeups.into_iter().flatten().min()
    }

    pub(crate) fn lifecycle_failed(&mut self, now: i64, config: &BrokerConfig) {
        self.lifecycle.failed(now, config);
    }

    pub(crate) fn metadata_failed(&mut self, now: i64, config: &BrokerConfig) {
        self.metadata.failed(now, config);
    }
}

fn start(incarnations: &mut Pcg32, now: i64, previous_broker_epoch: i64) -> Lifecycle {
    let mut bytes = [0; 16];
    incarnations.fill_bytes(&mut bytes);
    Lifecycle::start(now, Builder::from_random_bytes(bytes).into_uuid(), previous_broker_epoch)
}

impl Broker {
    /// Asks the controller to move what this broker leads, so that it can be stopped. Call
    /// [`Broker::may_stop`] after each step.
    pub fn begin_controlled_shutdown(&mut self, now: i64) -> Effects {
        let mut effects = Effects::default();
        if let Some(membership) = &mut self.membership {
            membership.lifecycle.begin_controlled_shutdown(now);
        }
        self.run(now, &mut effects);
        effects
    }

    /// Whether the controller has nothing left to move; at once where the broker is its own controller.
    pub fn may_stop(&self) -> bool {
        self.membership.as_ref().is_none_or(|m| m.state() == BrokerState::ShuttingDown)
    }

    /// The state towards the controller; a broker that is its own runs.
    pub fn state(&self) -> BrokerState {
        self.membership.as_ref().map_or(BrokerState::Running, Membership::state)
    }

    /// Epoch of this broker's registration, -1 before there is one.
    pub(crate) fn broker_epoch(&self) -> i64 {
        match &self.membership {
            Some(membership) => membership.broker_epoch(),
            None => self.image.broker(self.config.node_id).map_or(-1, |own| own.epoch),
        }
    }

    /// The controller's node id, where it is another node.
    pub(crate) fn remote_controller(&self) -> Option<i32> {
        self.membership.as_ref().map(|membership| membership.controller)
    }

    /// Sends what is due to the controller: registration or heartbeat, and the fetch of metadata.
    pub(crate) fn drive_membership(&mut self, now: i64, effects: &mut Effects) {
        let own = self.own_registration();
        let Some(membership) = &mut self.membership else { return };
        let controller = membership.controller;
        let communication = membership.lifecycle.due(now);
        let fetch = !self.peers.is_busy(controller, PeerChannel::Metadata)
            && membership.metadata.is_due(now);
        let fetch = fetch.then(|| membership.metadata.request(&self.config));
        let (body, purpose) = match communication {
            None => (None, Purpose::Heartbeat),
            Some(Communication::Register) => {
                let body = membership.lifecycle.registration_request(&self.config, &own);
                (Some(body.into()), Purpose::Registration)
            }
            Some(Communication::Heartbeat) => {
                let offset = membership.metadata.last_offset();
                let body = membership.lifecycle.heartbeat_request(&self.config, offset);
                (Some(body.into()), Purpose::Heartbeat)
            }
        };
        if let Some(body) = body {
            // `BrokerLifecycleManager` gives a request a session's time.
            let timeout_ms = self.config.number("broker.session.timeout.ms") / 2;
            self.send(
                now,
                (controller, PeerChannel::Heartbeat),
                body,
                timeout_ms,
                purpose,
                effects,
            );
        }
        if let Some(fetch) = fetch {
            let timeout_ms = self.config.number("controller.quorum.fetch.timeout.ms");
            let to = (controller, PeerChannel::Metadata);
            self.send(now, to, fetch.into(), timeout_ms, Purpose::MetadataFetch, effects);
        }
    }

    pub(crate) fn metadata_fetched(
        &mut self,
        now: i64,
        response: FetchResponse,
        effects: &mut Effects,
    ) {
        let Some(membership) = &mut self.membership else { return };
        let records = membership.metadata.answered(now, response, &self.config);
        let records: Vec<MetadataRecord> = records.into_iter().map(|(_, record)| record).collect();
        if membership.serves {
            self.follow_metadata(now, &records, None, effects);
            return;
        }
        // Nothing is made of the past but what came of it.
        for record in &records {
            self.image.replay(record);
        }
        self.start_serving(now, effects);
    }

    /// Opens the logs and answers requests, once the metadata were read to the end
    /// (`BrokerMetadataPublisher.onMetadataUpdate` for the first time).
    fn start_serving(&mut self, now: i64, effects: &mut Effects) {
        let Some(membership) = &mut self.membership else { return };
        let caught_up = membership.metadata.has_caught_up()
            && membership.lifecycle.state != BrokerState::Starting;
        if !caught_up || membership.serves {
            return;
        }
        membership.serves = true;
        membership.lifecycle.set_ready_to_unfence(now);
        self.start_replication_timers(now);
        self.publish_first(now, effects);
    }

    pub(crate) fn registration_answered(
        &mut self,
        now: i64,
        response: &BrokerRegistrationResponse,
    ) {
        if let Some(membership) = &mut self.membership {
            membership.lifecycle.registered(now, response, &self.config);
        }
    }

    pub(crate) fn heartbeat_answered(
        &mut self,
        now: i64,
        response: &BrokerHeartbeatResponse,
        effects: &mut Effects,
    ) {
        if let Some(membership) = &mut self.membership {
            membership.lifecycle.heartbeat_answered(now, response, &self.config);
        }
        self.start_serving(now, effects);
    }
}
