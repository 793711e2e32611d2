//! Metadata, versions 0 to 13.
//!
//! Topics by name, by id (from version 12) or all; creates missing topics where both the request
//! and `auto.create.topics.enable` allow it, and says `UNKNOWN_TOPIC_OR_PARTITION` while it does,
//! as `AutoTopicCreationManager`: the client asks again. Different from Kafka 4.4: no authorizer;
//! topics come in the order of the request, all topics sorted by name.

use logbrook_sorted::SortedSet;

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, CreateTopicsRequest, MetadataRequest, MetadataResponse, TopicName,
};
use uuid::Uuid;

use super::{
    AUTHORIZED_OPERATIONS_OMITTED, Reply, RequestContext, authorized_operations as operations,
    broker_ids, now, text, topic_name,
};
use crate::topic_name::{is_internal, validate};
use crate::{Broker, Cause, Effects, ErrorCode, TopicImage};

/// First version that asks by topic id.
const TOPIC_ID_VERSION: i16 = 12;
/// First version that tells authorized operations (KIP-430).
const OPERATIONS_VERSION: i16 = 8;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: MetadataRequest,
    effects: &mut Effects,
) -> Reply {
    let version = ctx.version();
    // An empty list meant all topics once; a null list has done so since version 1.
    let wanted = match request.topics {
        Some(topics) if version > 0 || !topics.is_empty() => Some(topics),
        Some(_) | None => None,
    };
    let mut missing: Vec<String> = Vec::new();
    let topics = match wanted {
        None => broker.image.topics().values().map(|topic| known(broker, version, topic)).collect(),
        Some(wanted) => {
            let bad = wanted.iter().any(|topic| {
                version < TOPIC_ID_VERSION && (topic.name.is_none() || !topic.topic_id.is_nil())
            });
            if bad {
                return now(refused(broker, wanted.into_iter().filter_map(|topic| topic.name)));
            }
            // Any id in the request, and names are not looked at.
            let by_id = wanted.iter().any(|topic| !topic.topic_id.is_nil());
            let mut seen = SortedSet::new();
            let mut topics = Vec::new();
            for topic in wanted {
                let name = topic.name.unwrap_or_default();
                if by_id {
                    if topic.topic_id.is_nil() || !seen.insert((topic.topic_id, name.clone())) {
                        continue;
                    }
                    topics.push(match broker.image.topic_by_id(topic.topic_id) {
                        Some(topic) => known(broker, version, topic),
                        None => unknown(ErrorCode::UnknownTopicId, None, topic.topic_id),
                    });
                } else if seen.insert((Uuid::nil(), name.clone())) {
                    topics.push(match broker.image.topic(name.as_str()) {
                        Some(topic) => known(broker, version, topic),
                        None => {
                            let error = if validate(name.as_str()).is_err() {
                                ErrorCode::InvalidTopicException
                            } else {
                                missing.push(name.to_string());
                                ErrorCode::UnknownTopicOrPartition
                            };
                            unknown(error, Some(name), Uuid::nil())
                        }
                    });
                }
            }
            topics
        }
    };
    let mut response = response(broker, topics);
    // The cluster's have been DescribeCluster's since version 11 (KIP-700).
    if (OPERATIONS_VERSION..=10).contains(&version) && request.include_cluster_authorized_operations
    {
        response.cluster_authorized_operations = operations::CLUSTER;
    }
    if version >= OPERATIONS_VERSION && request.include_topic_authorized_operations {
        let unknown_id = ErrorCode::UnknownTopicId.code();
        for topic in response.topics.iter_mut().filter(|topic| topic.error_code != unknown_id) {
            topic.topic_authorized_operations = operations::TOPIC;
        }
    }
    if request.allow_auto_topic_creation && broker.config.flag("auto.create.topics.enable") {
        broker.auto_create_topics(ctx.now, &missing, ctx.cause(), effects);
    }
    now(response)
}

fn response(broker: &Broker, topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
    let unfenced = broker.image.brokers().values().filter(|registered| !registered.fenced);
    let brokers = unfenced.map(|registered| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(registered.broker_id))
            .with_host(text(registered.host.clone()))
            .with_port(i32::from(registered.port))
            .with_rack(registered.rack.clone().map(text))
    });
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(text(broker.config.cluster_id.clone())))
        .with_controller_id(BrokerId(broker.config.node_id))
        .with_topics(topics)
        .with_cluster_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED)
}

/// `MetadataRequest.getErrorResponse` for `INVALID_REQUEST`.
fn refused(broker: &Broker, names: impl Iterator<Item = TopicName>) -> MetadataResponse {
    let topics =
        names.map(|name| unknown(ErrorCode::InvalidRequest, Some(name), Uuid::nil())).collect();
    response(broker, topics)
}

fn unknown(error: ErrorCode, name: Option<TopicName>, topic_id: Uuid) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(error.code())
        .with_is_internal(name.as_ref().is_some_and(|name| is_internal(name.as_str())))
        .with_name(name)
        .with_topic_id(topic_id)
        .with_topic_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED)
}

fn known(broker: &Broker, version: i16, topic: &TopicImage) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter().map(|(index, partition)| {
        let replicas = partition.replicas.iter().copied();
        let offline: Vec<i32> = replicas.filter(|id| !broker.image.is_unfenced(*id)).collect();
        let (error, leader) = if broker.image.broker(partition.leader).is_some() {
            (ErrorCode::None, partition.leader)
        } else {
            (ErrorCode::LeaderNotAvailable, -1)
        };
        MetadataResponsePartition::default()
            .with_error_code(error.code())
            .with_partition_index(*index)
            .with_leader_id(BrokerId(leader))
            .with_leader_epoch(if version >= 7 { partition.leader_epoch } else { -1 })
            .with_replica_nodes(broker_ids(&partition.replicas))
            .with_isr_nodes(broker_ids(&partition.isr))
            .with_offline_replicas(broker_ids(&offline))
    });
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_topic_id(topic.id)
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED)
}

impl Broker {
    /// Creates topics with the broker's defaults, the internal ones as their owners want them
    /// (`AutoTopicCreationManager.creatableTopic`). What cannot be created is left: who asked
    /// goes on seeing that it is not there.
    pub(crate) fn auto_create_topics(
        &mut self,
        now: i64,
        names: &[String],
        cause: Option<Cause>,
        effects: &mut Effects,
    ) {
        if self.membership.is_some() {
            return self.request_topics(now, names, effects);
        }
        for name in names {
            let topic = self.creatable_topic(name);
            let request = CreateTopicsRequest::default().with_topics(vec![topic]);
            let result = self.controller.create_topics(&self.image, &self.config, &request);
            self.commit(now, result.records, cause, effects);
        }
    }

    pub(crate) fn creatable_topic(&self, name: &str) -> CreatableTopic {
        let number = |key| self.config.number(key);
        let (partitions, factor, configs) = match name {
            "__consumer_offsets" => (
                number("offsets.topic.num.partitions"),
                number("offsets.topic.replication.factor"),
                vec![
                    ("cleanup.policy", "compact".to_owned()),
                    ("compression.type", "producer".to_owned()),
                    ("segment.bytes", number("offsets.topic.segment.bytes").to_string()),
                ],
            ),
            "__transaction_state" => (
                number("transaction.state.log.num.partitions"),
                number("transaction.state.log.replication.factor"),
                vec![
                    ("unclean.leader.election.enable", "false".to_owned()),
                    ("compression.type", "uncompressed".to_owned()),
                    ("cleanup.policy", "compact".to_owned()),
                    ("min.insync.replicas", number("transaction.state.log.min.isr").to_string()),
                    ("segment.bytes", number("transaction.state.log.segment.bytes").to_string()),
                ],
            ),
            _ => (number("num.partitions"), number("default.replication.factor"), Vec::new()),
        };
        let configs = configs.into_iter().map(|(name, value)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        });
        CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(i32::try_from(partitions).unwrap_or(i32::MAX))
            .with_replication_factor(i16::try_from(factor).unwrap_or(i16::MAX))
            .with_configs(configs.collect())
    }
}
