//! `kafka-cluster.sh` (`org.apache.kafka.tools.ClusterTool`).

use kafka_protocol::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse, UnregisterBrokerRequest,
};
use logbrook_broker::wire::Response;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_client::{Level, Process};

use super::admin_calls::{Stop, check, ended, expect};
use super::argparse::{Action, Arg, Exclusive, Namespace, Refused, Spec, arg, parse};
use super::java::Throwable;
use super::options::OptionTable;
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Early, ToolEnv, load_props, no_resolvable, resolvable};

pub(crate) const HELP: &str = include_str!("help/kafka-cluster.txt");

const SERVER: Arg = arg(&["--bootstrap-server", "-b"], Action::Store);
const CONTROLLER: Arg = arg(&["--bootstrap-controller", "-C"], Action::Store);
const CONFIG: Arg = arg(&["--config"], Action::Store);
const COMMAND_CONFIG: Arg = arg(&["--command-config", "-c"], Action::Store);
const CONNECTION: &[Exclusive] =
    &[Exclusive { names: &["--bootstrap-server", "--bootstrap-controller"], required: true }];

static SPEC: Spec = Spec {
    name: "kafka-cluster",
    help: HELP,
    args: &[],
    exclusive: &[],
    commands: &[
        Spec {
            name: "cluster-id",
            help: include_str!("help/kafka-cluster-cluster-id.txt"),
            args: &[SERVER, CONTROLLER, CONFIG, COMMAND_CONFIG],
            exclusive: CONNECTION,
            commands: &[],
        },
        Spec {
            name: "unregister",
            help: include_str!("help/kafka-cluster-unregister.txt"),
            args: &[
                SERVER,
                CONTROLLER,
                CONFIG,
                COMMAND_CONFIG,
                Arg { names: &["--id", "-i"], action: Action::StoreInteger, required: true },
            ],
            exclusive: CONNECTION,
            commands: &[],
        },
        Spec {
            name: "list-endpoints",
            help: include_str!("help/kafka-cluster-list-endpoints.txt"),
            args: &[
                SERVER,
                CONTROLLER,
                CONFIG,
                COMMAND_CONFIG,
                arg(&["--include-fenced-brokers"], Action::StoreTrue),
            ],
            exclusive: CONNECTION,
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

fn prepare(argv: &[String], env: &ToolEnv) -> Result<(Command, AdminConfig), Early> {
    let namespace = parse(&SPEC, argv).map_err(|refused| match refused {
        Refused::Help(help) => Early { out: help.to_owned(), code: 1, ..Early::default() },
        Refused::Wrong { usage, message } => {
            Early::error(Refused::printed(usage, SPEC.name, &message))
        }
    })?;
    let thrown = |thrown: Throwable| Early::error(thrown.message_and_trace());
    if namespace.has("--config") && namespace.has("--command-config") {
        return Err(thrown(Throwable::new(
            "net.sourceforge.argparse4j.inf.ArgumentParserException",
            "--config and --command-config cannot be specified together.",
        )));
    }
    let deprecated = match namespace.has("--config") {
        true => {
            "Option --config has been deprecated and will be removed in a future version. Use \
             --command-config instead.\n"
        }
        false => "",
    };
    let file = namespace.get("--config").or(namespace.get("--command-config"));
    let mut properties = match file {
        Some(file) => load_props(env, file).map_err(|e| thrown(e).after(deprecated))?,
        None => Default::default(),
    };
    let Some(servers) = namespace.get("--bootstrap-server") else {
        return Err(Early::not_modelled("--bootstrap-controller of this tool").after(deprecated));
    };
    properties.insert("bootstrap.servers".into(), servers.to_owned());
    let config = admin_config(&properties, servers, &thrown)?;
    let kind = match namespace.command {
        "cluster-id" => Kind::ClusterId,
        "list-endpoints" => Kind::ListEndpoints,
        _unregister => Kind::Unregister(namespace.int("--id").unwrap_or_default()),
    };
    Ok((Command { kind, deprecated, namespace }, config))
}

/// An admin client's configuration, or what its constructor throws.
pub(super) fn admin_config(
    properties: &logbrook_sorted::SortedMap<String, String>,
    servers: &str,
    thrown: &dyn Fn(Throwable) -> Early,
) -> Result<AdminConfig, Early> {
    let failed = "Failed to create new KafkaAdminClient";
    let config = AdminConfig::from_properties(properties).map_err(|error| {
        let outer = Throwable::new("org.apache.kafka.common.KafkaException", failed);
        thrown(outer.caused_by(&Throwable::from(&error)))
    })?;
    resolvable(servers)
        .map_err(|unresolved| thrown(no_resolvable(failed)).unresolved(unresolved))?;
    Ok(config)
}

#[derive(Clone, Copy)]
enum Kind {
    ClusterId,
    ListEndpoints,
    /// Of the broker with this id.
    Unregister(i32),
}

#[derive(Clone)]
struct Command {
    kind: Kind,
    deprecated: &'static str,
    namespace: Namespace,
}

impl Script for Command {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        if !self.deprecated.is_empty() {
            stage.out(self.deprecated);
        }
        let done = self.execute(stage);
        ended(stage, done, |stage, thrown| {
            stage.err(Throwable::execution(&thrown).message_and_trace());
        })
    }
}

/// `Admin.describeCluster`.
pub(super) fn describe_cluster(
    stage: &mut Stage<'_>,
    include_fenced: bool,
) -> Result<DescribeClusterResponse, Stop> {
    let request = DescribeClusterRequest::default()
        .with_endpoint_type(1)
        .with_include_fenced_brokers(include_fenced);
    let answer = stage.call(request.into(), Target::Any)?;
    let response = expect(answer, |r| match r {
        Response::DescribeCluster(body) => Some(body),
        _ => None,
    })?;
    check(response.error_code, response.error_message.as_ref())?;
    Ok(response)
}

/// `unregisterCommand`, `Admin.unregisterBroker`.
fn unregister(stage: &mut Stage<'_>, id: i32) -> Result<(), Stop> {
    let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(id));
    let answer = stage.call(request.into(), Target::Any)?;
    let response = expect(answer, |r| match r {
        Response::UnregisterBroker(body) => Some(body),
        _ => None,
    });
    let response = match response {
        Err(thrown) if thrown.class.ends_with(".UnsupportedVersionException") => {
            stage.out("The target cluster does not support the broker unregistration API.\n");
            return Ok(());
        }
        response => response?,
    };
    check(response.error_code, response.error_message.as_ref()).inspect_err(|thrown| {
        let text = format!(
            "Unregister broker request for broker ID {id} failed: {}",
            thrown.message_text()
        );
        stage.client_log(Level::Error, &text, "org.apache.kafka.clients.admin.KafkaAdminClient");
    })?;
    stage.out(format!("Broker {id} is no longer registered.\n"));
    Ok(())
}

impl Command {
    fn execute(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        if let Kind::Unregister(id) = self.kind {
            return unregister(stage, id);
        }
        let fenced = self.namespace.has("--include-fenced-brokers");
        let cluster = describe_cluster(stage, fenced)?;
        match self.kind {
            Kind::ClusterId => {
                stage.out(format!("Cluster ID: {}\n", cluster.cluster_id));
            }
            Kind::Unregister(_) => {}
            Kind::ListEndpoints => {
                let hosts = cluster.brokers.iter().map(|broker| broker.host.len());
                let host = hosts.max().unwrap_or(100);
                let racks = cluster.brokers.iter().filter_map(|broker| broker.rack.as_ref());
                let rack = racks.map(|rack| rack.len()).max().unwrap_or(10);
                let mut row = |cells: [&str; 6]| {
                    let [id, name, port, place, state, kind] = cells;
                    stage.out(format!(
                        "{id:<10} {name:<host$} {port:<10} {place:<rack$} {state:<10} {kind:<15}\n"
                    ));
                };
                row(["ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE"]);
                for broker in &cluster.brokers {
                    row([
                        &broker.broker_id.0.to_string(),
                        &broker.host,
                        &broker.port.to_string(),
                        broker.rack.as_ref().map_or("null", |rack| rack.as_str()),
                        if broker.is_fenced { "fenced" } else { "unfenced" },
                        "broker",
                    ]);
                }
            }
        }
        Ok(())
    }
}
