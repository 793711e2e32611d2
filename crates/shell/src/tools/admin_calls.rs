//! The questions that `KafkaAdminClient` knows to ask, for the tools: each in Kafka's own terms,
//! with the exceptions that Java's future would hold.

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::describe_cluster_request::DescribeClusterRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::describe_topic_partitions_response::DescribeTopicPartitionsResponsePartition;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    BrokerId, DescribeConfigsRequest, DescribeTopicPartitionsRequest, ListGroupsRequest,
    ListOffsetsRequest, ListPartitionReassignmentsRequest, MetadataRequest, MetadataResponse,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_client::TopicPartition;
use logbrook_client::admin::Target;
use uuid::Uuid;

use super::java::Throwable;
use super::partition_leaders::{self, After, PartitionCall, PartitionResult};
use super::script::{Answer, Question, Stage, Waiting};

/// Why a straight-line tool stops where it is.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// For an answer.
    Waiting,
    /// An exception.
    Thrown(Throwable),
}

/// The end of a run: 0, or 1 after an exception, of which `print` says what the tool says.
pub(crate) fn ended(
    stage: &mut Stage<'_>,
    done: Result<(), Stop>,
    print: impl FnOnce(&mut Stage<'_>, Throwable),
) -> Result<i32, Waiting> {
    match done {
        Ok(()) => Ok(0),
        Err(Stop::Waiting) => Err(Waiting),
        Err(Stop::Thrown(thrown)) => {
            print(stage, thrown);
            Ok(1)
        }
    }
}

impl From<Waiting> for Stop {
    fn from(_: Waiting) -> Stop {
        Stop::Waiting
    }
}

impl From<Throwable> for Stop {
    fn from(thrown: Throwable) -> Stop {
        Stop::Thrown(thrown)
    }
}

/// The exception of an error code in a response, `NONE` aside.
pub(crate) fn check(code: i16, message: Option<&StrBytes>) -> Result<(), Throwable> {
    match ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError) {
        ErrorCode::None => Ok(()),
        error => {
            let text = message.map_or(error.message().to_string(), |m| m.to_string());
            Err(Throwable::new(error.exception_class(), text))
        }
    }
}

/// Takes the answer apart: the wanted kind of response, or the exception of the call.
pub(crate) fn expect<T>(
    answer: Answer,
    pick: impl FnOnce(Response) -> Option<T>,
) -> Result<T, Throwable> {
    let response = answer.map_err(|error| Throwable::from(&error))?;
    let name = response.name();
    pick(response).ok_or_else(|| {
        Throwable::new("java.lang.ClassCastException", format!("unexpected {name} response"))
    })
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName::from(StrBytes::from_string(name.to_string()))
}

/// A topic of the listing.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) id: Uuid,
}

/// `Admin.listTopics`, sorted by name.
pub(crate) fn list_topics(stage: &mut Stage<'_>, list_internal: bool) -> Result<Vec<Listed>, Stop> {
    let request = MetadataRequest::default().with_topics(None);
    let metadata = metadata(stage, request)?;
    let mut topics: Vec<Listed> = metadata
        .topics
        .iter()
        .filter(|topic| list_internal || !topic.is_internal)
        .filter_map(|topic| {
            Some(Listed { name: topic.name.as_ref()?.to_string(), id: topic.topic_id })
        })
        .collect();
    logbrook_sorted::sort_by(&mut topics, |a, b| a.name.cmp(&b.name));
    Ok(topics)
}

fn metadata(stage: &mut Stage<'_>, request: MetadataRequest) -> Result<MetadataResponse, Stop> {
    let answer = stage.call(request.into(), Target::Any)?;
    Ok(expect(answer, |r| match r {
        Response::Metadata(body) => Some(body),
        _ => None,
    })?)
}

/// One partition of a described topic.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionInfo {
    pub(crate) index: i32,
    pub(crate) leader: Option<i32>,
    pub(crate) replicas: Vec<i32>,
    pub(crate) isr: Vec<i32>,
    pub(crate) elr: Option<Vec<i32>>,
    pub(crate) last_known_elr: Option<Vec<i32>>,
}

/// A described topic, partitions in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicInfo {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<PartitionInfo>,
}

fn ids(nodes: &[BrokerId]) -> Vec<i32> {
    nodes.iter().map(|node| node.0).collect()
}

fn leader(id: BrokerId) -> Option<i32> {
    (id.0 >= 0).then_some(id.0)
}

/// `Admin.describeTopics` by name: all of them, or the first one's exception.
pub(crate) fn describe_topics(
    stage: &mut Stage<'_>,
    names: &[String],
    partitions_per_response: i32,
) -> Result<SortedMap<String, TopicInfo>, Stop> {
    let described = describe_each_topic(stage, names, partitions_per_response)?;
    let topics = described.into_iter().map(|(name, topic)| Ok((name, topic?)));
    Ok(topics.collect::<Result<_, Throwable>>()?)
}

/// `Admin.describeTopics` by name, page by page (DescribeTopicPartitions): each topic, or its
/// exception.
pub(crate) fn describe_each_topic(
    stage: &mut Stage<'_>,
    names: &[String],
    partitions_per_response: i32,
) -> Result<SortedMap<String, Result<TopicInfo, Throwable>>, Stop> {
    let mut topics: SortedMap<String, TopicInfo> = SortedMap::new();
    let mut errors: SortedMap<String, Throwable> = SortedMap::new();
    let mut cursor: Option<Cursor> = None;
    let mut sorted = names.to_vec();
    logbrook_sorted::sort(&mut sorted);
    loop {
        let rest = sorted
            .iter()
            .filter(|name| cursor.as_ref().is_none_or(|c| name.as_str() >= c.topic_name.as_str()));
        let request = DescribeTopicPartitionsRequest::default()
            .with_topics(rest.map(|n| TopicRequest::default().with_name(topic_name(n))).collect())
            .with_response_partition_limit(partitions_per_response)
            .with_cursor(cursor.take());
        let answer = stage.call(request.into(), Target::Any)?;
        let response = expect(answer, |r| match r {
            Response::DescribeTopicPartitions(body) => Some(body),
            _ => None,
        })?;
        for topic in &response.topics {
            let name = topic.name.as_ref().map(|n| n.to_string()).unwrap_or_default();
            if let Err(error) = check(topic.error_code, None) {
                errors.insert(name, error);
                continue;
            }
            let info = topics.entry(name.clone()).or_default();
            info.name = name;
            info.id = topic.topic_id;
            info.partitions.extend(topic.partitions.iter().map(partition));
        }
        match response.next_cursor {
            Some(next) => {
                cursor = Some(
                    Cursor::default()
                        .with_topic_name(next.topic_name)
                        .with_partition_index(next.partition_index),
                );
            }
            None => break,
        }
    }
    for topic in topics.values_mut() {
        logbrook_sorted::sort_by_key(&mut topic.partitions, |p| p.index);
    }
    let topics = topics.into_iter().map(|(name, topic)| (name, Ok(topic)));
    Ok(topics.chain(errors.into_iter().map(|(name, error)| (name, Err(error)))).collect())
}

fn partition(p: &DescribeTopicPartitionsResponsePartition) -> PartitionInfo {
    PartitionInfo {
        index: p.partition_index,
        leader: leader(p.leader_id),
        replicas: ids(&p.replica_nodes),
        isr: ids(&p.isr_nodes),
        elr: p.eligible_leader_replicas.as_deref().map(ids),
        last_known_elr: p.last_known_elr.as_deref().map(ids),
    }
}

/// `Admin.describeTopics` by id (Metadata: no ELR in it).
pub(crate) fn describe_topic_id(stage: &mut Stage<'_>, id: Uuid) -> Result<TopicInfo, Stop> {
    let topic = MetadataRequestTopic::default().with_topic_id(id).with_name(None);
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    let response = metadata(stage, request)?;
    let topic = response.topics.first().ok_or_else(|| {
        Throwable::new(
            "org.apache.kafka.common.errors.InvalidTopicException",
            format!("TopicId {} not found.", super::java::uuid_text(id)),
        )
    })?;
    check(topic.error_code, None)?;
    let mut partitions: Vec<PartitionInfo> = topic
        .partitions
        .iter()
        .map(|p| PartitionInfo {
            index: p.partition_index,
            leader: leader(p.leader_id),
            replicas: ids(&p.replica_nodes),
            isr: ids(&p.isr_nodes),
            elr: None,
            last_known_elr: None,
        })
        .collect();
    logbrook_sorted::sort_by_key(&mut partitions, |p| p.index);
    let name = topic.name.as_ref().map(|n| n.to_string()).unwrap_or_default();
    Ok(TopicInfo { name, id: topic.topic_id, partitions })
}

/// One entry of `Admin.describeConfigs`.
#[derive(Clone, Debug)]
pub(crate) struct ConfigEntry {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) is_default: bool,
}

/// `ConfigResource.Type.TOPIC`.
const TOPIC: i8 = 2;
/// `ConfigSource.DEFAULT_CONFIG`.
const DEFAULT_CONFIG: i8 = 5;

/// `Admin.describeConfigs` of topics.
pub(crate) fn topic_configs(
    stage: &mut Stage<'_>,
    topics: &[String],
) -> Result<SortedMap<String, Result<Vec<ConfigEntry>, Throwable>>, Stop> {
    if topics.is_empty() {
        return Ok(SortedMap::new());
    }
    let resource = |name: &String| {
        DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(StrBytes::from_string(name.clone()))
            .with_configuration_keys(None)
    };
    let request =
        DescribeConfigsRequest::default().with_resources(topics.iter().map(resource).collect());
    let answer = stage.call(request.into(), Target::Any)?;
    let response = expect(answer, |r| match r {
        Response::DescribeConfigs(body) => Some(body),
        _ => None,
    })?;
    let results = response.results.into_iter().map(|result| {
        let entries = check(result.error_code, result.error_message.as_ref()).map(|()| {
            let mut entries: SortedMap<String, ConfigEntry> = SortedMap::new();
            for config in &result.configs {
                let name = config.name.to_string();
                let entry = ConfigEntry {
                    name: name.clone(),
                    value: config.value.as_ref().map(|v| v.to_string()),
                    is_default: config.config_source == DEFAULT_CONFIG,
                };
                entries.insert(name, entry);
            }
            // Java's `Config` keeps its entries in a map, and the tools print them as they come.
            let names: Vec<String> = entries.keys().cloned().collect();
            let order = super::java::hash_order(names, 16);
            order.iter().filter_map(|name| entries.remove(name)).collect()
        });
        (result.resource_name.to_string(), entries)
    });
    Ok(results.collect())
}

/// A broker that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveBroker {
    pub(crate) id: i32,
    pub(crate) rack: Option<String>,
}

/// `Admin.describeCluster().nodes()`.
pub(crate) fn describe_cluster(stage: &mut Stage<'_>) -> Result<Vec<LiveBroker>, Stop> {
    let question = Question::new(DescribeClusterRequest::default(), Target::Any);
    let answer = stage.ask(question.named("listNodes"))?;
    let response = expect(answer, |r| match r {
        Response::DescribeCluster(body) => Some(body),
        _ => None,
    })?;
    check(response.error_code, response.error_message.as_ref())?;
    let brokers = response.brokers.iter().map(|broker| LiveBroker {
        id: broker.broker_id.0,
        rack: broker.rack.as_ref().map(|rack| rack.to_string()),
    });
    Ok(brokers.collect())
}

/// `Admin.describeCluster().nodes()`: their ids.
pub(crate) fn live_brokers(stage: &mut Stage<'_>) -> Result<Vec<i32>, Stop> {
    Ok(describe_cluster(stage)?.into_iter().map(|broker| broker.id).collect())
}

/// A partition that is being moved.
#[derive(Clone, Debug)]
pub(crate) struct Reassignment {
    pub(crate) replicas: Vec<i32>,
    pub(crate) adding: Vec<i32>,
    pub(crate) removing: Vec<i32>,
}

/// `Admin.listPartitionReassignments`, of these partitions (by topic) or of all.
pub(crate) fn reassignments(
    stage: &mut Stage<'_>,
    partitions: Option<&SortedMap<String, Vec<i32>>>,
) -> Result<SortedMap<(String, i32), Reassignment>, Stop> {
    let wanted = partitions.map(|topics| {
        let topics = topics.iter().map(|(topic, partitions)| {
            ListPartitionReassignmentsTopics::default()
                .with_name(topic_name(topic))
                .with_partition_indexes(partitions.clone())
        });
        topics.collect()
    });
    let request =
        ListPartitionReassignmentsRequest::default().with_topics(wanted).with_timeout_ms(60_000);
    let answer = stage.call(request.into(), Target::Controller)?;
    let response = expect(answer, |r| match r {
        Response::ListPartitionReassignments(body) => Some(body),
        _ => None,
    })?;
    check(response.error_code, response.error_message.as_ref())?;
    let mut found = SortedMap::new();
    for topic in &response.topics {
        for p in &topic.partitions {
            let reassignment = Reassignment {
                replicas: ids(&p.replicas),
                adding: ids(&p.adding_replicas),
                removing: ids(&p.removing_replicas),
            };
            found.insert((topic.name.to_string(), p.partition_index), reassignment);
        }
    }
    Ok(found)
}

/// `Admin.listOffsets`: a result for every partition.
pub(crate) fn list_offsets(
    stage: &mut Stage<'_>,
    partitions: impl IntoIterator<Item = TopicPartition>,
    timestamp: i64,
) -> Result<SortedMap<TopicPartition, PartitionResult<i64>>, Stop> {
    partition_leaders::call(stage, &ListOffsets { timestamp }, partitions)
}

struct ListOffsets {
    timestamp: i64,
}

/// `ListOffsetsHandler`.
impl PartitionCall for ListOffsets {
    type Value = i64;
    const NAME: &'static str = "listOffsets";
    const API: &'static str = "LIST_OFFSETS";
    const LOGGER: &'static str = "org.apache.kafka.clients.admin.internals.ListOffsetsHandler";
    const LOGGED: &'static str = "ListOffsets";
    const TOLERATES_UNKNOWN_TOPICS: bool = false;

    fn request(&self, partitions: &SortedMap<String, Vec<i32>>, timeout_ms: i32) -> Request {
        let topics = partitions.iter().map(|(topic, partitions)| {
            let partitions = partitions.iter().map(|p| {
                ListOffsetsPartition::default()
                    .with_partition_index(*p)
                    .with_timestamp(self.timestamp)
            });
            ListOffsetsTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(partitions.collect())
        });
        ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_timeout_ms(timeout_ms)
            .with_topics(topics.collect())
            .into()
    }

    fn results(&self, response: Response) -> Option<Vec<(TopicPartition, i16, i64)>> {
        let Response::ListOffsets(response) = response else { return None };
        let topics = response.topics.into_iter().flat_map(|topic| {
            let name = topic.name.to_string();
            topic.partitions.into_iter().map(move |p| {
                (TopicPartition::new(name.clone(), p.partition_index), p.error_code, p.offset)
            })
        });
        Some(topics.collect())
    }

    fn after(error: ErrorCode) -> After {
        match error {
            ErrorCode::NotLeaderOrFollower | ErrorCode::LeaderNotAvailable => After::Lookup,
            error if error.is_retriable() => After::Retry,
            _ => After::Fail,
        }
    }
}

/// A listed group.
#[derive(Clone, Debug)]
pub(crate) struct ListedGroup {
    pub(crate) id: String,
    pub(crate) protocol_type: String,
    pub(crate) state: String,
    pub(crate) group_type: String,
}

/// `Admin.listGroups`: every broker is asked; in the order of Java's map.
pub(crate) fn list_groups(
    stage: &mut Stage<'_>,
    states: &[String],
    types: &[String],
) -> Result<Vec<ListedGroup>, Stop> {
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let answer = stage.ask(Question::new(request, Target::Any).named("findAllBrokers"))?;
    let brokers = expect(answer, |r| match r {
        Response::Metadata(body) => Some(body),
        _ => None,
    })
    .map_err(|e| {
        let message = "Failed to find brokers to send ListGroups";
        Throwable::new("org.apache.kafka.common.KafkaException", message).caused_by(&e)
    })?;
    let text = |words: &[String]| -> Vec<StrBytes> {
        words.iter().map(|w| StrBytes::from_string(w.clone())).collect()
    };
    let question = |node: i32| {
        let request = ListGroupsRequest::default()
            .with_states_filter(text(states))
            .with_types_filter(text(types));
        (Request::from(request), Target::Node(node))
    };
    let nodes = brokers.brokers.iter().map(|b| question(b.node_id.0)).collect();
    let mut groups: SortedMap<String, ListedGroup> = SortedMap::new();
    let mut order = Vec::new();
    for answer in stage.call_all(nodes)? {
        let response = expect(answer, |r| match r {
            Response::ListGroups(body) => Some(body),
            _ => None,
        })?;
        check(response.error_code, None)?;
        for group in &response.groups {
            let id = group.group_id.to_string();
            order.push(id.clone());
            let listed = ListedGroup {
                id: id.clone(),
                protocol_type: group.protocol_type.to_string(),
                state: group.group_state.to_string(),
                group_type: group.group_type.to_string(),
            };
            groups.insert(id, listed);
        }
    }
    let order = super::java::hash_order(order, 16);
    Ok(order.iter().filter_map(|id| groups.remove(id)).collect())
}
