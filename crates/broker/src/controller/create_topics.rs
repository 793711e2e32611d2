//! Creating topics: `ControllerApis.createTopics` and `ReplicationControlManager.createTopics`.

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::CreateTopicsRequest;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use uuid::Uuid;

use super::configs::clear_elr_records;
use super::placement::{place, registration, validate_manual};
use super::{AlterConfigs, Controller, ControllerResult, MetadataRecord, PartitionRegistration};
use crate::api_error::ApiError;
use crate::topic_name::{self, CLUSTER_METADATA_TOPIC_NAME};
use crate::{BrokerConfig, ConfigResource, ErrorCode, MetadataImage};

/// A topic that was, or with `validate_only` would be, created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreatedTopic {
    pub(crate) topic_id: Uuid,
    pub(crate) num_partitions: i32,
    pub(crate) replication_factor: i16,
}

pub(crate) type CreateTopicsResult = Vec<(String, Result<CreatedTopic, ApiError>)>;

impl Controller {
    /// The answer has one entry a name: first those without duplicates in the order of the
    /// request, then the duplicates.
    pub(crate) fn create_topics(
        &mut self,
        image: &MetadataImage,
        config: &BrokerConfig,
        request: &CreateTopicsRequest,
    ) -> ControllerResult<CreateTopicsResult> {
        let total: i64 = request.topics.iter().map(|topic| wanted_partitions(config, topic)).sum();
        if total > MAX_PARTITIONS_PER_BATCH {
            let refused =
                |topic: &CreatableTopic| (topic.name.to_string(), Err(too_many_partitions()));
            let response = request.topics.iter().map(refused).collect();
            return ControllerResult { records: Vec::new(), response };
        }
        let mut seen = SortedSet::new();
        let mut duplicates = SortedSet::new();
        for topic in &request.topics {
            if !seen.insert(topic.name.as_str()) {
                duplicates.insert(topic.name.as_str());
            }
        }
        let mut records = Vec::new();
        let mut results = CreateTopicsResult::new();
        // Names of this request count for collisions only once their topic is there: as in Kafka.
        for topic in request.topics.iter().filter(|topic| !duplicates.contains(topic.name.as_str()))
        {
            let result = self.create_topic(image, config, topic).map(|(created, new)| {
                records.extend(new);
                created
            });
            results.push((topic.name.to_string(), result));
        }
        for name in duplicates {
            let error = ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name.");
            results.push((name.to_owned(), Err(error)));
        }
        if request.validate_only {
            records.clear();
        }
        ControllerResult { records, response: results }
    }

    fn create_topic(
        &mut self,
        image: &MetadataImage,
        config: &BrokerConfig,
        topic: &CreatableTopic,
    ) -> Result<(CreatedTopic, Vec<MetadataRecord>), ApiError> {
        let name = topic.name.as_str();
        validate_new_name(image, name)?;
        let config_records = config_records(image, config, topic)?;
        let partitions = if topic.assignments.is_empty() {
            self.placed(image, config, topic)?
        } else {
            manual(image, topic)?
        };
        let created = CreatedTopic {
            topic_id: self.random_topic_id(),
            num_partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
            replication_factor: partitions
                .first()
                .and_then(|first| i16::try_from(first.replicas.len()).ok())
                .unwrap_or(-1),
        };
        let topic_id = created.topic_id;
        let mut records = vec![MetadataRecord::Topic { name: name.to_owned(), topic_id }];
        records.extend(config_records);
        let record = |(partition_id, registration)| MetadataRecord::Partition {
            topic_id,
            partition_id,
            registration,
        };
        records.extend((0..).zip(partitions).map(record));
        Ok((created, records))
    }

    fn placed(
        &mut self,
        image: &MetadataImage,
        config: &BrokerConfig,
        topic: &CreatableTopic,
    ) -> Result<Vec<PartitionRegistration>, ApiError> {
        let (factor, count) = (topic.replication_factor, topic.num_partitions);
        if factor < -1 || factor == 0 {
            return Err(ApiError::new(
                ErrorCode::InvalidReplicationFactor,
                "Replication factor must be larger than 0, or -1 to use the default value.",
            ));
        }
        if count < -1 || count == 0 {
            return Err(ApiError::new(
                ErrorCode::InvalidPartitions,
                "Number of partitions was set to an invalid non-positive value.",
            ));
        }
        let partitions =
            if count == -1 { config.number("num.partitions") } else { i64::from(count) };
        let factor = if factor == -1 {
            i16::try_from(config.number("default.replication.factor")).unwrap_or(i16::MAX)
        } else {
            factor
        };
        let partitions = usize::try_from(partitions).unwrap_or_default();
        let refused = |message: &str| {
            ApiError::new(
                ErrorCode::InvalidReplicationFactor,
                format!("Unable to replicate the partition {factor} time(s): {message}"),
            )
        };
        place(&mut self.placement, image.brokers(), partitions, factor)
            .map_err(|message| refused(&message))?
            .into_iter()
            .map(|replicas| registration(image, replicas).ok_or_else(|| refused(NO_ACTIVE_BROKER)))
            .collect()
    }
}

/// `ReplicationControlManager.MAX_PARTITIONS_PER_BATCH`: one operation is one batch of the
/// metadata log.
pub(super) const MAX_PARTITIONS_PER_BATCH: i64 = 10_000;

/// Replicas that were placed, but on nobody who could lead.
pub(super) const NO_ACTIVE_BROKER: &str =
    "All brokers are currently fenced or in controlled shutdown.";

/// Replicas that somebody has placed on nobody who could lead.
pub(super) fn assigned_to_fenced(index: i32) -> String {
    format!(
        "All brokers specified in the manual partition assignment for partition {index} are fenced \
         or in controlled shutdown."
    )
}

pub(super) fn too_many_partitions() -> ApiError {
    ApiError::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request.")
}

/// Partitions that a topic of a request would have, as far as they can be told yet.
fn wanted_partitions(config: &BrokerConfig, topic: &CreatableTopic) -> i64 {
    if !topic.assignments.is_empty() {
        i64::try_from(topic.assignments.len()).unwrap_or(i64::MAX)
    } else if topic.num_partitions == -1 {
        config.number("num.partitions")
    } else {
        i64::from(topic.num_partitions.max(0))
    }
}

fn validate_new_name(image: &MetadataImage, name: &str) -> Result<(), ApiError> {
    if name == CLUSTER_METADATA_TOPIC_NAME {
        return Err(ApiError::new(
            ErrorCode::InvalidRequest,
            format!("Creation of internal topic {CLUSTER_METADATA_TOPIC_NAME} is prohibited."),
        ));
    }
    // A topic that exists says so before anything else: Kafka overwrites the other errors.
    if image.topic(name).is_some() {
        return Err(ApiError::new(
            ErrorCode::TopicAlreadyExists,
            format!("Topic '{name}' already exists."),
        ));
    }
    if topic_name::has_collision_chars(name)
        && let Some(other) =
            image.topics().keys().find(|other| topic_name::has_collision(other, name))
    {
        return Err(ApiError::new(
            ErrorCode::InvalidTopicException,
            format!("Topic '{name}' collides with existing topic: {other}"),
        ));
    }
    topic_name::validate(name)
        .map_err(|message| ApiError::new(ErrorCode::InvalidTopicException, message))
}

fn config_records(
    image: &MetadataImage,
    config: &BrokerConfig,
    topic: &CreatableTopic,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let nulls: Vec<&str> = topic
        .configs
        .iter()
        .filter(|config| config.value.is_none())
        .map(|config| config.name.as_str())
        .collect();
    if !nulls.is_empty() {
        return Err(ApiError::new(
            ErrorCode::InvalidConfig,
            format!("Null value not supported for topic configs: {}", nulls.join(",")),
        ));
    }
    // A name given twice: the last value counts.
    let values: SortedMap<&str, Option<&str>> = topic
        .configs
        .iter()
        .map(|config| (config.name.as_str(), config.value.as_ref().map(|value| value.as_str())))
        .collect();
    let mut records = AlterConfigs {
        resource: ConfigResource::topic(topic.name.as_str()),
        ops: values.into_iter().map(|(name, value)| (name, 0, value)).collect(),
        newly_created: true,
    }
    .decide(image, config)?;
    records.extend(clear_elr_records(image, &records));
    Ok(records)
}

fn manual(
    image: &MetadataImage,
    topic: &CreatableTopic,
) -> Result<Vec<PartitionRegistration>, ApiError> {
    if topic.replication_factor != -1 {
        return Err(ApiError::new(
            ErrorCode::InvalidRequest,
            "A manual partition assignment was specified, but replication factor was not set to -1.",
        ));
    }
    if topic.num_partitions != -1 {
        return Err(ApiError::new(
            ErrorCode::InvalidRequest,
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        ));
    }
    let invalid = |message| ApiError::new(ErrorCode::InvalidReplicaAssignment, message);
    let mut partitions: SortedMap<i32, PartitionRegistration> = SortedMap::new();
    let mut factor = None;
    for assignment in &topic.assignments {
        let index = assignment.partition_index;
        if partitions.contains_key(&index) {
            return Err(invalid(format!(
                "Found multiple manual partition assignments for partition {index}"
            )));
        }
        let replicas: Vec<i32> = assignment.broker_ids.iter().map(|id| id.0).collect();
        validate_manual(image.brokers(), &replicas, factor).map_err(invalid)?;
        factor = Some(replicas.len());
        let registration =
            registration(image, replicas).ok_or_else(|| invalid(assigned_to_fenced(index)))?;
        partitions.insert(index, registration);
    }
    if (0..).zip(partitions.keys()).any(|(expected, index): (i32, _)| expected != *index) {
        return Err(invalid(
            "partitions should be a consecutive 0-based integer sequence".to_owned(),
        ));
    }
    Ok(partitions.into_values().collect())
}
