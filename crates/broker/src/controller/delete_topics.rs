//! Deleting topics: `ControllerApis.deleteTopics` and `ReplicationControlManager.deleteTopics`.

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::DeleteTopicsRequest;
use uuid::Uuid;

use super::{ControllerResult, MetadataRecord};
use crate::api_error::ApiError;
use crate::{ErrorCode, MetadataImage};

/// What became of one topic that a request named, by name or by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeleteTopicResult {
    pub(crate) name: Option<String>,
    pub(crate) topic_id: Uuid,
    pub(crate) error: Option<ApiError>,
}

/// Which topics go. Different from Kafka: the results come in a fixed order (Kafka shuffles them,
/// so that nobody learns from their order which topics he may not see).
pub(crate) fn delete_topics(
    image: &MetadataImage,
    request: &DeleteTopicsRequest,
) -> ControllerResult<Vec<DeleteTopicResult>> {
    let mut results = Vec::new();
    let mut respond = |name: Option<&str>, topic_id: Uuid, error: Option<ApiError>| {
        results.push(DeleteTopicResult { name: name.map(str::to_owned), topic_id, error });
    };
    let refuse = |message: &str| Some(ApiError::new(ErrorCode::InvalidRequest, message));

    let mut names = Provided::default();
    let mut ids = Provided::default();
    request.topic_names.iter().for_each(|name| names.add(name.as_str()));
    for topic in &request.topics {
        match (&topic.name, topic.topic_id.is_nil()) {
            (None, true) => {
                respond(None, Uuid::nil(), refuse("Neither topic name nor id were specified."));
            }
            (None, false) => ids.add(topic.topic_id),
            (Some(name), true) => names.add(name.as_str()),
            (Some(name), false) => respond(
                Some(name.as_str()),
                topic.topic_id,
                refuse("You may not specify both topic name and topic id."),
            ),
        }
    }
    for name in &names.duplicates {
        respond(Some(name), Uuid::nil(), refuse("Duplicate topic name."));
    }
    for id in &ids.duplicates {
        respond(None, *id, refuse("Duplicate topic id."));
    }

    let mut found: SortedMap<Uuid, &str> = SortedMap::new();
    for id in &ids.once {
        match image.topic_by_id(*id) {
            Some(topic) => {
                found.insert(*id, &topic.name);
            }
            None => respond(None, *id, Some(ApiError::of(ErrorCode::UnknownTopicId))),
        }
    }
    for name in &names.once {
        match image.topic(name) {
            None => respond(
                Some(name),
                Uuid::nil(),
                Some(ApiError::of(ErrorCode::UnknownTopicOrPartition)),
            ),
            Some(topic)
                if ids.duplicates.contains(&topic.id)
                    || found.insert(topic.id, &topic.name).is_some() =>
            {
                found.remove(&topic.id);
                respond(
                    Some(name),
                    topic.id,
                    refuse("The provided topic name maps to an ID that was already supplied."),
                );
            }
            Some(_) => {}
        }
    }
    let mut records = Vec::new();
    for (topic_id, name) in found {
        records.push(MetadataRecord::RemoveTopic { topic_id });
        respond(Some(name), topic_id, None);
    }
    ControllerResult { records, response: results }
}

/// What was named once, and what several times.
struct Provided<T> {
    once: SortedSet<T>,
    duplicates: SortedSet<T>,
}

impl<T> Default for Provided<T> {
    fn default() -> Self {
        Provided { once: SortedSet::new(), duplicates: SortedSet::new() }
    }
}

impl<T: Ord + Clone> Provided<T> {
    fn add(&mut self, item: T) {
        if self.duplicates.contains(&item) || !self.once.insert(item.clone()) {
            self.once.remove(&item);
            self.duplicates.insert(item);
        }
    }
}
