//! ConsumerGroupDescribe, versions 0 and 1 (KIP-848).
//!
//! A group that is not known, or is a classic one, is answered with `GROUP_ID_NOT_FOUND`. Different from Kafka 4.4: members come sorted by id (there: in the
//! order of a hash map).

use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup, Member, TopicPartitions,
};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId,
};
use logbrook_group::{
    ConsumerGroupDescription, ConsumerGroupMemberDescription, DescribedPartitions,
};
use uuid::Uuid;

use super::{
    AUTHORIZED_OPERATIONS_OMITTED, Reply, RequestContext, authorized_operations as operations, now,
    text, topic_name,
};
use crate::coordinator;
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: ConsumerGroupDescribeRequest,
    effects: &mut Effects,
) -> Reply {
    let mut groups = Vec::new();
    for group_id in request.group_ids {
        let response = DescribedGroup::default()
            .with_group_id(group_id.clone())
            .with_error_message(None)
            .with_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED);
        groups.push(describe(broker, ctx, &group_id, response, effects));
    }
    if request.include_authorized_operations {
        let found = |group: &&mut DescribedGroup| group.error_code == ErrorCode::None.code();
        for group in groups.iter_mut().filter(found) {
            group.authorized_operations = operations::GROUP;
        }
    }
    now(ConsumerGroupDescribeResponse::default().with_groups(groups))
}

fn describe(
    broker: &mut Broker,
    ctx: &RequestContext,
    group_id: &GroupId,
    response: DescribedGroup,
    effects: &mut Effects,
) -> DescribedGroup {
    if !coordinator::is_consumer_protocol_enabled(broker) {
        return response.with_error_code(ErrorCode::UnsupportedVersion.code());
    }
    if group_id.is_empty() {
        return response.with_error_code(ErrorCode::InvalidGroupId.code());
    }
    let groups = match coordinator::shard(broker, ctx.now, group_id.as_str(), effects) {
        Ok((_, groups)) => groups,
        Err(error) => return response.with_error_code(error.code()),
    };
    match groups.consumer_group_describe(group_id.as_str()) {
        Ok(group) => described(response, group),
        Err(failure) => response
            .with_error_code(failure.error.code())
            .with_error_message(Some(text(failure.message))),
    }
}

fn described(response: DescribedGroup, group: ConsumerGroupDescription) -> DescribedGroup {
    response
        .with_group_state(text(group.state.name()))
        .with_group_epoch(group.group_epoch)
        .with_assignment_epoch(group.assignment_epoch)
        .with_assignor_name(text(group.assignor_name))
        .with_members(group.members.into_iter().map(member).collect())
}

fn member(member: ConsumerGroupMemberDescription) -> Member {
    let names = member.subscribed_topic_names.iter().map(|name| topic_name(name));
    Member::default()
        .with_member_id(text(member.member_id))
        .with_instance_id(member.instance_id.map(text))
        .with_rack_id(member.rack_id.map(text))
        .with_member_epoch(member.member_epoch)
        .with_client_id(text(member.client_id))
        .with_client_host(text(member.client_host))
        .with_subscribed_topic_names(names.collect())
        .with_subscribed_topic_regex(member.subscribed_topic_regex.map(text))
        .with_assignment(assignment(member.assignment))
        .with_target_assignment(assignment(member.target_assignment))
        .with_member_type(i8::from(!member.uses_classic_protocol))
}

fn assignment(topics: Vec<DescribedPartitions>) -> Assignment {
    let topics = topics.into_iter().map(|topic| {
        TopicPartitions::default()
            .with_topic_id(Uuid::from_bytes(topic.topic_id))
            .with_topic_name(topic_name(&topic.topic_name))
            .with_partitions(topic.partitions)
    });
    Assignment::default().with_topic_partitions(topics.collect())
}
