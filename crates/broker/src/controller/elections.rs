//! Elections that somebody asked for, and those that come by themselves:
//! `ReplicationControlManager.electLeaders`, `maybeBalancePartitionLeaders`, `maybeElectUncleanLeaders`.

use kafka_protocol::messages::ElectLeadersRequest;

use super::brokers_to_partitions::{self as partitions, PartitionOf};
use super::partition_change::{Election, PartitionChangeBuilder};
use super::{ControllerResult, MetadataRecord, configured};
use crate::api_error::ApiError;
use crate::{BrokerConfig, ErrorCode, MetadataImage};

/// `ElectionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElectionType {
    /// The replica named first is to lead.
    Preferred,
    /// Somebody is to lead, also at the price of records.
    Unclean,
}

impl ElectionType {
    /// The number in a request.
    pub(crate) fn from_id(id: i8) -> Option<ElectionType> {
        match id {
            0 => Some(ElectionType::Preferred),
            1 => Some(ElectionType::Unclean),
            _ => None,
        }
    }
}

/// The partitions of a topic, and of each what became of its election.
pub(crate) type ElectionResults = Vec<(String, Vec<(i32, Result<(), ApiError>)>)>;

/// Elects leaders of the partitions that a request names; of all that need it where it names none.
pub(crate) fn elect_leaders(
    image: &MetadataImage,
    config: &BrokerConfig,
    request: &ElectLeadersRequest,
    kind: ElectionType,
) -> ControllerResult<ElectionResults> {
    let mut records = Vec::new();
    let mut elect = |topic: &str, index| {
        let record = elect_leader(image, config, topic, index, kind);
        (index, record.map(|record| records.push(record)))
    };
    let response = match &request.topic_partitions {
        Some(topics) => topics
            .iter()
            .map(|topic| {
                let name = topic.topic.as_str();
                let results = topic.partitions.iter().map(|index| elect(name, *index));
                (name.to_owned(), results.collect())
            })
            .collect(),
        None => image
            .topics()
            .values()
            .map(|topic| {
                let results = topic.partitions.keys().map(|index| elect(&topic.name, *index));
                let needed = |(_, result): &(i32, Result<(), ApiError>)| {
                    !matches!(result, Err(error) if error.code == ErrorCode::ElectionNotNeeded)
                };
                (topic.name.clone(), results.filter(needed).collect())
            })
            .collect(),
    };
    ControllerResult { records, response }
}

/// `electLeader`.
fn elect_leader(
    image: &MetadataImage,
    config: &BrokerConfig,
    topic: &str,
    index: i32,
    kind: ElectionType,
) -> Result<MetadataRecord, ApiError> {
    let unknown = |what| ApiError::new(ErrorCode::UnknownTopicOrPartition, what);
    let topic = image.topic(topic).ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
    let partition = topic
        .partitions
        .get(&index)
        .ok_or_else(|| unknown(format!("No such partition as {}-{index}", topic.name)))?;
    let (done, election, unavailable) = match kind {
        ElectionType::Preferred => (
            partition.has_preferred_leader(),
            Election::Preferred,
            ErrorCode::PreferredLeaderNotAvailable,
        ),
        ElectionType::Unclean => {
            (partition.has_leader(), Election::Unclean, ErrorCode::EligibleLeadersNotAvailable)
        }
    };
    if done {
        return Err(ApiError::of(ErrorCode::ElectionNotNeeded));
    }
    elect(image, config, PartitionOf { topic, index, partition }, election)
        .ok_or_else(|| ApiError::of(unavailable))
}

fn elect(
    image: &MetadataImage,
    config: &BrokerConfig,
    of: PartitionOf<'_>,
    election: Election,
) -> Option<MetadataRecord> {
    let accepts = |id| image.is_active(id);
    let change = PartitionChangeBuilder::new(image, config, of.topic, of.partition, accepts)
        .election(election)
        .build()?;
    Some(MetadataRecord::PartitionChange {
        topic_id: of.topic_id(),
        partition_id: of.index,
        change,
    })
}

/// `MAX_ELECTIONS_PER_IMBALANCE`: elections of one round; the next follows at once.
const MAX_ELECTIONS: usize = 1000;

/// Gives partitions back to the replica named first. True where there may be more.
pub(crate) fn balance_leaders(
    image: &MetadataImage,
    config: &BrokerConfig,
) -> ControllerResult<bool> {
    let imbalanced = partitions::all(image).filter(|of| !of.partition.has_preferred_leader());
    let records = imbalanced.filter_map(|of| elect(image, config, of, Election::Preferred));
    round(records)
}

/// Gives partitions without a leader any, where their topic allows that. True where there may be more.
pub(crate) fn elect_unclean_leaders(
    image: &MetadataImage,
    config: &BrokerConfig,
) -> ControllerResult<bool> {
    let leaderless = partitions::with_no_leader(image);
    let allowed =
        leaderless.filter(|of| configured::unclean_election_enabled(image, config, &of.topic.name));
    round(allowed.filter_map(|of| elect(image, config, of, Election::Unclean)))
}

fn round(records: impl Iterator<Item = MetadataRecord>) -> ControllerResult<bool> {
    let records: Vec<MetadataRecord> = records.take(MAX_ELECTIONS).collect();
    let more = records.len() >= MAX_ELECTIONS;
    ControllerResult { records, response: more }
}
