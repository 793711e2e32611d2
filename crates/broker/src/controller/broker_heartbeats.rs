//! What the controller knows of brokers only because they tell it again and again: `BrokerHeartbeatManager` and
//! `BrokerHeartbeatTracker`. None of it is in the log, so a controller that starts knows nothing of it.

use logbrook_sorted::SortedMap;

use super::MetadataRecord;
use crate::MetadataImage;

/// What a broker may do (`BrokerControlState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrokerControlState {
    /// It leads nothing and is in no ISR.
    Fenced,
    /// It works.
    Unfenced,
    /// Others take over what it leads.
    ControlledShutdown,
    /// It may stop.
    ShutdownNow,
}

impl BrokerControlState {
    pub(crate) fn is_fenced(self) -> bool {
        matches!(self, BrokerControlState::Fenced | BrokerControlState::ShutdownNow)
    }
}

/// What a heartbeat says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) broker_id: i32,
    pub(crate) broker_epoch: i64,
    /// Offset of the last metadata record that the broker has applied.
    pub(crate) current_metadata_offset: i64,
    pub(crate) want_fence: bool,
    pub(crate) want_shut_down: bool,
}

#[derive(Clone, Debug)]
struct HeartbeatState {
    fenced: bool,
    metadata_offset: i64,
    /// The offset that all others must have applied before it may stop.
    controlled_shutdown_offset: Option<i64>,
}

impl HeartbeatState {
    fn is_active(&self) -> bool {
        !self.fenced && self.controlled_shutdown_offset.is_none()
    }
}

/// The brokers as their heartbeats show them.
#[derive(Clone, Debug)]
pub(crate) struct BrokerHeartbeats {
    session_timeout_ms: i64,
    brokers: SortedMap<i32, HeartbeatState>,
    /// When each start of a broker (id and epoch) was heard of last, in ms.
    contact_times: SortedMap<(i32, i64), i64>,
}

impl BrokerHeartbeats {
    /// Of a controller that starts at `now`: each unfenced broker has a session to be heard of again
    /// (`ClusterControlManager.activate`).
    pub(crate) fn activate(image: &MetadataImage, session_timeout_ms: i64, now: i64) -> Self {
        let mut heartbeats =
            Self { session_timeout_ms, brokers: SortedMap::new(), contact_times: SortedMap::new() };
        for broker in image.brokers().values() {
            heartbeats.register(broker.broker_id, broker.fenced);
            if !broker.fenced {
                heartbeats.update_contact_time(broker.broker_id, broker.epoch, now);
            }
        }
        heartbeats
    }

    /// Follows a record that the image has replayed.
    pub(crate) fn replay(&mut self, record: &MetadataRecord, image: &MetadataImage) {
        match record {
            MetadataRecord::RegisterBroker(registration) => {
                self.remove(registration.broker_id);
                self.register(registration.broker_id, registration.fenced);
            }
            MetadataRecord::UnregisterBroker { broker_id, .. } => self.remove(*broker_id),
            MetadataRecord::BrokerRegistrationChange { broker_id, .. } => {
                if let Some(broker) = image.broker(*broker_id) {
                    self.register(*broker_id, broker.fenced);
                }
            }
            MetadataRecord::Topic { .. }
            | MetadataRecord::Partition { .. }
            | MetadataRecord::PartitionChange { .. }
            | MetadataRecord::RemoveTopic { .. }
            | MetadataRecord::Config { .. }
            | MetadataRecord::ProducerIds { .. }
            | MetadataRecord::FeatureLevel { .. }
            | MetadataRecord::UserScramCredential { .. }
            | MetadataRecord::RemoveUserScramCredential { .. }
            | MetadataRecord::ClientQuota { .. }
            | MetadataRecord::ClearElr { .. } => {}
        }
    }

    /// A broker is registered, or fenced or unfenced.
    pub(crate) fn register(&mut self, id: i32, fenced: bool) {
        let offset = match self.brokers.get(&id) {
            Some(broker) if broker.fenced != fenced => broker.metadata_offset,
            Some(_) | None => -1,
        };
        self.touch(id, fenced, offset);
    }

    /// A broker is gone, or another start of it comes.
    pub(crate) fn remove(&mut self, id: i32) {
        self.brokers.remove(&id);
    }

    /// A broker was not heard of.
    pub(crate) fn fence(&mut self, id: i32) {
        if let Some(broker) = self.brokers.get_mut(&id) {
            broker.fenced = true;
        }
    }

    /// A broker has applied the metadata up to here.
    pub(crate) fn touch(&mut self, id: i32, fenced: bool, metadata_offset: i64) {
        let new = HeartbeatState { fenced, metadata_offset, controlled_shutdown_offset: None };
        let broker = self.brokers.entry(id).or_insert(new);
        broker.fenced = fenced;
        broker.metadata_offset = metadata_offset;
        if fenced {
            // At its next heartbeat it stops.
            broker.controlled_shutdown_offset = None;
        }
    }

    /// The broker may stop once all others have applied the metadata up to here, where that is not settled yet.
    pub(crate) fn begin_controlled_shutdown(&mut self, id: i32, offset: i64) {
        if let Some(broker) = self.brokers.get_mut(&id) {
            broker.controlled_shutdown_offset.get_or_insert(offset);
        }
    }

    /// How far the slowest of the active brokers is.
    fn lowest_active_offset(&self) -> i64 {
        let active = self.brokers.values().filter(|broker| broker.is_active());
        active.map(|broker| broker.metadata_offset).min().unwrap_or(i64::MAX)
    }

    /// A start of a broker was heard of.
    pub(crate) fn update_contact_time(&mut self, id: i32, epoch: i64, now: i64) {
        self.contact_times.insert((id, epoch), now);
    }

    /// Whether this start of a broker was heard of within a session.
    pub(crate) fn has_valid_session(&self, id: i32, epoch: i64, now: i64) -> bool {
        let time = self.contact_times.get(&(id, epoch));
        time.is_some_and(|time| !self.is_expired(*time, now))
    }

    fn is_expired(&self, time: i64, now: i64) -> bool {
        now > time && time.saturating_add(self.session_timeout_ms) < now
    }

    /// One start of a broker (id and epoch) that was not heard of for a session; it is forgotten.
    pub(crate) fn remove_expired(&mut self, now: i64) -> Option<(i32, i64)> {
        let expired = |(_, time): &(&(i32, i64), &i64)| self.is_expired(**time, now);
        let (key, _) = self.contact_times.iter().find(expired)?;
        let key = *key;
        self.contact_times.remove(&key);
        Some(key)
    }

    /// What a broker may do now that it has sent this, and what it might before
    /// (`calculateNextBrokerState`). `None` for one that is not registered.
    pub(crate) fn next_state(
        &self,
        heartbeat: &Heartbeat,
        register_broker_record_offset: i64,
        has_leaderships: bool,
    ) -> Option<(BrokerControlState, BrokerControlState)> {
        use BrokerControlState::{ControlledShutdown, Fenced, ShutdownNow, Unfenced};
        let broker = self.brokers.get(&heartbeat.broker_id)?;
        let (fence, shut_down) = (heartbeat.want_fence, heartbeat.want_shut_down);
        Some(match broker.controlled_shutdown_offset {
            Some(offset) => {
                let followed = offset <= self.lowest_active_offset();
                let next =
                    if has_leaderships || !followed { ControlledShutdown } else { ShutdownNow };
                (ControlledShutdown, next)
            }
            None if broker.fenced => {
                let caught_up = heartbeat.current_metadata_offset >= register_broker_record_offset;
                let next = match (shut_down, fence) {
                    (true, _) => ShutdownNow,
                    (false, false) if caught_up => Unfenced,
                    (false, _) => Fenced,
                };
                (Fenced, next)
            }
            None => {
                let next = match (fence, shut_down) {
                    (true, true) => ShutdownNow,
                    (true, false) => Fenced,
                    (false, true) if has_leaderships => ControlledShutdown,
                    (false, true) => ShutdownNow,
                    (false, false) => Unfenced,
                };
                (Unfenced, next)
            }
        })
    }
}

#[cfg(test)]
mod tests;
