//! How the replicas on a broker follow the metadata: which there are, who leads them, what they obey
//! (`ReplicaManager.applyDelta`).

use logbrook_log::Log;
use logbrook_record::Offset;
use logbrook_sorted::SortedMap;
use uuid::Uuid;

use super::ReplicaManager;
use crate::controller::PartitionRegistration;
use crate::log_config::{log_config, min_insync_replicas};
use crate::partition::{AliveBroker, LeaderContext, Partition};
use crate::{BrokerConfig, MetadataImage, TopicImage};

/// The log of a replica on the disk of a process that has ended.
#[derive(Clone, Debug)]
pub(super) struct StoredReplica {
    topic_id: Uuid,
    log: Log,
}

/// What the metadata made of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// It is here, in the term that it was in.
    Same,
    /// It is here, and a term begins: of a new replica, or of one that was here.
    NewTerm,
    /// It is not, or no longer, on this broker.
    Gone,
}

impl ReplicaManager {
    /// Takes from the metadata which brokers may be in sync, and what the broker's own configuration says.
    pub(crate) fn follow_cluster(&mut self, image: &MetadataImage, config: &BrokerConfig) {
        self.lag_time_max_ms = config.number("replica.lag.time.max.ms");
        let alive = image.brokers().iter().filter(|(_, broker)| !broker.fenced);
        let alive = alive.map(|(id, broker)| {
            let in_controlled_shutdown = broker.in_controlled_shutdown;
            (*id, AliveBroker { epoch: broker.epoch, in_controlled_shutdown })
        });
        self.alive = alive.collect();
    }

    /// Creates, updates or removes this broker's replica of a partition.
    pub(crate) fn follow_partition(
        &mut self,
        now: i64,
        topic: &TopicImage,
        index: i32,
        registration: &PartitionRegistration,
        image: &MetadataImage,
        config: &BrokerConfig,
    ) -> Followed {
        let here = registration.replicas.contains(&config.node_id);
        // Whatever changed may be what somebody waits for: a leader, an ISR that is enough.
        self.delayed_fetches.touch(&topic.name, index);
        self.delayed_answers.touch(&topic.name, index);
        match self.leader(now, &topic.name, index) {
            Some((partition, context)) if here => {
                if partition.update(registration.clone(), context) {
                    Followed::NewTerm
                } else {
                    Followed::Same
                }
            }
            Some(_) => {
                self.remove_partition(now, &topic.name, index);
                Followed::Gone
            }
            None if here => {
                self.create(now, topic, index, registration, image, config);
                Followed::NewTerm
            }
            None => Followed::Gone,
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
        let stored = self.stored.remove(&(topic.name.clone(), index));
        let log = match (&mut self.log_directory, stored) {
            (Some(logs), _) => logs.open_log(&topic.name, topic.id, index, log_config, now),
            // A topic of the same name that is no more left its log behind: Kafka calls it stray.
            (None, Some(stored)) if stored.topic_id == topic.id => {
                let mut log = stored.log;
                log.set_config(log_config);
                log
            }
            (None, Some(_) | None) => Log::new(log_config, Offset(0)),
        };
        let context =
            LeaderContext { now, lag_time_max_ms: self.lag_time_max_ms, alive: &self.alive };
        let partition = Partition::new(
            &topic.name,
            topic.id,
            index,
            config.node_id,
            registration.clone(),
            log,
            min_insync_replicas(config, &overrides),
            context,
        );
        self.log_dirs.place(&topic.name, index, config);
        self.topics.entry(topic.name.clone()).or_default().insert(index, partition);
    }

    /// Opens the replicas that an image has here, at a start.
    pub(crate) fn open_all(&mut self, now: i64, image: &MetadataImage, config: &BrokerConfig) {
        self.follow_cluster(image, config);
        for topic in image.topics().values() {
            for (index, registration) in &topic.partitions {
                if registration.replicas.contains(&config.node_id) {
                    self.create(now, topic, *index, registration, image, config);
                }
            }
        }
        // What the metadata do not know is deleted.
        self.stored.clear();
        let Self { topics, log_directory, .. } = self;
        if let Some(logs) = log_directory {
            logs.finish_start(topics.values().flat_map(SortedMap::values));
        }
    }

    /// Follows the configuration of a topic.
    pub(crate) fn configure(&mut self, topic: &str, image: &MetadataImage, config: &BrokerConfig) {
        let overrides = image.topic_config(topic);
        for partition in self.topics.get_mut(topic).into_iter().flat_map(SortedMap::values_mut) {
            partition
                .configure(log_config(config, &overrides), min_insync_replicas(config, &overrides));
        }
    }

    /// Follows the broker's own configuration, which topics fall back on.
    pub(crate) fn configure_all(&mut self, image: &MetadataImage, config: &BrokerConfig) {
        let topics: Vec<String> = self.topics.keys().cloned().collect();
        for topic in topics {
            self.configure(&topic, image, config);
        }
    }

    fn remove_partition(&mut self, now: i64, topic: &str, index: i32) {
        let Some(partitions) = self.topics.get_mut(topic) else { return };
        let removed = partitions.remove(&index);
        if partitions.is_empty() {
            self.topics.remove(topic);
        }
        if let (Some(logs), Some(partition)) = (&mut self.log_directory, removed) {
            logs.delete_log(&partition.name(), now);
        }
    }

    /// Removes the replicas of a topic that is deleted.
    pub(crate) fn remove_topic(&mut self, now: i64, topic_id: Uuid) {
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
        self.delayed_answers.touch_all();
    }

    /// Notes how far each replica is replicated: what a process that is killed finds again
    /// (`replication-offset-checkpoint`).
    pub(crate) fn checkpoint_high_watermarks(&mut self) {
        self.partitions_mut().for_each(Partition::checkpoint_high_watermark);
    }

    /// The log of a replica as it lies on the disk of a process that has ended.
    pub(crate) fn stored_log(&self, topic: &str, index: i32) -> Option<&Log> {
        self.stored.get(&(topic.to_owned(), index)).map(|stored| &stored.log)
    }

    /// The power was lost at `now`, in ms, with what the logs had not flushed.
    pub(crate) fn lose_unflushed(&mut self, now: i64) {
        for stored in self.stored.values_mut() {
            stored.log.lose_unflushed(now);
        }
        self.partitions_mut().for_each(|partition| partition.lose_unflushed(now));
    }

    /// The disk is gone, with the logs of the process that has ended.
    pub(crate) fn forget_stored(&mut self) {
        self.stored.clear();
    }

    /// The process is gone; its logs stay on the disk, and their watermarks as they were noted last.
    pub(crate) fn crash(&mut self) {
        let partitions = core::mem::take(&mut self.topics).into_values();
        for partition in partitions.flat_map(SortedMap::into_values) {
            let key = (partition.topic().to_owned(), partition.index());
            let topic_id = partition.topic_id();
            self.stored.insert(key, StoredReplica { topic_id, log: partition.into_stored_log() });
        }
        *self = ReplicaManager {
            stored: core::mem::take(&mut self.stored),
            log_dirs: core::mem::take(&mut self.log_dirs),
            log_directory: self.log_directory.take(),
            ..ReplicaManager::default()
        };
    }
}
