//! The fields of the requests, from the message definitions of Kafka 4.4
//! (`clients/src/main/resources/common/message/*Request.json`). Tagged fields are left out, as
//! they say their size themselves, but for those that hold a list.

use kafka_protocol::messages::ApiKey;

use super::Kind::{self, Bytes, Fixed, List, NullableStruct, Struct, Text};
use super::{Field, TaggedList};

const BYTE: Kind = Fixed(1);
const SHORT: Kind = Fixed(2);
const INT: Kind = Fixed(4);
const LONG: Kind = Fixed(8);
const UUID: Kind = Fixed(16);

const fn field(name: &'static str, kind: Kind, since: i16) -> Field {
    Field { name, kind, versions: (since, i16::MAX) }
}

impl Field {
    /// Its last version.
    const fn until(mut self, last: i16) -> Field {
        self.versions.1 = last;
        self
    }
}

/// The lists in tagged fields of an API's request.
pub(super) fn tagged_lists(api: ApiKey) -> &'static [TaggedList] {
    match api {
        ApiKey::BrokerHeartbeat => BROKER_HEARTBEAT_TAGGED,
        _none_has_one => &[],
    }
}

static BROKER_HEARTBEAT_TAGGED: &[TaggedList] =
    &[TaggedList { tag: 0, name: "offline_log_dirs", kind: List(&UUID) }];

/// The fields of an API's request; `None` for one that is not served.
pub(super) fn fields(api: ApiKey) -> Option<&'static [Field]> {
    Some(match api {
        ApiKey::Produce => PRODUCE,
        ApiKey::Fetch => FETCH,
        ApiKey::ListOffsets => LIST_OFFSETS,
        ApiKey::Metadata => METADATA,
        ApiKey::OffsetCommit => OFFSET_COMMIT,
        ApiKey::OffsetFetch => OFFSET_FETCH,
        ApiKey::FindCoordinator => FIND_COORDINATOR,
        ApiKey::JoinGroup => JOIN_GROUP,
        ApiKey::Heartbeat => HEARTBEAT,
        ApiKey::LeaveGroup => LEAVE_GROUP,
        ApiKey::SyncGroup => SYNC_GROUP,
        ApiKey::DescribeGroups => DESCRIBE_GROUPS,
        ApiKey::ListGroups => LIST_GROUPS,
        ApiKey::ApiVersions => API_VERSIONS,
        ApiKey::CreateTopics => CREATE_TOPICS,
        ApiKey::DeleteTopics => DELETE_TOPICS,
        ApiKey::DeleteRecords => DELETE_RECORDS,
        ApiKey::InitProducerId => INIT_PRODUCER_ID,
        ApiKey::OffsetForLeaderEpoch => OFFSET_FOR_LEADER_EPOCH,
        ApiKey::AddPartitionsToTxn => ADD_PARTITIONS_TO_TXN,
        ApiKey::AddOffsetsToTxn => ADD_OFFSETS_TO_TXN,
        ApiKey::EndTxn => END_TXN,
        ApiKey::WriteTxnMarkers => WRITE_TXN_MARKERS,
        ApiKey::TxnOffsetCommit => TXN_OFFSET_COMMIT,
        ApiKey::DescribeAcls => DESCRIBE_ACLS,
        ApiKey::CreateAcls => CREATE_ACLS,
        ApiKey::DeleteAcls => DELETE_ACLS,
        ApiKey::DescribeConfigs => DESCRIBE_CONFIGS,
        ApiKey::AlterConfigs => ALTER_CONFIGS,
        ApiKey::AlterReplicaLogDirs => ALTER_REPLICA_LOG_DIRS,
        ApiKey::DescribeLogDirs => DESCRIBE_LOG_DIRS,
        ApiKey::DescribeQuorum => DESCRIBE_QUORUM,
        ApiKey::CreatePartitions => CREATE_PARTITIONS,
        ApiKey::DeleteGroups => DELETE_GROUPS,
        ApiKey::IncrementalAlterConfigs => INCREMENTAL_ALTER_CONFIGS,
        ApiKey::AlterPartitionReassignments => ALTER_PARTITION_REASSIGNMENTS,
        ApiKey::ElectLeaders => ELECT_LEADERS,
        ApiKey::ListPartitionReassignments => LIST_PARTITION_REASSIGNMENTS,
        ApiKey::OffsetDelete => OFFSET_DELETE,
        ApiKey::DescribeClientQuotas => DESCRIBE_CLIENT_QUOTAS,
        ApiKey::AlterClientQuotas => ALTER_CLIENT_QUOTAS,
        ApiKey::DescribeUserScramCredentials => DESCRIBE_USER_SCRAM_CREDENTIALS,
        ApiKey::AlterUserScramCredentials => ALTER_USER_SCRAM_CREDENTIALS,
        ApiKey::UpdateFeatures => UPDATE_FEATURES,
        ApiKey::DescribeCluster => DESCRIBE_CLUSTER,
        ApiKey::DescribeProducers => DESCRIBE_PRODUCERS,
        ApiKey::DescribeTransactions => DESCRIBE_TRANSACTIONS,
        ApiKey::ListTransactions => LIST_TRANSACTIONS,
        ApiKey::ConsumerGroupHeartbeat => CONSUMER_GROUP_HEARTBEAT,
        ApiKey::ConsumerGroupDescribe => CONSUMER_GROUP_DESCRIBE,
        ApiKey::ListConfigResources => LIST_CONFIG_RESOURCES,
        ApiKey::DescribeTopicPartitions => DESCRIBE_TOPIC_PARTITIONS,
        ApiKey::AlterPartition => ALTER_PARTITION,
        ApiKey::Envelope => ENVELOPE,
        ApiKey::BrokerRegistration => BROKER_REGISTRATION,
        ApiKey::BrokerHeartbeat => BROKER_HEARTBEAT,
        ApiKey::UnregisterBroker => UNREGISTER_BROKER,
        ApiKey::AllocateProducerIds => ALLOCATE_PRODUCER_IDS,
        _not_served => return None,
    })
}

static PRODUCE_PARTITION_DATA: &[Field] = &[field("index", INT, 0), field("records", Bytes, 0)];
static PRODUCE_TOPIC_DATA: &[Field] = &[
    field("name", Text, 0).until(12),
    field("topic_id", UUID, 13),
    field("partition_data", List(&Struct(PRODUCE_PARTITION_DATA)), 0),
];
static PRODUCE: &[Field] = &[
    field("transactional_id", Text, 3),
    field("acks", SHORT, 0),
    field("timeout_ms", INT, 0),
    field("topic_data", List(&Struct(PRODUCE_TOPIC_DATA)), 0),
];

static FETCH_PARTITIONS: &[Field] = &[
    field("partition", INT, 0),
    field("current_leader_epoch", INT, 9),
    field("fetch_offset", LONG, 0),
    field("last_fetched_epoch", INT, 12),
    field("log_start_offset", LONG, 5),
    field("partition_max_bytes", INT, 0),
];
static FETCH_TOPICS: &[Field] = &[
    field("topic", Text, 0).until(12),
    field("topic_id", UUID, 13),
    field("partitions", List(&Struct(FETCH_PARTITIONS)), 0),
];
static FETCH_FORGOTTEN_TOPICS_DATA: &[Field] = &[
    field("topic", Text, 7).until(12),
    field("topic_id", UUID, 13),
    field("partitions", List(&INT), 7),
];
static FETCH: &[Field] = &[
    field("replica_id", INT, 0).until(14),
    field("max_wait_ms", INT, 0),
    field("min_bytes", INT, 0),
    field("max_bytes", INT, 3),
    field("isolation_level", BYTE, 4),
    field("session_id", INT, 7),
    field("session_epoch", INT, 7),
    field("topics", List(&Struct(FETCH_TOPICS)), 0),
    field("forgotten_topics_data", List(&Struct(FETCH_FORGOTTEN_TOPICS_DATA)), 7),
    field("rack_id", Text, 11),
];

static LIST_OFFSETS_PARTITIONS: &[Field] = &[
    field("partition_index", INT, 0),
    field("current_leader_epoch", INT, 4),
    field("timestamp", LONG, 0),
    field("max_num_offsets", INT, 0).until(0),
];
static LIST_OFFSETS_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partitions", List(&Struct(LIST_OFFSETS_PARTITIONS)), 0)];
static LIST_OFFSETS: &[Field] = &[
    field("replica_id", INT, 0),
    field("isolation_level", BYTE, 2),
    field("topics", List(&Struct(LIST_OFFSETS_TOPICS)), 0),
    field("timeout_ms", INT, 10),
];

static METADATA_TOPICS: &[Field] = &[field("topic_id", UUID, 10), field("name", Text, 0)];
static METADATA: &[Field] = &[
    field("topics", List(&Struct(METADATA_TOPICS)), 0),
    field("allow_auto_topic_creation", BYTE, 4),
    field("include_cluster_authorized_operations", BYTE, 8).until(10),
    field("include_topic_authorized_operations", BYTE, 8),
];

static OFFSET_COMMIT_PARTITIONS: &[Field] = &[
    field("partition_index", INT, 0),
    field("committed_offset", LONG, 0),
    field("committed_leader_epoch", INT, 6),
    field("commit_timestamp", LONG, 1).until(1),
    field("committed_metadata", Text, 0),
];
static OFFSET_COMMIT_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partitions", List(&Struct(OFFSET_COMMIT_PARTITIONS)), 0)];
static OFFSET_COMMIT: &[Field] = &[
    field("group_id", Text, 0),
    field("generation_id_or_member_epoch", INT, 1),
    field("member_id", Text, 1),
    field("group_instance_id", Text, 7),
    field("retention_time_ms", LONG, 2).until(4),
    field("topics", List(&Struct(OFFSET_COMMIT_TOPICS)), 0),
];

static OFFSET_FETCH_TOPICS: &[Field] =
    &[field("name", Text, 0).until(7), field("partition_indexes", List(&INT), 0).until(7)];
static OFFSET_FETCH_GROUP_TOPICS: &[Field] =
    &[field("name", Text, 8), field("partition_indexes", List(&INT), 8)];
static OFFSET_FETCH_GROUPS: &[Field] = &[
    field("group_id", Text, 8),
    field("member_id", Text, 9),
    field("member_epoch", INT, 9),
    field("topics", List(&Struct(OFFSET_FETCH_GROUP_TOPICS)), 8),
];
static OFFSET_FETCH: &[Field] = &[
    field("group_id", Text, 0).until(7),
    field("topics", List(&Struct(OFFSET_FETCH_TOPICS)), 0).until(7),
    field("groups", List(&Struct(OFFSET_FETCH_GROUPS)), 8),
    field("require_stable", BYTE, 7),
];

static FIND_COORDINATOR: &[Field] = &[
    field("key", Text, 0).until(3),
    field("key_type", BYTE, 1),
    field("coordinator_keys", List(&Text), 4),
];

static JOIN_GROUP_PROTOCOLS: &[Field] = &[field("name", Text, 0), field("metadata", Bytes, 0)];
static JOIN_GROUP: &[Field] = &[
    field("group_id", Text, 0),
    field("session_timeout_ms", INT, 0),
    field("rebalance_timeout_ms", INT, 1),
    field("member_id", Text, 0),
    field("group_instance_id", Text, 5),
    field("protocol_type", Text, 0),
    field("protocols", List(&Struct(JOIN_GROUP_PROTOCOLS)), 0),
    field("reason", Text, 8),
];

static HEARTBEAT: &[Field] = &[
    field("group_id", Text, 0),
    field("generation_id", INT, 0),
    field("member_id", Text, 0),
    field("group_instance_id", Text, 3),
];

static LEAVE_GROUP_MEMBERS: &[Field] =
    &[field("member_id", Text, 3), field("group_instance_id", Text, 3), field("reason", Text, 5)];
static LEAVE_GROUP: &[Field] = &[
    field("group_id", Text, 0),
    field("member_id", Text, 0).until(2),
    field("members", List(&Struct(LEAVE_GROUP_MEMBERS)), 3),
];

static SYNC_GROUP_ASSIGNMENTS: &[Field] =
    &[field("member_id", Text, 0), field("assignment", Bytes, 0)];
static SYNC_GROUP: &[Field] = &[
    field("group_id", Text, 0),
    field("generation_id", INT, 0),
    field("member_id", Text, 0),
    field("group_instance_id", Text, 3),
    field("protocol_type", Text, 5),
    field("protocol_name", Text, 5),
    field("assignments", List(&Struct(SYNC_GROUP_ASSIGNMENTS)), 0),
];

static DESCRIBE_GROUPS: &[Field] =
    &[field("groups", List(&Text), 0), field("include_authorized_operations", BYTE, 3)];

static LIST_GROUPS: &[Field] =
    &[field("states_filter", List(&Text), 4), field("types_filter", List(&Text), 5)];

static API_VERSIONS: &[Field] =
    &[field("client_software_name", Text, 3), field("client_software_version", Text, 3)];

static CREATE_TOPICS_ASSIGNMENTS: &[Field] =
    &[field("partition_index", INT, 0), field("broker_ids", List(&INT), 0)];
static CREATE_TOPICS_CONFIGS: &[Field] = &[field("name", Text, 0), field("value", Text, 0)];
static CREATE_TOPICS_TOPICS: &[Field] = &[
    field("name", Text, 0),
    field("num_partitions", INT, 0),
    field("replication_factor", SHORT, 0),
    field("assignments", List(&Struct(CREATE_TOPICS_ASSIGNMENTS)), 0),
    field("configs", List(&Struct(CREATE_TOPICS_CONFIGS)), 0),
];
static CREATE_TOPICS: &[Field] = &[
    field("topics", List(&Struct(CREATE_TOPICS_TOPICS)), 0),
    field("timeout_ms", INT, 0),
    field("validate_only", BYTE, 1),
];

static DELETE_TOPICS_TOPICS: &[Field] = &[field("name", Text, 6), field("topic_id", UUID, 6)];
static DELETE_TOPICS: &[Field] = &[
    field("topics", List(&Struct(DELETE_TOPICS_TOPICS)), 6),
    field("topic_names", List(&Text), 0).until(5),
    field("timeout_ms", INT, 0),
];

static DELETE_RECORDS_PARTITIONS: &[Field] =
    &[field("partition_index", INT, 0), field("offset", LONG, 0)];
static DELETE_RECORDS_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partitions", List(&Struct(DELETE_RECORDS_PARTITIONS)), 0)];
static DELETE_RECORDS: &[Field] =
    &[field("topics", List(&Struct(DELETE_RECORDS_TOPICS)), 0), field("timeout_ms", INT, 0)];

static INIT_PRODUCER_ID: &[Field] = &[
    field("transactional_id", Text, 0),
    field("transaction_timeout_ms", INT, 0),
    field("producer_id", LONG, 3),
    field("producer_epoch", SHORT, 3),
];

static ADD_PARTITIONS_TO_TXN_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partitions", List(&INT), 0)];
static ADD_PARTITIONS_TO_TXN_TRANSACTIONS: &[Field] = &[
    field("transactional_id", Text, 4),
    field("producer_id", LONG, 4),
    field("producer_epoch", SHORT, 4),
    field("verify_only", BYTE, 4),
    field("topics", List(&Struct(ADD_PARTITIONS_TO_TXN_TOPICS)), 4),
];
static ADD_PARTITIONS_TO_TXN: &[Field] = &[
    field("transactions", List(&Struct(ADD_PARTITIONS_TO_TXN_TRANSACTIONS)), 4),
    field("v3_and_below_transactional_id", Text, 0).until(3),
    field("v3_and_below_producer_id", LONG, 0).until(3),
    field("v3_and_below_producer_epoch", SHORT, 0).until(3),
    field("v3_and_below_topics", List(&Struct(ADD_PARTITIONS_TO_TXN_TOPICS)), 0).until(3),
];

static ADD_OFFSETS_TO_TXN: &[Field] = &[
    field("transactional_id", Text, 0),
    field("producer_id", LONG, 0),
    field("producer_epoch", SHORT, 0),
    field("group_id", Text, 0),
];

static END_TXN: &[Field] = &[
    field("transactional_id", Text, 0),
    field("producer_id", LONG, 0),
    field("producer_epoch", SHORT, 0),
    field("committed", BYTE, 0),
];

static WRITE_TXN_MARKERS_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partition_indexes", List(&INT), 0)];
static WRITE_TXN_MARKERS_MARKERS: &[Field] = &[
    field("producer_id", LONG, 0),
    field("producer_epoch", SHORT, 0),
    field("transaction_result", BYTE, 0),
    field("topics", List(&Struct(WRITE_TXN_MARKERS_TOPICS)), 0),
    field("coordinator_epoch", INT, 0),
    field("transaction_version", BYTE, 2),
];
static WRITE_TXN_MARKERS: &[Field] =
    &[field("markers", List(&Struct(WRITE_TXN_MARKERS_MARKERS)), 0)];

static TXN_OFFSET_COMMIT_PARTITIONS: &[Field] = &[
    field("partition_index", INT, 0),
    field("committed_offset", LONG, 0),
    field("committed_leader_epoch", INT, 2),
    field("committed_metadata", Text, 0),
];
static TXN_OFFSET_COMMIT_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partitions", List(&Struct(TXN_OFFSET_COMMIT_PARTITIONS)), 0)];
static TXN_OFFSET_COMMIT: &[Field] = &[
    field("transactional_id", Text, 0),
    field("group_id", Text, 0),
    field("producer_id", LONG, 0),
    field("producer_epoch", SHORT, 0),
    field("generation_id", INT, 3),
    field("member_id", Text, 3),
    field("group_instance_id", Text, 3),
    field("topics", List(&Struct(TXN_OFFSET_COMMIT_TOPICS)), 0),
];

static DESCRIBE_PRODUCERS_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partition_indexes", List(&INT), 0)];
static DESCRIBE_PRODUCERS: &[Field] =
    &[field("topics", List(&Struct(DESCRIBE_PRODUCERS_TOPICS)), 0)];

static DESCRIBE_TRANSACTIONS: &[Field] = &[field("transactional_ids", List(&Text), 0)];

static LIST_TRANSACTIONS: &[Field] = &[
    field("state_filters", List(&Text), 0),
    field("producer_id_filters", List(&LONG), 0),
    field("duration_filter", LONG, 1),
    field("transactional_id_pattern", Text, 2),
];

static DESCRIBE_CONFIGS_RESOURCES: &[Field] = &[
    field("resource_type", BYTE, 0),
    field("resource_name", Text, 0),
    field("configuration_keys", List(&Text), 0),
];
static DESCRIBE_CONFIGS: &[Field] = &[
    field("resources", List(&Struct(DESCRIBE_CONFIGS_RESOURCES)), 0),
    field("include_synonyms", BYTE, 1),
    field("include_documentation", BYTE, 3),
];

static ALTER_REPLICA_LOG_DIRS_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partitions", List(&INT), 0)];
static ALTER_REPLICA_LOG_DIRS_DIRS: &[Field] =
    &[field("path", Text, 0), field("topics", List(&Struct(ALTER_REPLICA_LOG_DIRS_TOPICS)), 0)];
static ALTER_REPLICA_LOG_DIRS: &[Field] =
    &[field("dirs", List(&Struct(ALTER_REPLICA_LOG_DIRS_DIRS)), 0)];

static DESCRIBE_LOG_DIRS_TOPICS: &[Field] =
    &[field("topic", Text, 0), field("partitions", List(&INT), 0)];
static DESCRIBE_LOG_DIRS: &[Field] = &[field("topics", List(&Struct(DESCRIBE_LOG_DIRS_TOPICS)), 0)];

static DESCRIBE_QUORUM_PARTITIONS: &[Field] = &[field("partition_index", INT, 0)];
static DESCRIBE_QUORUM_TOPICS: &[Field] = &[
    field("topic_name", Text, 0),
    field("partitions", List(&Struct(DESCRIBE_QUORUM_PARTITIONS)), 0),
];
static DESCRIBE_QUORUM: &[Field] = &[field("topics", List(&Struct(DESCRIBE_QUORUM_TOPICS)), 0)];

static ALTER_CONFIGS_CONFIGS: &[Field] = &[field("name", Text, 0), field("value", Text, 0)];
static ALTER_CONFIGS_RESOURCES: &[Field] = &[
    field("resource_type", BYTE, 0),
    field("resource_name", Text, 0),
    field("configs", List(&Struct(ALTER_CONFIGS_CONFIGS)), 0),
];
static ALTER_CONFIGS: &[Field] = &[
    field("resources", List(&Struct(ALTER_CONFIGS_RESOURCES)), 0),
    field("validate_only", BYTE, 0),
];

static CONSUMER_GROUP_HEARTBEAT_TOPIC_PARTITIONS: &[Field] =
    &[field("topic_id", UUID, 0), field("partitions", List(&INT), 0)];
static CONSUMER_GROUP_HEARTBEAT: &[Field] = &[
    field("group_id", Text, 0),
    field("member_id", Text, 0),
    field("member_epoch", INT, 0),
    field("instance_id", Text, 0),
    field("rack_id", Text, 0),
    field("rebalance_timeout_ms", INT, 0),
    field("subscribed_topic_names", List(&Text), 0),
    field("subscribed_topic_regex", Text, 1),
    field("server_assignor", Text, 0),
    field("topic_partitions", List(&Struct(CONSUMER_GROUP_HEARTBEAT_TOPIC_PARTITIONS)), 0),
];
static CONSUMER_GROUP_DESCRIBE: &[Field] =
    &[field("group_ids", List(&Text), 0), field("include_authorized_operations", BYTE, 0)];

static LIST_CONFIG_RESOURCES: &[Field] = &[field("resource_types", List(&BYTE), 1)];

static CREATE_PARTITIONS_ASSIGNMENTS: &[Field] = &[field("broker_ids", List(&INT), 0)];
static CREATE_PARTITIONS_TOPICS: &[Field] = &[
    field("name", Text, 0),
    field("count", INT, 0),
    field("assignments", List(&Struct(CREATE_PARTITIONS_ASSIGNMENTS)), 0),
];
static CREATE_PARTITIONS: &[Field] = &[
    field("topics", List(&Struct(CREATE_PARTITIONS_TOPICS)), 0),
    field("timeout_ms", INT, 0),
    field("validate_only", BYTE, 0),
];

static DELETE_GROUPS: &[Field] = &[field("groups_names", List(&Text), 0)];

static INCREMENTAL_ALTER_CONFIGS_CONFIGS: &[Field] =
    &[field("name", Text, 0), field("config_operation", BYTE, 0), field("value", Text, 0)];
static INCREMENTAL_ALTER_CONFIGS_RESOURCES: &[Field] = &[
    field("resource_type", BYTE, 0),
    field("resource_name", Text, 0),
    field("configs", List(&Struct(INCREMENTAL_ALTER_CONFIGS_CONFIGS)), 0),
];
static INCREMENTAL_ALTER_CONFIGS: &[Field] = &[
    field("resources", List(&Struct(INCREMENTAL_ALTER_CONFIGS_RESOURCES)), 0),
    field("validate_only", BYTE, 0),
];

static OFFSET_FOR_LEADER_PARTITIONS: &[Field] = &[
    field("partition", INT, 0),
    field("current_leader_epoch", INT, 2),
    field("leader_epoch", INT, 0),
];
static OFFSET_FOR_LEADER_TOPICS: &[Field] =
    &[field("topic", Text, 0), field("partitions", List(&Struct(OFFSET_FOR_LEADER_PARTITIONS)), 0)];
static OFFSET_FOR_LEADER_EPOCH: &[Field] =
    &[field("replica_id", INT, 3), field("topics", List(&Struct(OFFSET_FOR_LEADER_TOPICS)), 0)];

static DESCRIBE_ACLS: &[Field] = &[
    field("resource_type_filter", BYTE, 0),
    field("resource_name_filter", Text, 0),
    field("pattern_type_filter", BYTE, 1),
    field("principal_filter", Text, 0),
    field("host_filter", Text, 0),
    field("operation", BYTE, 0),
    field("permission_type", BYTE, 0),
];
static CREATE_ACLS_CREATIONS: &[Field] = &[
    field("resource_type", BYTE, 0),
    field("resource_name", Text, 0),
    field("resource_pattern_type", BYTE, 1),
    field("principal", Text, 0),
    field("host", Text, 0),
    field("operation", BYTE, 0),
    field("permission_type", BYTE, 0),
];
static CREATE_ACLS: &[Field] = &[field("creations", List(&Struct(CREATE_ACLS_CREATIONS)), 0)];
// A filter has the fields of DescribeAcls.
static DELETE_ACLS: &[Field] = &[field("filters", List(&Struct(DESCRIBE_ACLS)), 0)];

static ALTER_PARTITION_REASSIGNMENTS_PARTITIONS: &[Field] =
    &[field("partition_index", INT, 0), field("replicas", List(&INT), 0)];
static ALTER_PARTITION_REASSIGNMENTS_TOPICS: &[Field] = &[
    field("name", Text, 0),
    field("partitions", List(&Struct(ALTER_PARTITION_REASSIGNMENTS_PARTITIONS)), 0),
];
static ALTER_PARTITION_REASSIGNMENTS: &[Field] = &[
    field("timeout_ms", INT, 0),
    field("allow_replication_factor_change", BYTE, 1),
    field("topics", List(&Struct(ALTER_PARTITION_REASSIGNMENTS_TOPICS)), 0),
];
static LIST_PARTITION_REASSIGNMENTS_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partition_indexes", List(&INT), 0)];
static LIST_PARTITION_REASSIGNMENTS: &[Field] = &[
    field("timeout_ms", INT, 0),
    field("topics", List(&Struct(LIST_PARTITION_REASSIGNMENTS_TOPICS)), 0),
];

static ELECT_LEADERS_TOPICS: &[Field] =
    &[field("topic", Text, 0), field("partitions", List(&INT), 0)];
static ELECT_LEADERS: &[Field] = &[
    field("election_type", BYTE, 1),
    field("topic_partitions", List(&Struct(ELECT_LEADERS_TOPICS)), 0),
    field("timeout_ms", INT, 0),
];

static OFFSET_DELETE_PARTITIONS: &[Field] = &[field("partition_index", INT, 0)];
static OFFSET_DELETE_TOPICS: &[Field] =
    &[field("name", Text, 0), field("partitions", List(&Struct(OFFSET_DELETE_PARTITIONS)), 0)];
static OFFSET_DELETE: &[Field] =
    &[field("group_id", Text, 0), field("topics", List(&Struct(OFFSET_DELETE_TOPICS)), 0)];

static DESCRIBE_CLIENT_QUOTAS_COMPONENTS: &[Field] =
    &[field("entity_type", Text, 0), field("match_type", BYTE, 0), field("match", Text, 0)];
static DESCRIBE_CLIENT_QUOTAS: &[Field] = &[
    field("components", List(&Struct(DESCRIBE_CLIENT_QUOTAS_COMPONENTS)), 0),
    field("strict", BYTE, 0),
];

static ALTER_CLIENT_QUOTAS_ENTITY: &[Field] =
    &[field("entity_type", Text, 0), field("entity_name", Text, 0)];
static ALTER_CLIENT_QUOTAS_OPS: &[Field] =
    &[field("key", Text, 0), field("value", LONG, 0), field("remove", BYTE, 0)];
static ALTER_CLIENT_QUOTAS_ENTRIES: &[Field] = &[
    field("entity", List(&Struct(ALTER_CLIENT_QUOTAS_ENTITY)), 0),
    field("ops", List(&Struct(ALTER_CLIENT_QUOTAS_OPS)), 0),
];
static ALTER_CLIENT_QUOTAS: &[Field] = &[
    field("entries", List(&Struct(ALTER_CLIENT_QUOTAS_ENTRIES)), 0),
    field("validate_only", BYTE, 0),
];

static DESCRIBE_USER_SCRAM_CREDENTIALS_USERS: &[Field] = &[field("name", Text, 0)];
static DESCRIBE_USER_SCRAM_CREDENTIALS: &[Field] =
    &[field("users", List(&Struct(DESCRIBE_USER_SCRAM_CREDENTIALS_USERS)), 0)];

static ALTER_USER_SCRAM_CREDENTIALS_DELETIONS: &[Field] =
    &[field("name", Text, 0), field("mechanism", BYTE, 0)];
static ALTER_USER_SCRAM_CREDENTIALS_UPSERTIONS: &[Field] = &[
    field("name", Text, 0),
    field("mechanism", BYTE, 0),
    field("iterations", INT, 0),
    field("salt", Bytes, 0),
    field("salted_password", Bytes, 0),
];
static ALTER_USER_SCRAM_CREDENTIALS: &[Field] = &[
    field("deletions", List(&Struct(ALTER_USER_SCRAM_CREDENTIALS_DELETIONS)), 0),
    field("upsertions", List(&Struct(ALTER_USER_SCRAM_CREDENTIALS_UPSERTIONS)), 0),
];

static UPDATE_FEATURES_UPDATES: &[Field] = &[
    field("feature", Text, 0),
    field("max_version_level", SHORT, 0),
    field("allow_downgrade", BYTE, 0).until(0),
    field("upgrade_type", BYTE, 1),
];
static UPDATE_FEATURES: &[Field] = &[
    field("timeout_ms", INT, 0),
    field("feature_updates", List(&Struct(UPDATE_FEATURES_UPDATES)), 0),
    field("validate_only", BYTE, 1),
];

static DESCRIBE_CLUSTER: &[Field] = &[
    field("include_cluster_authorized_operations", BYTE, 0),
    field("endpoint_type", BYTE, 1),
    field("include_fenced_brokers", BYTE, 2),
];

static DESCRIBE_TOPIC_PARTITIONS_TOPICS: &[Field] = &[field("name", Text, 0)];
static DESCRIBE_TOPIC_PARTITIONS_CURSOR: &[Field] =
    &[field("topic_name", Text, 0), field("partition_index", INT, 0)];
static DESCRIBE_TOPIC_PARTITIONS: &[Field] = &[
    field("topics", List(&Struct(DESCRIBE_TOPIC_PARTITIONS_TOPICS)), 0),
    field("response_partition_limit", INT, 0),
    field("cursor", NullableStruct(DESCRIBE_TOPIC_PARTITIONS_CURSOR), 0),
];

static ALTER_PARTITION_ISR: &[Field] =
    &[field("broker_id", INT, 3), field("broker_epoch", LONG, 3)];
static ALTER_PARTITION_PARTITIONS: &[Field] = &[
    field("partition_index", INT, 0),
    field("leader_epoch", INT, 0),
    field("new_isr", List(&INT), 0).until(2),
    field("new_isr_with_epochs", List(&Struct(ALTER_PARTITION_ISR)), 3),
    field("leader_recovery_state", BYTE, 1),
    field("partition_epoch", INT, 0),
];
static ALTER_PARTITION_TOPICS: &[Field] = &[
    field("topic_id", UUID, 2),
    field("partitions", List(&Struct(ALTER_PARTITION_PARTITIONS)), 0),
];
static ALTER_PARTITION: &[Field] = &[
    field("broker_id", INT, 0),
    field("broker_epoch", LONG, 0),
    field("topics", List(&Struct(ALTER_PARTITION_TOPICS)), 0),
];

static ENVELOPE: &[Field] = &[
    field("request_data", Bytes, 0),
    field("request_principal", Bytes, 0),
    field("client_host_address", Bytes, 0),
];

static BROKER_REGISTRATION_LISTENERS: &[Field] = &[
    field("name", Text, 0),
    field("host", Text, 0),
    field("port", SHORT, 0),
    field("security_protocol", SHORT, 0),
];
static BROKER_REGISTRATION_FEATURES: &[Field] = &[
    field("name", Text, 0),
    field("min_supported_version", SHORT, 0),
    field("max_supported_version", SHORT, 0),
];
static BROKER_REGISTRATION: &[Field] = &[
    field("broker_id", INT, 0),
    field("cluster_id", Text, 0),
    field("incarnation_id", UUID, 0),
    field("listeners", List(&Struct(BROKER_REGISTRATION_LISTENERS)), 0),
    field("features", List(&Struct(BROKER_REGISTRATION_FEATURES)), 0),
    field("rack", Text, 0),
    field("is_migrating_zk_broker", BYTE, 1),
    field("log_dirs", List(&UUID), 2),
    field("previous_broker_epoch", LONG, 3),
];

static BROKER_HEARTBEAT: &[Field] = &[
    field("broker_id", INT, 0),
    field("broker_epoch", LONG, 0),
    field("current_metadata_offset", LONG, 0),
    field("want_fence", BYTE, 0),
    field("want_shut_down", BYTE, 0),
];

static UNREGISTER_BROKER: &[Field] = &[field("broker_id", INT, 0)];

static ALLOCATE_PRODUCER_IDS: &[Field] =
    &[field("broker_id", INT, 0), field("broker_epoch", LONG, 0)];
