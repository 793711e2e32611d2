//! OffsetFetch, versions 1 to 9.
//!
//! One group up to version 7, several from version 8 on (KIP-709); offsets of open transactions from
//! version 7 on (`require_stable`, KIP-447); from version 9 on a member may name itself and its epoch
//! (KIP-848). Different from Kafka 4.4: version 10 (topic ids) is not served.

use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopics;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{GroupId, OffsetFetchRequest, OffsetFetchResponse, TopicName};
use logbrook_group::{FetchedOffset, OffsetFetch, TopicPartition};

use super::{Reply, RequestContext, now, text, topic_name};
use crate::coordinator;
use crate::{Broker, Effects, ErrorCode};

/// Several groups in one request.
const GROUPS_VERSION: i16 = 8;
/// An error of the whole request; before, each partition carries it.
const TOP_LEVEL_ERROR_VERSION: i16 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: OffsetFetchRequest,
    effects: &mut Effects,
) -> Reply {
    if ctx.version() >= GROUPS_VERSION {
        let mut groups = Vec::new();
        for group in request.groups {
            let member = (group.member_id.map(|id| id.to_string()), group.member_epoch);
            let (topics, stable) = (group.topics, request.require_stable);
            groups.push(fetch(broker, ctx, group.group_id, member, topics, stable, effects));
        }
        return now(OffsetFetchResponse::default().with_groups(groups));
    }
    let topics: Option<Vec<OffsetFetchRequestTopics>> = request.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| {
            OffsetFetchRequestTopics::default()
                .with_name(topic.name)
                .with_partition_indexes(topic.partition_indexes)
        });
        topics.collect()
    });
    let asked = topics.clone().unwrap_or_default();
    let nobody = (None, -1);
    let stable = request.require_stable;
    let group = fetch(broker, ctx, request.group_id, nobody, topics, stable, effects);
    if group.error_code == 0 {
        let topics = group.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.into_iter().map(|partition| {
                OffsetFetchResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_committed_offset(partition.committed_offset)
                    .with_committed_leader_epoch(partition.committed_leader_epoch)
                    .with_metadata(partition.metadata)
                    .with_error_code(partition.error_code)
            });
            OffsetFetchResponseTopic::default()
                .with_name(topic.name)
                .with_partitions(partitions.collect())
        });
        return now(OffsetFetchResponse::default().with_topics(topics.collect()));
    }
    let error = OffsetFetchResponse::default();
    if ctx.version() >= TOP_LEVEL_ERROR_VERSION {
        return now(error.with_error_code(group.error_code));
    }
    let topics = asked.into_iter().map(|topic| {
        let partitions = topic.partition_indexes.into_iter().map(|index| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(-1)
                .with_metadata(Some(text("")))
                .with_error_code(group.error_code)
        });
        OffsetFetchResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions.collect())
    });
    now(error.with_topics(topics.collect()))
}

fn fetch(
    broker: &mut Broker,
    ctx: &RequestContext,
    group_id: GroupId,
    (member_id, member_epoch): (Option<String>, i32),
    topics: Option<Vec<OffsetFetchRequestTopics>>,
    require_stable: bool,
    effects: &mut Effects,
) -> OffsetFetchResponseGroup {
    let response = OffsetFetchResponseGroup::default().with_group_id(group_id.clone());
    let partitions = |topic: &OffsetFetchRequestTopics| -> Vec<TopicPartition> {
        let partition = |index: &i32| TopicPartition::new(topic.name.to_string(), *index);
        topic.partition_indexes.iter().map(partition).collect()
    };
    let request = OffsetFetch {
        group_id: group_id.to_string(),
        partitions: topics.as_ref().map(|topics| topics.iter().flat_map(partitions).collect()),
        require_stable,
        member_id,
        member_epoch,
    };
    let offsets = match coordinator::shard(broker, ctx.now, &request.group_id, effects) {
        Ok((_, groups)) => match groups.offset_fetch(&request) {
            Ok(offsets) => offsets,
            Err(error) => return response.with_error_code(error.code()),
        },
        Err(error) => return response.with_error_code(ErrorCode::code(error)),
    };
    // A topic asked for without partitions is answered without partitions.
    let mut answers: Vec<OffsetFetchResponseTopics> =
        topics.into_iter().flatten().map(|topic| topic_response(topic.name)).collect();
    for offset in offsets {
        let name = offset.partition.topic.clone();
        let at = answers.iter().position(|topic| topic.name.as_str() == name);
        let at = at.unwrap_or_else(|| {
            answers.push(topic_response(topic_name(&name)));
            answers.len() - 1
        });
        answers[at].partitions.push(partition_response(offset));
    }
    response.with_topics(answers)
}

fn topic_response(name: TopicName) -> OffsetFetchResponseTopics {
    OffsetFetchResponseTopics::default().with_name(name)
}

fn partition_response(offset: FetchedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(offset.partition.partition)
        .with_committed_offset(offset.offset)
        .with_committed_leader_epoch(offset.leader_epoch)
        .with_metadata(Some(text(offset.metadata)))
        .with_error_code(coordinator::error_code(offset.error))
}
