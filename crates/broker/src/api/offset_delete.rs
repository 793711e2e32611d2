//! OffsetDelete, version 0 (KIP-496).
//!
//! Different from Kafka 4.4: the answer keeps the order of the request (there partitions that do
//! not exist come first).

use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use logbrook_group::{OffsetDelete, OffsetResult, TopicPartition};

use super::{Reply, RequestContext, now};
use crate::coordinator;
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: OffsetDeleteRequest,
    effects: &mut Effects,
) -> Reply {
    let exists = |partition: &TopicPartition| {
        let topic = broker.image.topic(&partition.topic);
        topic.is_some_and(|topic| topic.partitions.contains_key(&partition.partition))
    };
    let partitions = request.topics.iter().flat_map(|topic| {
        let name = topic.name.as_str();
        topic.partitions.iter().map(move |index| TopicPartition::new(name, index.partition_index))
    });
    let delete = OffsetDelete {
        group_id: request.group_id.to_string(),
        partitions: partitions.filter(exists).collect(),
    };
    let results = match delete_offsets(broker, ctx, &delete, effects) {
        Ok(results) => results,
        Err(code) => return now(OffsetDeleteResponse::default().with_error_code(code)),
    };
    let code = |partition: &TopicPartition| {
        let result = results.iter().find(|result| result.partition == *partition);
        result.map_or(ErrorCode::UnknownTopicOrPartition.code(), |result| {
            coordinator::error_code(result.error)
        })
    };
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let index = partition.partition_index;
            OffsetDeleteResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code(&TopicPartition::new(topic.name.to_string(), index)))
        });
        OffsetDeleteResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    now(OffsetDeleteResponse::default().with_topics(topics.collect()))
}

fn delete_offsets(
    broker: &mut Broker,
    ctx: &RequestContext,
    delete: &OffsetDelete,
    effects: &mut Effects,
) -> Result<Vec<OffsetResult>, i16> {
    let (index, groups) =
        coordinator::shard(broker, ctx.now, &delete.group_id, effects).map_err(ErrorCode::code)?;
    let decided = groups.offset_delete(delete);
    coordinator::apply(broker, ctx.now, index, decided.decision, ctx.cause(), effects)
        .map_err(ErrorCode::code)?;
    decided.response.map_err(|error| error.code())
}
