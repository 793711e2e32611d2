//! ConsumerGroupHeartbeat, versions 0 and 1 (KIP-848).
//!
//! From version 1 on the member chooses its id (KIP-1082). Different from Kafka 4.4: of a regular
//! expression that cannot be read, the description may be in other words than RE2/J's.

use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use logbrook_group::{ConsumerGroupHeartbeat, ConsumerGroupHeartbeatReply};
use uuid::Uuid;

use super::{Reply, RequestContext, now, text};
use crate::coordinator::{self, regex};
use crate::{Broker, Effects, ErrorCode};

/// The member's id comes from the member.
const MEMBER_ID_REQUIRED_VERSION: i16 = 1;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: ConsumerGroupHeartbeatRequest,
    effects: &mut Effects,
) -> Reply {
    let refused = |code: i16| now(ConsumerGroupHeartbeatResponse::default().with_error_code(code));
    if !coordinator::is_consumer_protocol_enabled(broker) {
        return refused(ErrorCode::UnsupportedVersion.code());
    }
    let string = |text: kafka_protocol::protocol::StrBytes| text.to_string();
    let subscribed_topic_regex = request.subscribed_topic_regex.map(string);
    let heartbeat = ConsumerGroupHeartbeat {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        member_epoch: request.member_epoch,
        instance_id: request.instance_id.map(string),
        rack_id: request.rack_id.map(string),
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        subscribed_topic_names: request
            .subscribed_topic_names
            .map(|names| names.into_iter().map(|name| name.to_string()).collect()),
        invalid_regex: subscribed_topic_regex
            .as_deref()
            .and_then(|regex| regex::check(regex).err()),
        subscribed_topic_regex,
        server_assignor: request.server_assignor.map(string),
        topic_partitions: request.topic_partitions.map(|owned| {
            owned.into_iter().map(|topic| (*topic.topic_id.as_bytes(), topic.partitions)).collect()
        }),
        client_id: ctx.client_id.clone().unwrap_or_default(),
        client_host: ctx.host.clone(),
        requires_member_id: ctx.version() >= MEMBER_ID_REQUIRED_VERSION,
        new_member_uuid: broker.coordinator.member_uuid(),
    };
    let (index, groups) = match coordinator::shard(broker, ctx.now, &heartbeat.group_id, effects) {
        Ok(shard) => shard,
        Err(error) => return refused(error.code()),
    };
    let decided = groups.consumer_group_heartbeat(ctx.now, &heartbeat);
    let applied =
        coordinator::apply(broker, ctx.now, index, decided.decision, ctx.cause(), effects);
    if let Err(error) = applied {
        return refused(error.code());
    }
    match decided.response {
        Ok(reply) => now(response(reply)),
        Err(failure) => now(ConsumerGroupHeartbeatResponse::default()
            .with_error_code(failure.error.code())
            .with_error_message(Some(text(failure.message)))),
    }
}

fn response(reply: ConsumerGroupHeartbeatReply) -> ConsumerGroupHeartbeatResponse {
    let assignment = reply.assignment.map(|topics| {
        let topics = topics.into_iter().map(|(topic_id, partitions)| {
            TopicPartitions::default()
                .with_topic_id(Uuid::from_bytes(topic_id))
                .with_partitions(partitions)
        });
        Assignment::default().with_topic_partitions(topics.collect())
    });
    ConsumerGroupHeartbeatResponse::default()
        .with_error_message(None)
        .with_member_id(Some(text(reply.member_id)))
        .with_member_epoch(reply.member_epoch)
        .with_heartbeat_interval_ms(reply.heartbeat_interval_ms)
        .with_assignment(assignment)
}
