//! Groups as `KafkaAdminClient` describes and deletes them.

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, DeleteGroupsRequest, DescribeGroupsRequest,
    FindCoordinatorRequest, GroupId, OffsetFetchRequest,
    offset_fetch_request::OffsetFetchRequestGroup,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_client::TopicPartition;
use logbrook_client::admin::Target;
use logbrook_group::consumer_protocol::Assignment;

use super::admin_calls::{self as admin, Stop, check, expect};
use super::java::Throwable;
use super::script::{Question, Stage};

/// A described group.
#[derive(Clone, Debug)]
pub(crate) struct GroupInfo {
    pub(crate) id: String,
    pub(crate) state: String,
    /// The protocol that the members agreed on: their assignor.
    pub(crate) assignor: String,
    /// `host:port  (id)`.
    pub(crate) coordinator: String,
    /// Of a group of the consumer protocol.
    pub(crate) group_epoch: Option<i32>,
    /// Of a group of the consumer protocol.
    pub(crate) target_epoch: Option<i32>,
    pub(crate) members: Vec<MemberInfo>,
}

/// A member of a described group.
#[derive(Clone, Debug)]
pub(crate) struct MemberInfo {
    pub(crate) id: String,
    pub(crate) instance_id: String,
    pub(crate) client_id: String,
    pub(crate) host: String,
    pub(crate) assignment: SortedSet<TopicPartition>,
    /// Of a group of the consumer protocol.
    pub(crate) epoch: Option<i32>,
    /// What it is to have.
    pub(crate) target: SortedSet<TopicPartition>,
    /// Whether it uses the consumer protocol, in a group of that.
    pub(crate) upgraded: Option<bool>,
}

/// One row of `--describe --offsets`; `None` shows as `-`.
#[derive(Clone, Debug, Default)]
pub(crate) struct OffsetRow {
    pub(crate) group: String,
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    pub(crate) leader_epoch: Option<i32>,
    pub(crate) offset: Option<i64>,
    pub(crate) log_end_offset: Option<i64>,
    pub(crate) consumer_id: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) client_id: Option<String>,
}

impl OffsetRow {
    /// End of the log minus the committed offset, where both are known.
    pub(crate) fn lag(&self) -> Option<i64> {
        Some(self.log_end_offset? - self.offset.filter(|o| *o != -1)?)
    }
}

fn group_id(id: &str) -> GroupId {
    GroupId::from(StrBytes::from_string(id.to_string()))
}

/// Where each group's coordinator is, as the state table shows it.
fn coordinators(
    stage: &mut Stage<'_>,
    ids: &[String],
) -> Result<SortedMap<String, Result<String, Throwable>>, Stop> {
    let deadline_ms = stage.now + stage.config.default_api_timeout_ms;
    let mut found = SortedMap::new();
    let mut wanted: Vec<String> = ids.to_vec();
    for attempt in 0.. {
        let keys = wanted.iter().map(|id| StrBytes::from_string(id.clone()));
        let request = FindCoordinatorRequest::default().with_coordinator_keys(keys.collect());
        let question = Question::new(request, Target::Any)
            .named("describeConsumerGroups(api=FIND_COORDINATOR)")
            .within(deadline_ms - stage.now);
        let answer = stage.ask(question)?;
        let response = match expect(answer, |r| match r {
            Response::FindCoordinator(body) => Some(body),
            _ => None,
        }) {
            Ok(response) => response,
            Err(e) => {
                found.extend(wanted.into_iter().map(|id| (id, Err(e.clone()))));
                return Ok(found);
            }
        };
        for c in &response.coordinators {
            let place = check(c.error_code, c.error_message.as_ref())
                .map(|()| format!("{}:{}  ({})", c.host, c.port, c.node_id.0));
            found.insert(c.key.to_string(), place);
        }
        // `CoordinatorStrategy`: these pass by asking again.
        wanted.retain(|id| {
            matches!(found.get(id), Some(Err(e)) if
                e.class.ends_with(".CoordinatorNotAvailableException")
                    || e.class.ends_with(".CoordinatorLoadInProgressException"))
        });
        let next_ms = stage.now + stage.backoff_ms(attempt);
        if wanted.is_empty() || next_ms >= deadline_ms {
            break;
        }
        stage.wait_until(next_ms)?;
    }
    Ok(found)
}

/// `Admin.describeConsumerGroups`.
pub(crate) fn describe(
    stage: &mut Stage<'_>,
    ids: &[String],
) -> Result<SortedMap<String, Result<GroupInfo, Throwable>>, Stop> {
    let unique: SortedSet<String> = ids.iter().cloned().collect();
    let ids: Vec<String> = unique.into_iter().collect();
    if ids.is_empty() {
        return Ok(SortedMap::new());
    }
    let places = coordinators(stage, &ids)?;
    // `DescribeConsumerGroupsHandler`: as groups of the consumer protocol first; what is none of
    // them, or where the broker does not know these, as classic groups.
    let mut found = SortedMap::new();
    let mut classic = Vec::new();
    let questions = ids.iter().map(|id| {
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id(id)]);
        (request.into(), Target::Coordinator(id.clone()))
    });
    let answers = stage.call_all(questions.collect())?;
    for (id, answer) in ids.into_iter().zip(answers) {
        let coordinator = places.get(&id).cloned().unwrap_or_else(|| Ok(String::new()));
        let response = expect(answer, |r| match r {
            Response::ConsumerGroupDescribe(body) => Some(body),
            _ => None,
        });
        let info =
            coordinator.and_then(|coordinator| one_consumer_group(&id, coordinator, response?));
        match info {
            Err(e) if falls_back_to_classic(&e) => classic.push(id),
            info => {
                found.insert(id, info);
            }
        }
    }
    let questions = classic.iter().map(|id| {
        let request = DescribeGroupsRequest::default().with_groups(vec![group_id(id)]);
        (request.into(), Target::Coordinator(id.clone()))
    });
    let answers = stage.call_all(questions.collect())?;
    for (id, answer) in classic.into_iter().zip(answers) {
        let coordinator = places.get(&id).cloned().unwrap_or_else(|| Ok(String::new()));
        let info = coordinator.and_then(|coordinator| {
            let response = expect(answer, |r| match r {
                Response::DescribeGroups(body) => Some(body),
                _ => None,
            })?;
            one_group(&id, coordinator, &response.groups)
        });
        found.insert(id, info);
    }
    Ok(found)
}

fn falls_back_to_classic(e: &Throwable) -> bool {
    ["GroupIdNotFoundException", "UnsupportedVersionException"]
        .iter()
        .any(|class| e.class.ends_with(class))
}

fn one_consumer_group(
    id: &str,
    coordinator: String,
    response: kafka_protocol::messages::ConsumerGroupDescribeResponse,
) -> Result<GroupInfo, Throwable> {
    use kafka_protocol::messages::consumer_group_describe_response::Assignment;
    let group =
        response.groups.into_iter().find(|g| g.group_id.as_str() == id).ok_or_else(|| {
            Throwable::new(
                "org.apache.kafka.common.errors.GroupIdNotFoundException",
                format!("Group {id} not found."),
            )
        })?;
    check(group.error_code, group.error_message.as_ref())?;
    let partitions = |assignment: &Assignment| -> SortedSet<TopicPartition> {
        let topics = assignment.topic_partitions.iter();
        topics
            .flat_map(|topic| {
                let name = topic.topic_name.to_string();
                topic.partitions.iter().map(move |index| TopicPartition::new(name.clone(), *index))
            })
            .collect()
    };
    let members = group.members.iter().map(|member| MemberInfo {
        id: member.member_id.to_string(),
        instance_id: member.instance_id.as_ref().map_or("", |s| s.as_str()).to_string(),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        assignment: partitions(&member.assignment),
        epoch: Some(member.member_epoch),
        target: partitions(&member.target_assignment),
        // -1 where the broker does not say.
        upgraded: match member.member_type {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    });
    Ok(GroupInfo {
        id: id.to_string(),
        state: group.group_state.to_string(),
        assignor: group.assignor_name.to_string(),
        coordinator,
        group_epoch: Some(group.group_epoch),
        target_epoch: Some(group.assignment_epoch),
        members: members.collect(),
    })
}

fn one_group(
    id: &str,
    coordinator: String,
    groups: &[kafka_protocol::messages::describe_groups_response::DescribedGroup],
) -> Result<GroupInfo, Throwable> {
    let group = groups.iter().find(|g| g.group_id.as_str() == id).ok_or_else(|| {
        Throwable::new(
            "org.apache.kafka.common.errors.GroupIdNotFoundException",
            format!("Group {id} not found."),
        )
    })?;
    check(group.error_code, group.error_message.as_ref())?;
    let protocol_type = group.protocol_type.as_str();
    if !protocol_type.is_empty() && protocol_type != "consumer" {
        return Err(Throwable::illegal_argument(format!(
            "GroupId {id} is not a consumer group ({protocol_type})."
        )));
    }
    let members = group.members.iter().map(|member| {
        let assignment = Assignment::decode(&member.member_assignment).unwrap_or_default();
        let partitions = assignment
            .partitions
            .iter()
            .map(|tp| TopicPartition::new(tp.topic.clone(), tp.partition));
        MemberInfo {
            id: member.member_id.to_string(),
            instance_id: member.group_instance_id.as_ref().map_or("", |s| s.as_str()).to_string(),
            client_id: member.client_id.to_string(),
            host: member.client_host.to_string(),
            assignment: partitions.collect(),
            epoch: None,
            target: SortedSet::new(),
            upgraded: None,
        }
    });
    Ok(GroupInfo {
        id: id.to_string(),
        state: group.group_state.to_string(),
        assignor: group.protocol_data.to_string(),
        coordinator,
        group_epoch: None,
        target_epoch: None,
        members: members.collect(),
    })
}

/// Offset and leader epoch of every partition that the group committed.
pub(crate) type Committed = SortedMap<TopicPartition, (i64, Option<i32>)>;

/// `Admin.listConsumerGroupOffsets`.
pub(crate) fn committed(stage: &mut Stage<'_>, id: &str) -> Result<Committed, Stop> {
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(group_id(id))
        .with_member_epoch(-1)
        .with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![group]);
    let answer = stage.call(request.into(), Target::Coordinator(id.to_string()))?;
    let response = expect(answer, |r| match r {
        Response::OffsetFetch(body) => Some(body),
        _ => None,
    })?;
    let mut offsets = Committed::new();
    for group in response.groups.iter().filter(|g| g.group_id.as_str() == id) {
        check(group.error_code, None)?;
        for topic in &group.topics {
            for p in &topic.partitions {
                check(p.error_code, None)?;
                if p.committed_offset >= 0 {
                    let tp = TopicPartition::new(topic.name.to_string(), p.partition_index);
                    let epoch = Some(p.committed_leader_epoch).filter(|e| *e >= 0);
                    offsets.insert(tp, (p.committed_offset, epoch));
                }
            }
        }
    }
    Ok(offsets)
}

/// `collectGroupsOffsets`: members with the most partitions first, then what nobody owns.
pub(crate) fn offset_rows(stage: &mut Stage<'_>, info: &GroupInfo) -> Result<Vec<OffsetRow>, Stop> {
    let committed = committed(stage, &info.id)?;
    let mut assigned: SortedSet<TopicPartition> = SortedSet::new();
    let mut members: Vec<&MemberInfo> =
        info.members.iter().filter(|m| !m.assignment.is_empty()).collect();
    logbrook_sorted::sort_by_key(&mut members, |m| std::cmp::Reverse(m.assignment.len()));
    for member in &members {
        assigned.extend(member.assignment.iter().cloned());
    }
    let unassigned: SortedSet<TopicPartition> =
        committed.keys().filter(|tp| !assigned.contains(tp)).cloned().collect();
    let all: SortedSet<TopicPartition> = assigned.union(&unassigned).cloned().collect();
    let ends = log_end_offsets(stage, &all)?;
    let mut rows = Vec::new();
    let mut push = |partitions: &SortedSet<TopicPartition>, member: Option<&MemberInfo>| {
        for tp in partitions {
            let at = committed.get(tp);
            rows.push(OffsetRow {
                group: info.id.clone(),
                topic: Some(tp.topic.clone()),
                partition: Some(tp.partition.0),
                leader_epoch: at.and_then(|(_, epoch)| *epoch),
                offset: at.map(|(offset, _)| *offset),
                log_end_offset: ends.get(tp).copied(),
                consumer_id: member.map(|m| m.id.clone()),
                host: member.map(|m| m.host.clone()),
                client_id: member.map(|m| m.client_id.clone()),
            });
        }
    };
    for member in members {
        push(&member.assignment, Some(member));
    }
    push(&unassigned, None);
    Ok(rows)
}

/// Partitions without a leader, or of topics that are gone, have no entry.
fn log_end_offsets(
    stage: &mut Stage<'_>,
    partitions: &SortedSet<TopicPartition>,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    if partitions.is_empty() {
        return Ok(SortedMap::new());
    }
    let existing: SortedSet<String> =
        admin::list_topics(stage, true)?.into_iter().map(|t| t.name).collect();
    let names: SortedSet<String> =
        partitions.iter().map(|tp| tp.topic.clone()).filter(|t| existing.contains(t)).collect();
    let names: Vec<String> = names.into_iter().collect();
    let topics = if names.is_empty() {
        SortedMap::new()
    } else {
        admin::describe_topics(stage, &names, 2000)?
    };
    let leader_of = |tp: &TopicPartition| {
        topics.get(&tp.topic)?.partitions.iter().find(|p| p.index == tp.partition.0)?.leader
    };
    let led: Vec<(TopicPartition, i32)> =
        partitions.iter().filter_map(|tp| Some((tp.clone(), leader_of(tp)?))).collect();
    const LATEST: i64 = -1;
    let led = led.into_iter().map(|(tp, _)| tp);
    let offsets = admin::list_offsets(stage, led, LATEST)?;
    Ok(offsets.into_iter().filter_map(|(tp, offset)| Some((tp, offset.ok()?))).collect())
}

/// `Admin.deleteConsumerGroups`.
pub(crate) fn delete(
    stage: &mut Stage<'_>,
    ids: &[String],
) -> Result<SortedMap<String, Result<(), Throwable>>, Stop> {
    let unique: SortedSet<String> = ids.iter().cloned().collect();
    let questions = unique.iter().map(|id| {
        let request = DeleteGroupsRequest::default().with_groups_names(vec![group_id(id)]);
        (request.into(), Target::Coordinator(id.clone()))
    });
    let answers = stage.call_all(questions.collect())?;
    let mut results = SortedMap::new();
    for (id, answer) in unique.into_iter().zip(answers) {
        let result = expect(answer, |r| match r {
            Response::DeleteGroups(body) => Some(body),
            _ => None,
        })
        .and_then(|response| {
            let code = response.results.iter().find(|r| r.group_id.as_str() == id);
            check(code.map_or(0, |r| r.error_code), None)
        });
        results.insert(id, result);
    }
    Ok(results)
}
