//! A broker's registration with the controller and its heartbeats: `BrokerLifecycleManager`.

use kafka_protocol::messages::broker_registration_request::{Feature, Listener};
use kafka_protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerId, BrokerRegistrationRequest,
    BrokerRegistrationResponse,
};
use uuid::Uuid;

use crate::api::text;
use crate::controller::BrokerRegistration;
use crate::{BrokerConfig, ErrorCode};

/// `BrokerState`, as far as a broker that runs goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrokerState {
    /// Registers, and catches up with the metadata.
    Starting,
    /// Has caught up, and waits to be unfenced.
    Recovery,
    /// Unfenced, as far as it knows.
    Running,
    /// Has asked to be shut down, and waits until its leaderships have moved.
    PendingControlledShutdown,
    /// May end.
    ShuttingDown,
}

/// While it starts, in ms: where there is nothing to recover, that is quicker.
const STARTING_INTERVAL_MS: i64 = 10;
/// Between the first two heartbeats that ask to be shut down, in ms.
const FIRST_SHUTDOWN_INTERVAL_MS: i64 = 50;

/// The state of a broker towards its controller.
#[derive(Clone, Debug)]
pub(crate) struct Lifecycle {
    pub(crate) state: BrokerState,
    /// The offset of the registration's record; -1 before there is one.
    pub(crate) broker_epoch: i64,
    /// Of the last run, -1 where that is not known.
    previous_broker_epoch: i64,
    /// Another one at each start.
    incarnation_id: Uuid,
    registered: bool,
    ready_to_unfence: bool,
    in_flight: bool,
    next_is_immediate: bool,
    got_shutdown_response: bool,
    /// When to send what is next, in ms.
    next_ms: Option<i64>,
}

/// What is to be sent to the controller.
pub(crate) enum Communication {
    Register,
    Heartbeat,
}

impl Lifecycle {
    /// A process that starts at `now` (ms).
    pub(crate) fn start(now: i64, incarnation_id: Uuid, previous_broker_epoch: i64) -> Lifecycle {
        Lifecycle {
            state: BrokerState::Starting,
            broker_epoch: -1,
            previous_broker_epoch,
            incarnation_id,
            registered: false,
            ready_to_unfence: false,
            in_flight: false,
            next_is_immediate: false,
            got_shutdown_response: false,
            next_ms: Some(now),
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.next_ms
    }

    /// What to send now, if anything. A communication in flight delays the next one.
    pub(crate) fn due(&mut self, now: i64) -> Option<Communication> {
        self.next_ms.take_if(|at| *at <= now)?;
        if self.in_flight {
            self.next_is_immediate = true;
            return None;
        }
        self.in_flight = true;
        Some(if self.registered { Communication::Heartbeat } else { Communication::Register })
    }

    fn schedule(&mut self, now: i64, after_ms: i64) {
        let after_ms = if core::mem::take(&mut self.next_is_immediate) { 0 } else { after_ms };
        self.next_ms = Some(now.saturating_add(after_ms));
    }

    /// No answer, or a bad one.
    pub(crate) fn failed(&mut self, now: i64, config: &BrokerConfig) {
        self.in_flight = false;
        self.next_is_immediate = false;
        self.schedule(now, heartbeat_interval_ms(config));
    }

    /// The logs are open and requests are served: the controller may unfence this broker.
    pub(crate) fn set_ready_to_unfence(&mut self, now: i64) {
        self.ready_to_unfence = true;
        self.schedule(now, 0);
    }

    /// Asks the controller to move what this broker leads. Whether there is something to wait for.
    pub(crate) fn begin_controlled_shutdown(&mut self, now: i64) -> bool {
        match self.state {
            BrokerState::Running => {
                self.state = BrokerState::PendingControlledShutdown;
                self.schedule(now, 0);
            }
            BrokerState::PendingControlledShutdown => {}
            BrokerState::Starting | BrokerState::Recovery | BrokerState::ShuttingDown => {
                self.shut_down();
            }
        }
        self.state != BrokerState::ShuttingDown
    }

    fn shut_down(&mut self) {
        self.state = BrokerState::ShuttingDown;
        self.next_ms = None;
    }

    pub(crate) fn registered(
        &mut self,
        now: i64,
        response: &BrokerRegistrationResponse,
        config: &BrokerConfig,
    ) {
        if response.error_code != ErrorCode::None.code() {
            return self.failed(now, config);
        }
        self.in_flight = false;
        self.broker_epoch = response.broker_epoch;
        self.registered = true;
        self.schedule(now, 0);
    }

    /// What a heartbeat's answer changes.
    pub(crate) fn heartbeat_answered(
        &mut self,
        now: i64,
        response: &BrokerHeartbeatResponse,
        config: &BrokerConfig,
    ) {
        if response.error_code != ErrorCode::None.code() {
            return self.failed(now, config);
        }
        self.in_flight = false;
        let interval_ms = heartbeat_interval_ms(config);
        match self.state {
            BrokerState::Starting => {
                if response.is_caught_up {
                    self.state = BrokerState::Recovery;
                }
                self.schedule(now, STARTING_INTERVAL_MS);
            }
            BrokerState::Recovery => {
                if !response.is_fenced {
                    self.state = BrokerState::Running;
                }
                self.schedule(now, interval_ms);
            }
            BrokerState::Running => self.schedule(now, interval_ms),
            BrokerState::PendingControlledShutdown if response.should_shut_down => self.shut_down(),
            BrokerState::PendingControlledShutdown => {
                let first = !self.got_shutdown_response;
                self.schedule(now, if first { FIRST_SHUTDOWN_INTERVAL_MS } else { interval_ms });
                self.got_shutdown_response = true;
            }
            BrokerState::ShuttingDown => {}
        }
    }

    pub(crate) fn registration_request(
        &self,
        config: &BrokerConfig,
        own: &BrokerRegistration,
    ) -> BrokerRegistrationRequest {
        let listener = Listener::default()
            .with_name(text(own.listener.clone()))
            .with_host(text(own.host.clone()))
            .with_port(own.port)
            .with_security_protocol(own.security_protocol);
        let features = own.features.iter().map(|(name, (min, max))| {
            Feature::default()
                .with_name(text(name.clone()))
                .with_min_supported_version(*min)
                .with_max_supported_version(*max)
        });
        BrokerRegistrationRequest::default()
            .with_broker_id(BrokerId(own.broker_id))
            .with_cluster_id(text(config.cluster_id.clone()))
            .with_incarnation_id(self.incarnation_id)
            .with_listeners(vec![listener])
            .with_features(features.collect())
            .with_rack(own.rack.clone().map(text))
            .with_log_dirs(own.directories.clone())
            .with_previous_broker_epoch(self.previous_broker_epoch)
    }

    pub(crate) fn heartbeat_request(
        &self,
        config: &BrokerConfig,
        metadata_offset: i64,
    ) -> BrokerHeartbeatRequest {
        BrokerHeartbeatRequest::default()
            .with_broker_id(BrokerId(config.node_id))
            .with_broker_epoch(self.broker_epoch)
            .with_current_metadata_offset(metadata_offset)
            .with_want_fence(!self.ready_to_unfence)
            .with_want_shut_down(self.state == BrokerState::PendingControlledShutdown)
    }
}

fn heartbeat_interval_ms(config: &BrokerConfig) -> i64 {
    config.number("broker.heartbeat.interval.ms")
}
