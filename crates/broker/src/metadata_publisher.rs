//! What new metadata change on a broker: `BrokerMetadataPublisher`.

use logbrook_sorted::SortedSet;
use uuid::Uuid;

use crate::controller::MetadataRecord;
use crate::coordinator::GROUP_METADATA_TOPIC_NAME;
use crate::replica_manager::{Followed, ReplicaManager};
use crate::transaction_coordinator::TRANSACTION_STATE_TOPIC_NAME;
use crate::{
    Broker, BrokerEvent, BrokerEventKind, Cause, ConfigResourceType, Effects, MetadataImage,
    coordinator, transaction_coordinator,
};

impl Broker {
    /// Writes metadata records as this broker's own controller, and follows them at once.
    pub(crate) fn commit(
        &mut self,
        now: i64,
        records: Vec<MetadataRecord>,
        cause: Option<Cause>,
        effects: &mut Effects,
    ) {
        self.controller.append(&records);
        if let Some(logs) = &mut self.replica_manager.log_directory {
            logs.append_metadata(&records, now);
        }
        self.follow_metadata(now, &records, cause, effects);
    }

    /// Replays records that were committed together, and does what follows from them. Of a partition that
    /// several of them change only what it came to counts.
    pub(crate) fn follow_metadata(
        &mut self,
        now: i64,
        records: &[MetadataRecord],
        cause: Option<Cause>,
        effects: &mut Effects,
    ) {
        let kinds = events_of(&self.image, records);
        let mut partitions: SortedSet<(Uuid, i32)> = SortedSet::new();
        for record in records {
            self.image.replay(record);
            match record {
                MetadataRecord::Partition { topic_id, partition_id, .. }
                | MetadataRecord::PartitionChange { topic_id, partition_id, .. } => {
                    partitions.insert((*topic_id, *partition_id));
                }
                MetadataRecord::RemoveTopic { topic_id } => self.leave_topic(now, *topic_id),
                MetadataRecord::Config { resource, .. } => match resource.kind {
                    ConfigResourceType::Topic => {
                        self.replica_manager.configure(&resource.name, &self.image, &self.config);
                    }
                    ConfigResourceType::Broker => {
                        self.config.follow(&self.image);
                        self.replica_manager.follow_cluster(&self.image, &self.config);
                        self.replica_manager.configure_all(&self.image, &self.config);
                    }
                    ConfigResourceType::BrokerLogger
                    | ConfigResourceType::ClientMetrics
                    | ConfigResourceType::Group => {}
                },
                MetadataRecord::RegisterBroker(_)
                | MetadataRecord::UnregisterBroker { .. }
                | MetadataRecord::BrokerRegistrationChange { .. } => {
                    self.replica_manager.follow_cluster(&self.image, &self.config);
                }
                MetadataRecord::ClearElr { topic } => {
                    let topics = self.image.topics().values();
                    for topic in topics.filter(|image| topic.is_empty() || image.name == *topic) {
                        partitions.extend(topic.partitions.keys().map(|index| (topic.id, *index)));
                    }
                }
                MetadataRecord::Topic { .. }
                | MetadataRecord::ProducerIds { .. }
                | MetadataRecord::FeatureLevel { .. }
                | MetadataRecord::UserScramCredential { .. }
                | MetadataRecord::RemoveUserScramCredential { .. }
                | MetadataRecord::ClientQuota { .. } => {}
            }
        }
        for (topic_id, index) in partitions {
            self.follow_partition(now, topic_id, index, effects);
        }
        coordinator::on_metadata_update(self, records);
        let mut deleted = Vec::new();
        for kind in kinds {
            if let BrokerEventKind::TopicDeleted { topic } = &kind {
                deleted.push(topic.clone());
            }
            effects.events.push(BrokerEvent { cause, kind });
        }
        if !deleted.is_empty() {
            coordinator::on_topics_deleted(self, now, &deleted, effects);
            transaction_coordinator::on_topics_deleted(self, &deleted);
        }
    }

    /// Opens what the metadata have here, for the first time in this process.
    pub(crate) fn publish_first(&mut self, now: i64, effects: &mut Effects) {
        self.config.follow(&self.image);
        self.replica_manager.open_all(now, &self.image, &self.config);
        let here: Vec<(Uuid, i32)> =
            self.partitions().map(|partition| (partition.topic_id(), partition.index())).collect();
        for (topic_id, index) in here {
            self.begin_term(now, topic_id, index, effects);
        }
        coordinator::on_metadata_update(self, &[]);
    }

    fn follow_partition(&mut self, now: i64, topic_id: Uuid, index: i32, effects: &mut Effects) {
        // A topic that came and went with the same records.
        let Some(topic) = self.image.topic_by_id(topic_id) else { return };
        let Some(registration) = topic.partitions.get(&index) else { return };
        let name = topic.name.clone();
        let watermark = |replicas: &ReplicaManager| {
            replicas.partition(&name, index).map(|partition| partition.log().high_watermark())
        };
        let before = watermark(&self.replica_manager);
        let followed = self.replica_manager.follow_partition(
            now,
            topic,
            index,
            registration,
            &self.image,
            &self.config,
        );
        match followed {
            Followed::Same => {}
            Followed::Gone => self.fetchers.forget(&(topic.name.clone(), index)),
            Followed::NewTerm => self.begin_term(now, topic_id, index, effects),
        }
        let after = watermark(&self.replica_manager);
        if let (Some(before), Some(after)) = (before, after)
            && before != after
        {
            let kind = BrokerEventKind::HighWatermark {
                topic: name,
                partition: index,
                high_watermark: after.0,
            };
            effects.events.push(BrokerEvent { cause: None, kind });
        }
    }

    /// A term of a partition begins: this broker leads, or follows another leader.
    fn begin_term(&mut self, now: i64, topic_id: Uuid, index: i32, effects: &mut Effects) {
        let Some(topic) = self.image.topic_by_id(topic_id).map(|topic| topic.name.clone()) else {
            return;
        };
        let leader_is_known = |leader: i32| self.image.brokers().contains_key(&leader);
        let Some(partition) = self.replica_manager.partition(&topic, index) else { return };
        let (leader, leader_epoch) = (partition.leader(), partition.leader_epoch());
        let can_follow = !partition.is_leader() && leader_is_known(leader);
        let kind = if partition.is_leader() {
            BrokerEventKind::BecameLeader {
                topic: topic.clone(),
                partition: index,
                leader_epoch,
                start_offset: partition.log().log_end_offset().0,
            }
        } else {
            BrokerEventKind::BecameFollower {
                topic: topic.clone(),
                partition: index,
                leader_epoch,
                leader,
            }
        };
        self.fetchers.forget(&(topic.clone(), index));
        if can_follow && let Some(partition) = self.replica_manager.partition_mut(&topic, index) {
            self.fetchers.follow(partition, now);
        }
        // A broker alone is the only coordinator, and loads a partition when somebody asks.
        match topic.as_str() {
            _ if self.membership.is_none() => {}
            GROUP_METADATA_TOPIC_NAME => coordinator::follow_leader(self, now, index, effects),
            TRANSACTION_STATE_TOPIC_NAME => {
                transaction_coordinator::follow_leader(self, now, index, effects);
            }
            _ => {}
        }
        // A broker alone has nobody whom it could lead or follow: its topics' coming says it all.
        if self.membership.is_some() {
            effects.events.push(BrokerEvent { cause: None, kind });
        }
    }

    fn leave_topic(&mut self, now: i64, topic_id: Uuid) {
        let gone: Vec<(String, i32)> = self
            .partitions()
            .filter(|partition| partition.topic_id() == topic_id)
            .map(|partition| (partition.topic().to_owned(), partition.index()))
            .collect();
        for key in &gone {
            self.fetchers.forget(key);
        }
        self.replica_manager.remove_topic(now, topic_id);
    }
}

/// What records mean to somebody who watches, against the image before them.
fn events_of(image: &MetadataImage, records: &[MetadataRecord]) -> Vec<BrokerEventKind> {
    let partitions_of = |id| {
        let count = records.iter().filter(|record| {
            matches!(record, MetadataRecord::Partition { topic_id, .. } if *topic_id == id)
        });
        i32::try_from(count.count()).unwrap_or(i32::MAX)
    };
    let mut kinds: Vec<BrokerEventKind> = Vec::new();
    for record in records {
        let kind = match record {
            MetadataRecord::Topic { name, topic_id } => BrokerEventKind::TopicCreated {
                topic: name.clone(),
                partitions: partitions_of(*topic_id),
            },
            MetadataRecord::Partition { topic_id, .. } => match image.topic_by_id(*topic_id) {
                Some(topic) => BrokerEventKind::PartitionsCreated {
                    topic: topic.name.clone(),
                    count: partitions_of(*topic_id),
                },
                None => continue,
            },
            MetadataRecord::RemoveTopic { topic_id } => match image.topic_by_id(*topic_id) {
                Some(topic) => BrokerEventKind::TopicDeleted { topic: topic.name.clone() },
                None => continue,
            },
            MetadataRecord::Config { resource, .. }
                if resource.kind == ConfigResourceType::Topic
                    && image.topic(&resource.name).is_some() =>
            {
                BrokerEventKind::TopicConfigChanged { topic: resource.name.clone() }
            }
            MetadataRecord::Config { .. }
            | MetadataRecord::RegisterBroker(_)
            | MetadataRecord::UnregisterBroker { .. }
            | MetadataRecord::BrokerRegistrationChange { .. }
            | MetadataRecord::PartitionChange { .. }
            | MetadataRecord::FeatureLevel { .. }
            | MetadataRecord::UserScramCredential { .. }
            | MetadataRecord::RemoveUserScramCredential { .. }
            | MetadataRecord::ClientQuota { .. }
            | MetadataRecord::ClearElr { .. } => continue,
            MetadataRecord::ProducerIds { next_producer_id, .. } => {
                BrokerEventKind::ProducerIdsAllocated { next_producer_id: *next_producer_id }
            }
        };
        // One event for a topic, however many of its partitions or configs the records name.
        if kinds.last() != Some(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}
