//! `kafka-broker-api-versions.sh` (`org.apache.kafka.tools.BrokerApiVersionsCommand`).

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, MetadataRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::{Request, Response};
use logbrook_client::Process;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_sorted::SortedMap;

use super::admin_calls::{Stop, ended, expect};
use super::java::Throwable;
use super::options::OptionTable;
use super::script::{Question, Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, admin_config};

pub(crate) const HELP: &str = include_str!("help/kafka-broker-api-versions.txt");

/// `ApiKeys.clientApis` of 4.3.1, the release of the tools: number, name and newest version.
const CLIENT_APIS: &[(i16, &str, i16)] = &[
    (0, "Produce", 13),
    (1, "Fetch", 18),
    (2, "ListOffsets", 11),
    (3, "Metadata", 13),
    (8, "OffsetCommit", 10),
    (9, "OffsetFetch", 10),
    (10, "FindCoordinator", 6),
    (11, "JoinGroup", 9),
    (12, "Heartbeat", 4),
    (13, "LeaveGroup", 5),
    (14, "SyncGroup", 5),
    (15, "DescribeGroups", 6),
    (16, "ListGroups", 5),
    (17, "SaslHandshake", 1),
    (18, "ApiVersions", 4),
    (19, "CreateTopics", 7),
    (20, "DeleteTopics", 6),
    (21, "DeleteRecords", 2),
    (22, "InitProducerId", 5),
    (23, "OffsetForLeaderEpoch", 4),
    (24, "AddPartitionsToTxn", 5),
    (25, "AddOffsetsToTxn", 4),
    (26, "EndTxn", 5),
    (27, "WriteTxnMarkers", 2),
    (28, "TxnOffsetCommit", 5),
    (29, "DescribeAcls", 3),
    (30, "CreateAcls", 3),
    (31, "DeleteAcls", 3),
    (32, "DescribeConfigs", 4),
    (33, "AlterConfigs", 2),
    (34, "AlterReplicaLogDirs", 2),
    (35, "DescribeLogDirs", 5),
    (36, "SaslAuthenticate", 2),
    (37, "CreatePartitions", 3),
    (38, "CreateDelegationToken", 3),
    (39, "RenewDelegationToken", 2),
    (40, "ExpireDelegationToken", 2),
    (41, "DescribeDelegationToken", 3),
    (42, "DeleteGroups", 2),
    (43, "ElectLeaders", 2),
    (44, "IncrementalAlterConfigs", 1),
    (45, "AlterPartitionReassignments", 1),
    (46, "ListPartitionReassignments", 0),
    (47, "OffsetDelete", 0),
    (48, "DescribeClientQuotas", 1),
    (49, "AlterClientQuotas", 1),
    (50, "DescribeUserScramCredentials", 0),
    (51, "AlterUserScramCredentials", 0),
    (55, "DescribeQuorum", 2),
    (57, "UpdateFeatures", 2),
    (60, "DescribeCluster", 2),
    (61, "DescribeProducers", 0),
    (64, "UnregisterBroker", 0),
    (65, "DescribeTransactions", 0),
    (66, "ListTransactions", 2),
    (68, "ConsumerGroupHeartbeat", 1),
    (69, "ConsumerGroupDescribe", 1),
    (71, "GetTelemetrySubscriptions", 0),
    (72, "PushTelemetry", 0),
    (74, "ListConfigResources", 1),
    (75, "DescribeTopicPartitions", 0),
    (76, "ShareGroupHeartbeat", 1),
    (77, "ShareGroupDescribe", 1),
    (78, "ShareFetch", 2),
    (79, "ShareAcknowledge", 2),
    (80, "AddRaftVoter", 1),
    (81, "RemoveRaftVoter", 0),
    (83, "InitializeShareGroupState", 0),
    (84, "ReadShareGroupState", 0),
    (85, "WriteShareGroupState", 1),
    (86, "DeleteShareGroupState", 0),
    (87, "ReadShareGroupStateSummary", 1),
    (88, "StreamsGroupHeartbeat", 0),
    (89, "StreamsGroupDescribe", 0),
    (90, "DescribeShareGroupOffsets", 1),
    (91, "AlterShareGroupOffsets", 0),
    (92, "DeleteShareGroupOffsets", 0),
];

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(ApiVersions, AdminConfig), Early> {
    let thrown = |e: Throwable| Early::error(e.message_and_trace());
    let options = table.parse(argv).map_err(|e| thrown(e.into()))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.required(&["bootstrap-server"])?;
    let value = |name| options.value(name).map_err(|e| thrown(e.into()));
    let servers = value("bootstrap-server")?;
    let config = admin_config(env, value("command-config")?, servers, &[], thrown)?;
    let servers = servers.unwrap_or_default().to_owned();
    Ok((ApiVersions { servers }, config))
}

#[derive(Clone)]
struct ApiVersions {
    servers: String,
}

impl Script for ApiVersions {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = self.list(stage);
        ended(stage, done, |stage, thrown| stage.err(thrown.message_and_trace()))
    }
}

impl ApiVersions {
    fn list(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let request = MetadataRequest::default().with_topics(None);
        let answer = stage.ask(Question::new(request, Target::Any).once())?;
        let metadata = expect(answer, |r| match r {
            Response::Metadata(body) => Some(body),
            _ => None,
        })
        .map_err(|_| {
            let nodes = self.servers.split(',').zip(1..);
            let nodes: Vec<String> = nodes.map(|(at, id)| node(at, -id, "null")).collect();
            let message = format!("Request METADATA failed on brokers [{}]", nodes.join(", "));
            Throwable::new("java.lang.RuntimeException", message)
        })?;
        let ask = |id: i32| {
            let request = ApiVersionsRequest::default()
                .with_client_software_name(StrBytes::from_static_str("apache-kafka-java"))
                .with_client_software_version(StrBytes::from_static_str("4.3.1"));
            (Request::from(request), Target::Node(id))
        };
        let questions = metadata.brokers.iter().map(|broker| ask(broker.node_id.0)).collect();
        let answers = stage.call_all(questions)?;
        for (broker, answer) in metadata.brokers.iter().zip(answers) {
            let rack = broker.rack.as_ref().map_or("null", |rack| rack.as_str());
            let at = format!("{}:{}", broker.host, broker.port);
            let versions = expect(answer, |r| match r {
                Response::ApiVersions(body) => Some(body),
                _ => None,
            });
            let text = versions
                .map(|response| shown(&response))
                .unwrap_or_else(|e| format!("ERROR: {}", e.message_text()));
            stage.out(format!("{} -> {text}\n", node(&at, broker.node_id.0, rack)));
        }
        Ok(())
    }
}

/// `Node.toString`.
fn node(at: &str, id: i32, rack: &str) -> String {
    format!("{at} (id: {id} rack: {rack} isFenced: false)")
}

/// `NodeApiVersions.toString`, by number: what is not served is said of the APIs that the tool knows.
fn shown(response: &ApiVersionsResponse) -> String {
    let unsupported =
        CLIENT_APIS.iter().map(|(key, name, _)| (*key, format!("{name}({key}): UNSUPPORTED")));
    let mut lines: SortedMap<i16, String> = unsupported.collect();
    lines.extend(response.api_keys.iter().map(|api| (api.api_key, line(api))));
    let lines: Vec<String> = lines.into_values().collect();
    format!("(\n\t{}\n)", lines.join(",\n\t"))
}

/// `apiVersionToText`.
fn line(api: &ApiVersion) -> String {
    let (key, min, max) = (api.api_key, api.min_version, api.max_version);
    let range = if min == max { min.to_string() } else { format!("{min} to {max}") };
    match CLIENT_APIS.iter().find(|(known, ..)| *known == key) {
        Some((_, name, newest)) if min <= *newest => {
            format!("{name}({key}): {range} [usable: {}]", max.min(*newest))
        }
        Some((_, name, _)) => format!("{name}({key}): {range} [unusable: node too new]"),
        None => format!("UNKNOWN({key}): {range}"),
    }
}
