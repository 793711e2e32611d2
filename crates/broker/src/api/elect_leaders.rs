//! ElectLeaders, versions 0 to 2 (KIP-183, KIP-460).
//!
//! `ReplicationControlManager.electLeaders` as far as one broker goes: a partition has the leader
//! that an election would give it, or nobody could be elected.

use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse, TopicName};

use super::{Reply, RequestContext, now, text, topic_name};
use crate::{Broker, ErrorCode};

/// `ElectionType.PREFERRED`; version 0 knows no other.
const PREFERRED: i8 = 0;
/// `ElectionType.UNCLEAN`.
const UNCLEAN: i8 = 1;

pub(crate) fn handle(broker: &Broker, ctx: &RequestContext, request: ElectLeadersRequest) -> Reply {
    let unclean = match request.election_type {
        _ if ctx.version() == 0 => false,
        PREFERRED => false,
        UNCLEAN => true,
        _ => {
            let error = ErrorCode::InvalidRequest.code();
            return now(ElectLeadersResponse::default().with_error_code(error));
        }
    };
    let results = match request.topic_partitions {
        Some(topics) => topics
            .into_iter()
            .map(|topic| {
                let results = topic.partitions.iter().map(|index| {
                    result(*index, elect(broker, topic.topic.as_str(), *index, unclean))
                });
                of_topic(topic.topic.clone(), results.collect())
            })
            .collect(),
        // All partitions: those that need no election are left out.
        None => broker
            .metadata()
            .topics()
            .values()
            .map(|topic| {
                let elected = topic.partitions.keys().filter_map(|index| {
                    let end = elect(broker, &topic.name, *index, unclean);
                    let needed = !matches!(end, Err((ErrorCode::ElectionNotNeeded, _)));
                    needed.then(|| result(*index, end))
                });
                of_topic(topic_name(&topic.name), elected.collect())
            })
            .collect(),
    };
    now(ElectLeadersResponse::default().with_replica_election_results(results))
}

fn of_topic(topic: TopicName, results: Vec<PartitionResult>) -> ReplicaElectionResult {
    ReplicaElectionResult::default().with_topic(topic).with_partition_result(results)
}

type Elected = Result<(), (ErrorCode, String)>;

fn result(partition: i32, elected: Elected) -> PartitionResult {
    let result = PartitionResult::default().with_partition_id(partition);
    match elected {
        Ok(()) => result.with_error_message(None),
        Err((error, message)) => {
            result.with_error_code(error.code()).with_error_message(Some(text(message)))
        }
    }
}

/// `electLeader`.
fn elect(broker: &Broker, topic: &str, index: i32, unclean: bool) -> Elected {
    let unknown = |message: String| Err((ErrorCode::UnknownTopicOrPartition, message));
    let Some(image) = broker.metadata().topic(topic) else {
        return unknown(format!("No such topic as {topic}"));
    };
    let Some(partition) = image.partitions.get(&index) else {
        return unknown(format!("No such partition as {topic}-{index}"));
    };
    let has_preferred_leader = partition.replicas.first() == Some(&partition.leader);
    let error = match unclean {
        false if has_preferred_leader => ErrorCode::ElectionNotNeeded,
        true if partition.leader >= 0 => ErrorCode::ElectionNotNeeded,
        false => ErrorCode::PreferredLeaderNotAvailable,
        true => ErrorCode::EligibleLeadersNotAvailable,
    };
    Err((error, error.message().to_owned()))
}
