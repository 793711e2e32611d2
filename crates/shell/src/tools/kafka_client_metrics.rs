//! `kafka-client-metrics.sh` (`org.apache.kafka.tools.ClientMetricsCommand`, KIP-714).

use logbrook_broker::ConfigResourceType;
use logbrook_client::admin::AdminConfig;
use logbrook_client::{Level, Process};
use logbrook_group::random_uuid;

use super::admin_calls::{Stop, ended};
use super::java::Throwable;
use super::kafka_configs::{incremental_alter, list_config_resources, resource_config};
use super::options::{OptionTable, Options};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, Logged, ToolEnv, admin_config};

pub(crate) const HELP: &str = include_str!("help/kafka-client-metrics.txt");
const LOGGER: &str = "org.apache.kafka.tools.ClientMetricsCommand";
const ACTIONS: [&str; 4] = ["alter", "delete", "describe", "list"];
const KIND: ConfigResourceType = ConfigResourceType::ClientMetrics;

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
) -> Result<(ClientMetrics, AdminConfig), Early> {
    let thrown = |e: Throwable| Early::error(e.message_and_trace());
    let illegal = |message: &str| thrown(Throwable::illegal_argument(message));
    let options = table.parse(argv).map_err(|e| Early::usage(table, e.message))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    let given: Vec<&str> = ACTIONS.into_iter().filter(|action| options.has(action)).collect();
    checks.usage_if(
        given.len() != 1,
        "Command must include exactly one action: --alter, --delete, --describe or --list.",
    )?;
    if !options.has("bootstrap-server") {
        return Err(illegal("--bootstrap-server must be specified."));
    }
    for action in ["delete", "describe"] {
        checks.excludes(action, &["generate-name", "interval", "match", "metrics"])?;
    }
    checks.excludes("list", &["name", "generate-name", "interval", "match", "metrics"])?;
    let value = |name| options.value(name).map_err(|e| thrown(e.into()));
    if options.has("alter") {
        if options.has("name") == options.has("generate-name") {
            return Err(illegal(
                "One of --name or --generate-name must be specified with --alter.",
            ));
        }
        let interval = value("interval")?.unwrap_or_default();
        if !interval.is_empty() && interval.parse::<i32>().is_err() {
            return Err(illegal(
                "Invalid interval value. Enter an integer, or leave empty to reset.",
            ));
        }
    }
    if options.has("delete") && !options.has("name") {
        return Err(illegal("A client metrics resource name must be specified with --delete."));
    }
    let (file, servers) = (value("command-config")?, value("bootstrap-server")?);
    if let Some(name) = file.filter(|name| !env.files.contains_key(*name)) {
        return Err(thrown(Throwable::new("java.nio.file.NoSuchFileException", name)));
    }
    let unmade = |e: Throwable| Early {
        out: said(&e),
        logged: Logged::error(e.stack_trace(), LOGGER),
        code: 1,
        ..Early::default()
    };
    let config = admin_config(env, file, servers, &[], unmade)?;
    let generated = random_uuid(u128::from(env.seed) << 64 | u128::from(!env.seed));
    let name = value("name")?.map(str::to_owned);
    Ok((ClientMetrics { options: options.clone(), name, generated }, config))
}

/// `printException`.
fn said(e: &Throwable) -> String {
    format!("Error while executing client metrics command : {}\n", e.message_text())
}

#[derive(Clone)]
struct ClientMetrics {
    options: Options<'static>,
    name: Option<String>,
    /// What `--generate-name` gives.
    generated: String,
}

impl Script for ClientMetrics {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = match self.name.as_deref() {
            _ if self.options.has("alter") => self.alter(stage),
            Some(name) if self.options.has("delete") => delete(stage, name),
            name if self.options.has("describe") => describe(stage, name),
            _list => list(stage),
        };
        ended(stage, done, |stage, e| {
            // Of the exception of a future its cause is shown.
            let cause = e.into_cause();
            stage.out(said(&cause));
            stage.log(Level::Error, &cause.stack_trace(), LOGGER);
        })
    }
}

impl ClientMetrics {
    fn alter(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let name = self.name.as_ref().unwrap_or(&self.generated);
        let mut set = Vec::new();
        let mut reset = Vec::new();
        for (option, config) in
            [("interval", "interval.ms"), ("metrics", "metrics"), ("match", "match")]
        {
            if self.options.has(option) {
                match self.options.values(option).join(",") {
                    value if value.is_empty() => reset.push(config.to_owned()),
                    value => set.push((config.to_owned(), value)),
                }
            }
        }
        incremental_alter(stage, KIND, name, &set, &reset)?;
        stage.out(format!("Altered client metrics config for {name}.\n"));
        Ok(())
    }
}

fn delete(stage: &mut Stage<'_>, name: &str) -> Result<(), Stop> {
    let configs = resource_config(stage, KIND, name)?;
    let names: Vec<String> = configs.into_iter().map(|entry| entry.name).collect();
    incremental_alter(stage, KIND, name, &[], &names)?;
    stage.out(format!("Deleted client metrics config for {name}.\n"));
    Ok(())
}

fn describe(stage: &mut Stage<'_>, name: Option<&str>) -> Result<(), Stop> {
    let mut names = list_config_resources(stage, KIND)?;
    if let Some(name) = name {
        if !names.iter().any(|known| known == name) {
            stage.out(format!(
                "The client metric resource {name} doesn't exist and doesn't have dynamic config.\n"
            ));
            return Ok(());
        }
        names = vec![name.to_owned()];
    }
    for name in names {
        stage.out(format!("Client metrics configs for {name} are:\n"));
        for entry in resource_config(stage, KIND, &name)? {
            stage.out(format!("  {}={}\n", entry.name, entry.value.as_deref().unwrap_or("null")));
        }
    }
    Ok(())
}

fn list(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let names = list_config_resources(stage, KIND)?;
    stage.out(format!("{}\n", names.join("\n")));
    Ok(())
}
