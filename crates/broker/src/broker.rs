//! One Kafka node: requests and time in, effects out.

use crate::coordinator::GroupCoordinator;
use crate::wire::RequestFrame;
use crate::{BrokerConfig, Effects};

/// A connection to a broker, named by whoever carries the frames. Never used again after
/// [`Broker::disconnect`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ConnectionId(pub u64);

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The connection that the request came on: the response goes there.
    pub connection: ConnectionId,
    /// The client's address as Java prints it: `/127.0.0.1`. Groups show it.
    pub host: String,
}

/// One node of a Kafka cluster, sans-IO.
///
/// `Clone` is a fork: record bytes are shared.
#[derive(Clone, Debug)]
pub struct Broker {
    config: BrokerConfig,
    /// The groups that this node coordinates.
    pub(crate) coordinator: GroupCoordinator,
}

impl Broker {
    /// A started broker with an empty log directory, at `now` (ms since the epoch). `seed` is the
    /// only source of random choices (topic ids, where the placement of replicas begins).
    pub fn new(config: BrokerConfig, seed: u64, now: i64) -> Broker {
        let _ = (seed, now);
        Broker { config, coordinator: GroupCoordinator::default() }
    }

    /// One request. The response is in the effects of this call, or of a later one.
    pub fn handle(&mut self, now: i64, client: &ClientInfo, frame: RequestFrame) -> Effects {
        let _ = (now, client, frame);
        Effects::default()
    }

    /// The connection is gone: what waits for it is dropped.
    pub fn disconnect(&mut self, now: i64, connection: ConnectionId) -> Effects {
        let _ = (now, connection);
        Effects::default()
    }

    /// Time has come to `now`: timeouts, retention, session expiry.
    pub fn tick(&mut self, now: i64) -> Effects {
        let _ = now;
        Effects::default()
    }

    /// When [`Broker::tick`] has something to do next (ms since the epoch), if ever.
    pub fn next_wakeup(&self) -> Option<i64> {
        None
    }

    /// The configuration it was started with.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }
}
