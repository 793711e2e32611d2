//! Brokers that come, go and fall silent, and what that does to partitions:
//! `ReplicationControlManager.processBrokerHeartbeat`, `maybeFenceOneStaleBroker`, `unregisterBroker` and the
//! `handleBroker…` methods under them.

use uuid::Uuid;

use super::broker_epoch::check_broker_epoch;
use super::broker_heartbeats::{BrokerControlState, BrokerHeartbeats, Heartbeat};
use super::brokers_to_partitions::{self as partitions, PartitionOf};
use super::partition_change::{Election, PartitionChangeBuilder};
use super::reassignment_replicas::without;
use super::{ControllerResult, MetadataRecord, NO_LEADER, configured};
use crate::api_error::ApiError;
use crate::{BrokerConfig, ErrorCode, MetadataImage};

/// What a heartbeat is answered with (`BrokerHeartbeatReply`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeartbeatReply {
    /// It has applied its own registration.
    pub(crate) is_caught_up: bool,
    pub(crate) is_fenced: bool,
    /// It may stop once others have taken over.
    pub(crate) in_controlled_shutdown: bool,
    /// It may stop now.
    pub(crate) should_shut_down: bool,
}

/// A broker tells that it lives, how far it is and what it wants. `register_broker_record_offset`: of the record
/// that registered it last, if any did. `offline_directories` are those that do not work any more.
///
/// # Errors
/// `STALE_BROKER_EPOCH`.
pub(crate) fn process_heartbeat(
    image: &MetadataImage,
    config: &BrokerConfig,
    heartbeats: &mut BrokerHeartbeats,
    heartbeat: &Heartbeat,
    offline_directories: &[Uuid],
    register_broker_record_offset: Option<i64>,
) -> Result<ControllerResult<HeartbeatReply>, ApiError> {
    let (id, epoch) = (heartbeat.broker_id, heartbeat.broker_epoch);
    let Some(registered_at) = register_broker_record_offset else {
        return Err(ApiError::new(
            ErrorCode::StaleBrokerEpoch,
            format!("Receive a heartbeat from broker {id} before registration"),
        ));
    };
    check_broker_epoch(image, id, epoch)?;
    let has_leaderships = partitions::has_leaderships(image, id);
    let Some((current, next)) = heartbeats.next_state(heartbeat, registered_at, has_leaderships)
    else {
        // A registered broker has a heartbeat state.
        return Err(ApiError::of(ErrorCode::UnknownServerError));
    };
    let mut records = Vec::new();
    if current != next {
        match next {
            BrokerControlState::Fenced | BrokerControlState::ShutdownNow => {
                handle_fenced(image, config, id, &mut records);
            }
            BrokerControlState::Unfenced => handle_unfenced(image, config, id, &mut records),
            BrokerControlState::ControlledShutdown => {
                handle_in_controlled_shutdown(image, config, id, &mut records);
            }
        }
    }
    heartbeats.touch(id, next.is_fenced(), heartbeat.current_metadata_offset);
    handle_directories_offline(image, config, id, offline_directories, &mut records);
    let response = HeartbeatReply {
        is_caught_up: heartbeat.current_metadata_offset >= registered_at,
        is_fenced: next.is_fenced(),
        in_controlled_shutdown: next == BrokerControlState::ControlledShutdown,
        should_shut_down: next == BrokerControlState::ShutdownNow,
    };
    Ok(ControllerResult { records, response })
}

/// Fences one broker that was not heard of for a session. True where there may be more.
pub(crate) fn fence_stale_broker(
    image: &MetadataImage,
    config: &BrokerConfig,
    heartbeats: &mut BrokerHeartbeats,
    now: i64,
) -> ControllerResult<bool> {
    let mut records = Vec::new();
    let Some((id, epoch)) = heartbeats.remove_expired(now) else {
        return ControllerResult { records, response: false };
    };
    match image.broker(id) {
        None => heartbeats.remove(id),
        Some(broker) if broker.epoch == epoch => {
            handle_fenced(image, config, id, &mut records);
            heartbeats.fence(id);
        }
        // An earlier start of it.
        Some(_) => {}
    }
    ControllerResult { records, response: true }
}

/// Takes a broker out of the cluster.
///
/// # Errors
/// `BROKER_ID_NOT_REGISTERED`.
pub(crate) fn unregister_broker(
    image: &MetadataImage,
    config: &BrokerConfig,
    broker_id: i32,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let broker = image.broker(broker_id).ok_or_else(|| {
        let message = format!("Broker ID {broker_id} is not currently registered");
        ApiError::new(ErrorCode::BrokerIdNotRegistered, message)
    })?;
    let mut records = Vec::new();
    let gone = Update { remove: broker_id, ..Update::default() };
    gone.generate(image, config, partitions::with_broker_in_isr(image, broker_id), &mut records);
    gone.generate(image, config, partitions::with_broker_in_elr(image, broker_id), &mut records);
    records.push(MetadataRecord::UnregisterBroker { broker_id, broker_epoch: broker.epoch });
    Ok(records)
}

/// `handleBrokerShutdown`: a broker registers anew. After an unclean stop it may have lost records, and is
/// eligible no more (KIP-966).
pub(super) fn handle_shutdown(
    image: &MetadataImage,
    config: &BrokerConfig,
    id: i32,
    clean: bool,
    records: &mut Vec<MetadataRecord>,
) {
    let in_isr = partitions::with_broker_in_isr(image, id);
    if image.is_elr_enabled() && !clean {
        let unclean = Update { unclean_shutdown: id, ..Update::default() };
        unclean.generate(image, config, in_isr, records);
        unclean.generate(image, config, partitions::with_broker_in_elr(image, id), records);
    } else {
        Update { remove: id, ..Update::default() }.generate(image, config, in_isr, records);
    }
}

fn handle_fenced(
    image: &MetadataImage,
    config: &BrokerConfig,
    id: i32,
    records: &mut Vec<MetadataRecord>,
) {
    let in_isr = partitions::with_broker_in_isr(image, id);
    Update { remove: id, ..Update::default() }.generate(image, config, in_isr, records);
    records.push(registration_change(image, id, Some(true), false, None));
}

fn handle_unfenced(
    image: &MetadataImage,
    config: &BrokerConfig,
    id: i32,
    records: &mut Vec<MetadataRecord>,
) {
    records.push(registration_change(image, id, Some(false), false, None));
    let leaderless = partitions::with_no_leader(image);
    Update { add: id, ..Update::default() }.generate(image, config, leaderless, records);
}

fn handle_in_controlled_shutdown(
    image: &MetadataImage,
    config: &BrokerConfig,
    id: i32,
    records: &mut Vec<MetadataRecord>,
) {
    if !image.broker(id).is_some_and(|broker| broker.in_controlled_shutdown) {
        records.push(registration_change(image, id, None, true, None));
    }
    let in_isr = partitions::with_broker_in_isr(image, id);
    Update { remove: id, ..Update::default() }.generate(image, config, in_isr, records);
}

fn handle_directories_offline(
    image: &MetadataImage,
    config: &BrokerConfig,
    id: i32,
    offline: &[Uuid],
    records: &mut Vec<MetadataRecord>,
) {
    let Some(broker) = image.broker(id) else { return };
    let (gone, left): (Vec<Uuid>, Vec<Uuid>) =
        broker.directories.iter().partition(|directory| offline.contains(directory));
    for directory in &gone {
        let there =
            partitions::all(image).filter(|of| of.partition.directories.contains(directory));
        Update { remove: id, ..Update::default() }.generate(image, config, there, records);
    }
    if !gone.is_empty() {
        records.push(registration_change(image, id, None, false, Some(left)));
    }
}

fn registration_change(
    image: &MetadataImage,
    broker_id: i32,
    fenced: Option<bool>,
    in_controlled_shutdown: bool,
    directories: Option<Vec<Uuid>>,
) -> MetadataRecord {
    MetadataRecord::BrokerRegistrationChange {
        broker_id,
        broker_epoch: image.broker(broker_id).map_or(-1, |broker| broker.epoch),
        fenced,
        in_controlled_shutdown,
        directories,
    }
}

/// What changes of the brokers, for ISRs and leaders (`generateLeaderAndIsrUpdates`). -1: nobody.
#[derive(Clone, Copy, Debug)]
struct Update {
    /// Leaves ISRs, and does not lead from now on.
    remove: i32,
    /// May lead from now on, though the image still has it fenced.
    add: i32,
    /// Leaves ISRs and is eligible no more.
    unclean_shutdown: i32,
}

impl Default for Update {
    fn default() -> Self {
        Self { remove: NO_LEADER, add: NO_LEADER, unclean_shutdown: NO_LEADER }
    }
}

impl Update {
    fn generate<'a>(
        self,
        image: &MetadataImage,
        config: &BrokerConfig,
        partitions: impl Iterator<Item = PartitionOf<'a>>,
        records: &mut Vec<MetadataRecord>,
    ) {
        let out = [self.remove, self.unclean_shutdown];
        let accepts = |id: i32| !out.contains(&id) && (id == self.add || image.is_active(id));
        for PartitionOf { topic, index, partition } in partitions {
            let mut builder = PartitionChangeBuilder::new(image, config, topic, partition, accepts)
                .target_isr(without(&partition.isr, &out));
            if configured::unclean_election_enabled(image, config, &topic.name) {
                builder = builder.election(Election::Unclean);
            }
            if self.unclean_shutdown != NO_LEADER {
                builder = builder.unclean_shutdown_replicas(vec![self.unclean_shutdown]);
            }
            if let Some(change) = builder.build() {
                records.push(MetadataRecord::PartitionChange {
                    topic_id: topic.id,
                    partition_id: index,
                    change,
                });
            }
        }
    }
}
