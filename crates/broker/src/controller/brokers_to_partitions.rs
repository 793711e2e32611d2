//! The partitions that a broker has a part in: `BrokersToIsrs`, `BrokersToElrs`. Looked up in the image, in the
//! order of the topics' names.

use uuid::Uuid;

use super::{NO_LEADER, PartitionRegistration};
use crate::{MetadataImage, TopicImage};

/// A partition with the topic it is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartitionOf<'a> {
    pub(super) topic: &'a TopicImage,
    pub(super) index: i32,
    pub(super) partition: &'a PartitionRegistration,
}

impl PartitionOf<'_> {
    pub(super) fn topic_id(&self) -> Uuid {
        self.topic.id
    }
}

pub(super) fn all(image: &MetadataImage) -> impl Iterator<Item = PartitionOf<'_>> {
    image.topics().values().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(move |(index, partition)| PartitionOf { topic, index: *index, partition })
    })
}

pub(super) fn with_broker_in_isr(
    image: &MetadataImage,
    id: i32,
) -> impl Iterator<Item = PartitionOf<'_>> {
    all(image).filter(move |of| of.partition.isr.contains(&id))
}

pub(super) fn with_broker_in_elr(
    image: &MetadataImage,
    id: i32,
) -> impl Iterator<Item = PartitionOf<'_>> {
    all(image).filter(move |of| of.partition.elr.contains(&id))
}

pub(super) fn with_no_leader(image: &MetadataImage) -> impl Iterator<Item = PartitionOf<'_>> {
    all(image).filter(|of| of.partition.leader == NO_LEADER)
}

/// Whether a broker leads a partition.
pub(super) fn has_leaderships(image: &MetadataImage, id: i32) -> bool {
    all(image).any(|of| of.partition.leader == id)
}
