//! The partitions on this broker, and reading from and appending to them: `ReplicaManager`.

use logbrook_sorted::SortedMap;

use bytes::Bytes;
use logbrook_log::{AppendInfo, AppendOrigin, Log, TransactionVersion, VerificationGuard};
use logbrook_record::{BatchHeader, Offset, ProducerEpoch, ProducerId};
use uuid::Uuid;

use crate::controller::{MetadataRecord, PartitionRegistration};
use crate::delayed_fetch::DelayedFetches;
use crate::log_config::{log_config, min_insync_replicas};
use crate::log_dirs::LogDirs;
use crate::partition::{Partition, PartitionAppendError};
use crate::storage::LogDirectory;
use crate::{
    BrokerConfig, BrokerEvent, BrokerEventKind, Cause, ConfigResourceType, Effects, MetadataImage,
    TopicImage,
};

/// The partitions that this broker has replicas of, and the fetches that wait on them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplicaManager {
    topics: SortedMap<String, SortedMap<i32, Partition>>,
    pub(crate) delayed_fetches: DelayedFetches,
    pub(crate) log_dirs: LogDirs,
    /// Where the logs are, if not in memory.
    pub(crate) log_directory: Option<Box<LogDirectory>>,
}

impl ReplicaManager {
    pub(crate) fn partition(&self, topic: &str, index: i32) -> Option<&Partition> {
        self.topics.get(topic)?.get(&index)
    }

    pub(crate) fn partition_mut(&mut self, topic: &str, index: i32) -> Option<&mut Partition> {
        self.topics.get_mut(topic)?.get_mut(&index)
    }

    pub(crate) fn partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.topics.values_mut().flat_map(SortedMap::values_mut)
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.topics.values().flat_map(SortedMap::values)
    }

    /// Follows a record that the image has replayed: creates, reconfigures and deletes replicas.
    pub(crate) fn apply(
        &mut self,
        now: i64,
        record: &MetadataRecord,
        image: &MetadataImage,
        config: &BrokerConfig,
    ) {
        match record {
            MetadataRecord::Partition { topic_id, partition_id, .. }
            | MetadataRecord::PartitionChange { topic_id, partition_id, .. } => {
                let Some(topic) = image.topic_by_id(*topic_id) else { return };
                let Some(registration) = topic.partitions.get(partition_id) else { return };
                if !registration.replicas.contains(&config.node_id) {
                    return;
                }
                match self.partition_mut(&topic.name, *partition_id) {
                    Some(partition) => partition.update(registration.clone()),
                    None => self.create(now, topic, *partition_id, registration, image, config),
                }
            }
            MetadataRecord::RemoveTopic { topic_id } => self.remove(now, *topic_id),
            MetadataRecord::Config { resource, .. } => match resource.kind {
                ConfigResourceType::Topic => self.configure(&resource.name, image, config),
                // A server config is what topics fall back on.
                ConfigResourceType::Broker => {
                    let topics: Vec<String> = self.topics.keys().cloned().collect();
                    for topic in topics {
                        self.configure(&topic, image, config);
                    }
                }
                ConfigResourceType::BrokerLogger
                | ConfigResourceType::ClientMetrics
                | ConfigResourceType::Group => {}
            },
            MetadataRecord::ClearElr { topic } => {
                let cleared =
                    image.topics().iter().filter(|(name, _)| topic.is_empty() || *name == topic);
                for (name, topic) in cleared {
                    for (index, registration) in &topic.partitions {
                        if let Some(partition) = self.partition_mut(name, *index) {
                            partition.update(registration.clone());
                        }
                    }
                }
            }
            MetadataRecord::RegisterBroker(_)
            | MetadataRecord::UnregisterBroker { .. }
            | MetadataRecord::BrokerRegistrationChange { .. }
            | MetadataRecord::Topic { .. }
            | MetadataRecord::FeatureLevel { .. }
            | MetadataRecord::UserScramCredential { .. }
            | MetadataRecord::RemoveUserScramCredential { .. }
            | MetadataRecord::ClientQuota { .. }
            | MetadataRecord::ProducerIds { .. } => {}
        }
    }

    /// Creates a replica, with its log where the others are.
    fn create(
        &mut self,
        now: i64,
        topic: &TopicImage,
        index: i32,
        registration: &PartitionRegistration,
        image: &MetadataImage,
        config: &BrokerConfig,
    ) {
        let overrides = image.topic_config(&topic.name);
        let log_config = log_config(config, &overrides);
        let log = match &mut self.log_directory {
            Some(logs) => logs.open_log(&topic.name, topic.id, index, log_config, now),
            None => Log::new(log_config, Offset(0)),
        };
        let partition = Partition::new(
            &topic.name,
            topic.id,
            index,
            config.node_id,
            registration.clone(),
            log,
            min_insync_replicas(config, &overrides),
        );
        self.log_dirs.place(&topic.name, index, config);
        self.topics.entry(topic.name.clone()).or_default().insert(index, partition);
    }

    /// Opens the replicas that an image has here, at a start.
    pub(crate) fn open_all(&mut self, now: i64, image: &MetadataImage, config: &BrokerConfig) {
        for topic in image.topics().values() {
            for (index, registration) in &topic.partitions {
                if registration.replicas.contains(&config.node_id) {
                    self.create(now, topic, *index, registration, image, config);
                }
            }
        }
        let Self { topics, log_directory, .. } = self;
        if let Some(logs) = log_directory {
            logs.finish_start(topics.values().flat_map(SortedMap::values));
        }
    }

    /// Flushes, checkpoints and removes what is due of the files.
    pub(crate) fn tick_storage(&mut self, now: i64) {
        let Self { topics, log_directory, .. } = self;
        if let Some(logs) = log_directory {
            logs.tick(now, topics.values_mut().flat_map(SortedMap::values_mut));
        }
    }

    /// Closes the logs, so that the next start has nothing to recover.
    pub(crate) fn close_storage(&mut self, now: i64) {
        let Self { topics, log_directory, .. } = self;
        if let Some(logs) = log_directory {
            logs.close(now, topics.values_mut().flat_map(SortedMap::values_mut));
        }
    }

    /// Something changed that the checkpoints should have.
    pub(crate) fn touch_storage(&mut self) {
        if let Some(logs) = &mut self.log_directory {
            logs.touch();
        }
    }

    pub(crate) fn next_storage_wakeup(&self) -> Option<i64> {
        self.log_directory.as_ref()?.next_wakeup()
    }

    /// What the server's log should say of the files. A failure is of the whole directory.
    pub(crate) fn take_storage_remarks(&mut self) -> Vec<String> {
        let Some(logs) = &mut self.log_directory else { return Vec::new() };
        logs.take_remarks()
    }

    fn configure(&mut self, topic: &str, image: &MetadataImage, config: &BrokerConfig) {
        let overrides = image.topic_config(topic);
        for partition in self.topics.get_mut(topic).into_iter().flat_map(SortedMap::values_mut) {
            partition
                .configure(log_config(config, &overrides), min_insync_replicas(config, &overrides));
        }
    }

    fn remove(&mut self, now: i64, topic_id: Uuid) {
        let mut removed = Vec::new();
        let log_dirs = &mut self.log_dirs;
        self.topics.retain(|topic, partitions| {
            let goes = partitions.values().next().is_some_and(|p| p.topic_id() == topic_id);
            if goes {
                log_dirs.remove(topic);
                removed.extend(partitions.values().map(Partition::name));
            }
            !goes
        });
        if let Some(logs) = &mut self.log_directory {
            removed.iter().for_each(|name| logs.delete_log(name, now));
        }
        self.delayed_fetches.touch_all();
    }

    /// Appends to a partition that is known to be here, wakes the fetches that wait on it, and
    /// tells what happened.
    pub(crate) fn append(
        &mut self,
        now: i64,
        append: Append<'_>,
        cause: Option<Cause>,
        effects: &mut Effects,
    ) -> Result<AppendInfo, PartitionAppendError> {
        let (topic, index) = (append.topic, append.index);
        let header = BatchHeader::read(&append.records).ok();
        let Some(partition) = self.partition_mut(topic, index) else {
            return Err(PartitionAppendError::NotLeader);
        };
        let (info, high_watermark) = partition.append_as_leader(append, now)?;
        self.touch_storage();
        let mut tell = |kind| effects.events.push(BrokerEvent { cause, kind });
        let topic = topic.to_owned();
        tell(BrokerEventKind::Appended {
            topic: topic.clone(),
            partition: index,
            first: info.first_offset.0,
            last: info.last_offset.0,
            bytes: info.bytes,
            producer_id: header.map_or(ProducerId(-1), |header| header.producer_id).0,
            producer_epoch: header.map_or(ProducerEpoch(-1), |header| header.producer_epoch).0,
            base_sequence: header.map_or(-1, |header| header.base_sequence),
            duplicate: info.duplicate,
        });
        if info.rolled {
            tell(BrokerEventKind::SegmentRolled {
                topic: topic.clone(),
                partition: index,
                base_offset: info.first_offset.0,
            });
        }
        if let Some(Offset(high_watermark)) = high_watermark {
            tell(BrokerEventKind::HighWatermark {
                topic: topic.clone(),
                partition: index,
                high_watermark,
            });
            self.delayed_fetches.touch(&topic, index);
        }
        Ok(info)
    }
}

/// Records for one partition.
pub(crate) struct Append<'a> {
    pub(crate) topic: &'a str,
    pub(crate) index: i32,
    pub(crate) records: Bytes,
    pub(crate) origin: AppendOrigin,
    /// 0, 1 or -1, as in a produce request.
    pub(crate) acks: i16,
    /// That the transaction of the first batch is known to its coordinator.
    pub(crate) verification_guard: VerificationGuard,
    /// Of a transaction marker.
    pub(crate) transaction_version: TransactionVersion,
}

impl<'a> Append<'a> {
    /// What a coordinator of this broker writes: to all replicas in sync.
    pub(crate) fn coordinator(topic: &'a str, index: i32, records: Bytes) -> Append<'a> {
        Append {
            topic,
            index,
            records,
            origin: AppendOrigin::Coordinator,
            acks: -1,
            verification_guard: VerificationGuard::SENTINEL,
            transaction_version: TransactionVersion::UNKNOWN,
        }
    }
}
