//! `kafka-metadata-quorum.sh` (`org.apache.kafka.tools.MetadataQuorumCommand`): what it describes.

use kafka_protocol::messages::DescribeQuorumRequest;
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::describe_quorum_response::{
    DescribeQuorumResponse, PartitionData as Described, ReplicaState,
};
use logbrook_broker::wire::Response;
use logbrook_client::Process;
use logbrook_client::admin::{AdminConfig, Target};

use super::admin_calls::{Stop, check, ended, expect, topic_name};
use super::argparse::{Action, Arg, Exclusive, Refused, Spec, arg, parse};
use super::java::{Throwable, uuid_text};
use super::kafka_cluster::{admin_config, describe_cluster};
use super::options::OptionTable;
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Early, ToolEnv, load_props};

pub(crate) const HELP: &str = include_str!("help/kafka-metadata-quorum.txt");

static SPEC: Spec = Spec {
    name: "kafka-metadata-quorum",
    help: HELP,
    args: &[
        arg(&["--bootstrap-server"], Action::Store),
        arg(&["--bootstrap-controller"], Action::Store),
        arg(&["--command-config"], Action::Store),
    ],
    exclusive: &[Exclusive {
        names: &["--bootstrap-server", "--bootstrap-controller"],
        required: true,
    }],
    commands: &[
        Spec {
            name: "describe",
            help: include_str!("help/kafka-metadata-quorum-describe.txt"),
            args: &[
                arg(&["--status"], Action::StoreTrue),
                arg(&["--replication"], Action::StoreTrue),
                arg(&["--human-readable"], Action::StoreTrue),
            ],
            exclusive: &[],
            commands: &[],
        },
        Spec {
            name: "add-controller",
            help: include_str!("help/kafka-metadata-quorum-add-controller.txt"),
            args: &[arg(&["--dry-run"], Action::StoreTrue)],
            exclusive: &[],
            commands: &[],
        },
        Spec {
            name: "remove-controller",
            help: include_str!("help/kafka-metadata-quorum-remove-controller.txt"),
            args: &[
                Arg {
                    names: &["--controller-id", "-i"],
                    action: Action::StoreInteger,
                    required: true,
                },
                Arg {
                    names: &["--controller-directory-id", "-d"],
                    action: Action::Store,
                    required: true,
                },
                arg(&["--dry-run"], Action::StoreTrue),
            ],
            exclusive: &[],
            commands: &[],
        },
    ],
};

/// Reads the options and starts the command.
pub(crate) fn start(
    _table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(argv, env), env.seed)
}

fn prepare(argv: &[String], env: &ToolEnv) -> Result<(Describe, AdminConfig), Early> {
    let namespace = parse(&SPEC, argv).map_err(|refused| match refused {
        Refused::Help(help) => Early { out: help.to_owned(), ..Early::default() },
        Refused::Wrong { usage, message } => {
            Early::error(Refused::printed(usage, SPEC.name, &message))
        }
    })?;
    let thrown = |thrown: Throwable| Early::error(thrown.message_and_trace());
    let mut properties = match namespace.get("--command-config") {
        Some(file) if !env.files.contains_key(file) => {
            return Err(Early::error(format!("Properties file {file} does not exists!\n")));
        }
        Some(file) => load_props(env, file).map_err(thrown)?,
        None => Default::default(),
    };
    if namespace.command != "describe" {
        return Err(Early::not_modelled(namespace.command));
    }
    let terse = |message: &str| Err(Early::error(format!("{message}\n")));
    let replication = namespace.has("--replication");
    match (namespace.has("--status"), replication) {
        (true, true) => {
            return terse(
                "Only one of --status or --replication should be specified with describe \
                 sub-command",
            );
        }
        (false, false) => {
            return terse(
                "One of --status or --replication must be specified with describe sub-command",
            );
        }
        (true, false) if namespace.has("--human-readable") => {
            return terse("The option --human-readable is only supported along with --replication");
        }
        (true, false) | (false, true) => {}
    }
    let Some(servers) = namespace.get("--bootstrap-server") else {
        return Err(Early::not_modelled("--bootstrap-controller of this tool"));
    };
    properties.insert("bootstrap.servers".into(), servers.to_owned());
    let config = admin_config(&properties, servers, &thrown)?;
    let human_readable = namespace.has("--human-readable");
    Ok((Describe { replication, human_readable }, config))
}

#[derive(Clone)]
struct Describe {
    /// `--replication`, else `--status`.
    replication: bool,
    human_readable: bool,
}

impl Script for Describe {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = if self.replication { self.replication(stage) } else { status(stage) };
        ended(stage, done, |stage, thrown| {
            stage.err(Throwable::execution(&thrown).message_and_trace());
        })
    }
}

/// `Admin.describeMetadataQuorum`: the response and its one partition.
fn describe_quorum(stage: &mut Stage<'_>) -> Result<(DescribeQuorumResponse, Described), Stop> {
    let topic = TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![PartitionData::default().with_partition_index(0)]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let answer = stage.call(request.into(), Target::Any)?;
    let response = expect(answer, |r| match r {
        Response::DescribeQuorum(body) => Some(body),
        _ => None,
    })?;
    check(response.error_code, response.error_message.as_ref())?;
    let partition = response.topics.first().and_then(|topic| topic.partitions.first()).cloned();
    let Some(partition) = partition else {
        return Err(Throwable::new(
            "org.apache.kafka.common.errors.UnknownServerException",
            "Response has no partition of __cluster_metadata",
        )
        .into());
    };
    check(partition.error_code, partition.error_message.as_ref())?;
    Ok((response, partition))
}

fn leader(partition: &Described) -> Result<ReplicaState, Stop> {
    let leads = |voter: &&ReplicaState| voter.replica_id == partition.leader_id;
    let found = partition.current_voters.iter().find(leads).cloned();
    found.ok_or_else(|| {
        Throwable::new("java.util.NoSuchElementException", "No value present").into()
    })
}

fn status(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let cluster = describe_cluster(stage, false)?;
    let (response, quorum) = describe_quorum(stage)?;
    let leader = leader(&quorum)?;
    let behind = quorum.current_voters.iter().min_by_key(|voter| voter.log_end_offset);
    let behind = behind.unwrap_or(&leader);
    let lag_time = match (leader.last_caught_up_timestamp, behind.last_caught_up_timestamp) {
        _ if behind.replica_id == leader.replica_id => 0,
        (leader, behind) if leader >= 0 && behind >= 0 => leader - behind,
        _ => -1,
    };
    let replicas = |all: &[ReplicaState]| {
        let one = |replica: &ReplicaState| {
            let mut text = format!("{{\"id\": {}", replica.replica_id.0);
            if !replica.replica_directory_id.is_nil() {
                let id = uuid_text(replica.replica_directory_id);
                text.push_str(&format!(", \"directoryId\": \"{id}\""));
            }
            let node = response.nodes.iter().find(|node| node.node_id == replica.replica_id);
            let endpoints: Vec<String> = node
                .into_iter()
                .flat_map(|node| &node.listeners)
                .map(|listener| {
                    format!("\"{}://{}:{}\"", listener.name, listener.host, listener.port)
                })
                .collect();
            if !endpoints.is_empty() {
                text.push_str(&format!(", \"endpoints\": [{}]", endpoints.join(", ")));
            }
            text + "}"
        };
        let all: Vec<String> = all.iter().map(one).collect();
        format!("[{}]", all.join(", "))
    };
    stage.out(format!(
        "ClusterId:              {}\nLeaderId:               {}\nLeaderEpoch:            {}\n\
         HighWatermark:          {}\nMaxFollowerLag:         {}\nMaxFollowerLagTimeMs:   {lag_time}\n\
         CurrentVoters:          {}\nCurrentObservers:       {}\n",
        cluster.cluster_id,
        quorum.leader_id.0,
        quorum.leader_epoch,
        quorum.high_watermark,
        leader.log_end_offset - behind.log_end_offset,
        replicas(&quorum.current_voters),
        replicas(&quorum.observers),
    ));
    Ok(())
}

impl Describe {
    fn replication(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let (_, quorum) = describe_quorum(stage)?;
        let leader = leader(&quorum)?;
        let now = stage.now;
        let time = |ms: i64| match ms {
            ms if ms < 0 => "-1".to_owned(),
            ms if self.human_readable => format!("{} ms ago", now - ms),
            ms => ms.to_string(),
        };
        let row = |replica: &ReplicaState, status: &str| {
            vec![
                replica.replica_id.0.to_string(),
                uuid_text(replica.replica_directory_id),
                replica.log_end_offset.to_string(),
                (leader.log_end_offset - replica.log_end_offset).to_string(),
                time(replica.last_fetch_timestamp),
                time(replica.last_caught_up_timestamp),
                status.to_owned(),
            ]
        };
        let mut rows = vec![row(&leader, "Leader")];
        let followers =
            quorum.current_voters.iter().filter(|voter| voter.replica_id != leader.replica_id);
        rows.extend(followers.map(|voter| row(voter, "Follower")));
        rows.extend(quorum.observers.iter().map(|observer| row(observer, "Observer")));
        let headers = [
            "NodeId",
            "DirectoryId",
            "LogEndOffset",
            "Lag",
            "LastFetchTimestamp",
            "LastCaughtUpTimestamp",
            "Status",
        ];
        stage.out(pretty_table(&headers, &rows));
        Ok(())
    }
}

/// `ToolsUtils.prettyPrintTable`: columns as wide as their widest cell, a tab after each.
fn pretty_table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(at, header)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(String::len);
            cells.chain([header.len()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}\t"));
        padded.collect::<String>() + "\n"
    };
    let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
    let rows: String = rows.iter().map(|row| line(row)).collect();
    line(&headers) + &rows
}
