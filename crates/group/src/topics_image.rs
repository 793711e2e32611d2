//! What a coordinator knows of the topics (`CoordinatorMetadataImage`).

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::SortedMap;

use crate::TopicId;

/// A topic, as the coordinator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetadata {
    /// Its id.
    pub id: TopicId,
    /// By partition, the racks of its replicas; a replica without a rack is left out.
    pub partition_racks: Vec<Vec<String>>,
}

impl TopicMetadata {
    /// A topic whose replicas have no racks.
    pub fn new(id: TopicId, partitions: usize) -> Self {
        Self { id, partition_racks: alloc::vec![Vec::new(); partitions] }
    }

    /// The number of its partitions.
    pub fn partitions(&self) -> i32 {
        i32::try_from(self.partition_racks.len()).unwrap_or(i32::MAX)
    }
}

/// The topics of the cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsImage {
    version: i64,
    topics: SortedMap<String, TopicMetadata>,
    names: SortedMap<TopicId, String>,
}

impl TopicsImage {
    /// The image of these topics. `version` grows from image to image.
    pub fn new(version: i64, topics: SortedMap<String, TopicMetadata>) -> Self {
        let names = topics.iter().map(|(name, topic)| (topic.id, name.clone())).collect();
        Self { version, topics, names }
    }

    /// The version.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&TopicMetadata> {
        self.topics.get(name)
    }

    /// The name of the topic with this id.
    pub fn name(&self, id: &TopicId) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// The number of partitions of the topic with this id.
    pub(crate) fn partitions(&self, id: &TopicId) -> Option<i32> {
        Some(self.topics.get(self.names.get(id)?)?.partitions())
    }

    /// The names, sorted.
    pub fn topic_names(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().map(String::as_str)
    }

    /// Whether a topic is here that was not in the image before, under this id.
    pub(crate) fn has_new_topics(&self, before: &Self) -> bool {
        self.topics.values().any(|topic| !before.names.contains_key(&topic.id))
    }

    /// Whether the topic of this name is another than before, has other partitions, or is gone.
    pub(crate) fn differs(&self, before: &Self, name: &str) -> bool {
        self.topic(name) != before.topic(name)
    }
}
