//! What a broker asks of a controller elsewhere for its own clients: topics that are created because
//! somebody asked for them, and producer ids.

use kafka_protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, BrokerId, CreateTopicsRequest,
};

use crate::controller::ProducerIdBlock;
use crate::peers::{PeerChannel, Purpose};
use crate::{Broker, Effects, ErrorCode};

impl Broker {
    /// Asks for topics that are not asked for already (`AutoTopicCreationManager`).
    pub(crate) fn request_topics(&mut self, now: i64, names: &[String], effects: &mut Effects) {
        let Some(membership) = &mut self.membership else { return };
        let new = names.iter().filter(|name| membership.creating.insert((*name).clone()));
        let new: Vec<String> = new.cloned().collect();
        let to = (membership.controller, PeerChannel::Forwarding);
        if new.is_empty() {
            return;
        }
        let topics = new.iter().map(|name| self.creatable_topic(name)).collect();
        let timeout_ms = self.config.number("request.timeout.ms");
        let body = CreateTopicsRequest::default()
            .with_timeout_ms(i32::try_from(timeout_ms).unwrap_or(i32::MAX))
            .with_topics(topics);
        self.send(now, to, body.into(), timeout_ms, Purpose::AutoCreate(new), effects);
    }

    /// The controller answered, or did not: whoever still misses them may ask again.
    pub(crate) fn auto_created(&mut self, names: &[String]) {
        if let Some(membership) = &mut self.membership {
            names.iter().for_each(|name| {
                membership.creating.remove(name);
            });
        }
    }

    /// Asks for the next block of producer ids, unless that is on its way.
    pub(crate) fn request_producer_ids(&mut self, now: i64, effects: &mut Effects) {
        let broker_epoch = self.broker_epoch();
        let Some(membership) = &mut self.membership else { return };
        if core::mem::replace(&mut membership.asking_for_producer_ids, true) {
            return;
        }
        let to = (membership.controller, PeerChannel::Forwarding);
        let body = AllocateProducerIdsRequest::default()
            .with_broker_id(BrokerId(self.config.node_id))
            .with_broker_epoch(broker_epoch);
        let timeout_ms = self.config.number("request.timeout.ms");
        self.send(now, to, body.into(), timeout_ms, Purpose::ProducerIds, effects);
    }

    pub(crate) fn producer_ids_allocated(&mut self, response: &AllocateProducerIdsResponse) {
        let Some(membership) = &mut self.membership else { return };
        membership.asking_for_producer_ids = false;
        if response.error_code == ErrorCode::None.code() {
            let len = i64::from(response.producer_id_len);
            self.producer_ids.add(ProducerIdBlock::of(response.producer_id_start.0, len));
        }
    }
}
