//! Adding partitions: `ControllerApis.createPartitions` and
//! `ReplicationControlManager.createPartitions`.

use logbrook_sorted::SortedSet;

use kafka_protocol::messages::CreatePartitionsRequest;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;

use super::create_topics::{
    MAX_PARTITIONS_PER_BATCH, NO_ACTIVE_BROKER, assigned_to_fenced, too_many_partitions,
};
use super::placement::{place, registration, validate_manual};
use super::{Controller, ControllerResult, MetadataRecord};
use crate::api_error::ApiError;
use crate::{ErrorCode, MetadataImage};

pub(crate) type CreatePartitionsResult = Vec<(String, Option<ApiError>)>;

impl Controller {
    pub(crate) fn create_partitions(
        &mut self,
        image: &MetadataImage,
        request: &CreatePartitionsRequest,
    ) -> ControllerResult<CreatePartitionsResult> {
        let mut seen = SortedSet::new();
        let mut duplicates = SortedSet::new();
        for topic in &request.topics {
            if !seen.insert(topic.name.as_str()) {
                duplicates.insert(topic.name.as_str());
            }
        }
        let mut results = CreatePartitionsResult::new();
        for name in &duplicates {
            let error = ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name.");
            results.push(((*name).to_owned(), Some(error)));
        }
        let mut records = Vec::new();
        let mut total = 0;
        for topic in request.topics.iter().filter(|topic| !duplicates.contains(topic.name.as_str()))
        {
            total += i64::from(topic.count.max(0));
            let added = if total > MAX_PARTITIONS_PER_BATCH {
                Err(too_many_partitions())
            } else {
                self.add_partitions(image, topic)
            };
            let error = match added {
                Ok(new) => {
                    records.extend(new);
                    None
                }
                Err(error) => Some(error),
            };
            results.push((topic.name.to_string(), error));
        }
        if request.validate_only {
            records.clear();
        }
        ControllerResult { records, response: results }
    }

    fn add_partitions(
        &mut self,
        image: &MetadataImage,
        topic: &CreatePartitionsTopic,
    ) -> Result<Vec<MetadataRecord>, ApiError> {
        let name = topic.name.as_str();
        let Some(current) = image.topic(name) else {
            return Err(ApiError::silent(ErrorCode::UnknownTopicOrPartition));
        };
        let count = i32::try_from(current.partitions.len()).unwrap_or(i32::MAX);
        if topic.count == count {
            return Err(ApiError::new(
                ErrorCode::InvalidPartitions,
                format!("Topic already has {count} partition(s)."),
            ));
        }
        if topic.count < count {
            return Err(ApiError::new(
                ErrorCode::InvalidPartitions,
                format!(
                    "The topic {name} currently has {count} partition(s); {} would not be an \
                     increase.",
                    topic.count
                ),
            ));
        }
        let additional = topic.count - count;
        let wanted = usize::try_from(additional).unwrap_or_default();
        let factor =
            current.partitions.values().next().map_or(1, |partition| partition.replicas.len());
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidReplicaAssignment, message);
        let topic_id = current.id;
        let record = |partition_id, registration| MetadataRecord::Partition {
            topic_id,
            partition_id,
            registration,
        };
        match &topic.assignments {
            Some(assignments) => {
                if assignments.len() != wanted {
                    return Err(invalid(format!(
                        "Attempted to add {additional} additional partition(s), but only {} \
                         assignment(s) were specified.",
                        assignments.len()
                    )));
                }
                let assigned = (count..).zip(assignments).map(|(index, assignment)| {
                    let ids: Vec<i32> = assignment.broker_ids.iter().map(|id| id.0).collect();
                    validate_manual(image.brokers(), &ids, Some(factor)).map_err(invalid)?;
                    let registration = registration(image, ids)
                        .ok_or_else(|| invalid(assigned_to_fenced(index)))?;
                    Ok(record(index, registration))
                });
                assigned.collect()
            }
            None => {
                let factor = i16::try_from(factor).unwrap_or(i16::MAX);
                let refused = |message| ApiError::new(ErrorCode::InvalidReplicationFactor, message);
                let placed =
                    place(&mut self.placement, image.brokers(), wanted, factor).map_err(refused)?;
                let placed = (count..).zip(placed).map(|(index, replicas)| {
                    let registration = registration(image, replicas).ok_or_else(|| {
                        refused(format!(
                            "Unable to replicate the partition {factor} time(s): \
                             {NO_ACTIVE_BROKER}"
                        ))
                    })?;
                    Ok(record(index, registration))
                });
                placed.collect()
            }
        }
    }
}
