//! The group coordinator's place in a broker: `__consumer_offsets` and the groups kept in it.

use crate::{Broker, BrokerConfig, ConnectionId, Effects};

/// The groups that this broker coordinates.
#[derive(Clone, Debug)]
pub struct GroupCoordinator {}

impl GroupCoordinator {
    pub(crate) fn new(_config: &BrokerConfig, _seed: u64) -> GroupCoordinator {
        GroupCoordinator {}
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        None
    }
}

/// Session and rebalance timeouts, expired offsets.
pub(crate) fn tick(_broker: &mut Broker, _now: i64, _effects: &mut Effects) {}

/// A client is gone.
pub(crate) fn disconnect(
    _broker: &mut Broker,
    _now: i64,
    _connection: ConnectionId,
    _effects: &mut Effects,
) {
}

/// Offsets of topics that are no more are to be deleted (`GroupCoordinator.onPartitionsDeleted`).
pub(crate) fn on_topics_deleted(
    _broker: &mut Broker,
    _now: i64,
    _topics: &[String],
    _effects: &mut Effects,
) {
}
