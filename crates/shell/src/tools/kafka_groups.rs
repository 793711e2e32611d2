//! `kafka-groups.sh` (`org.apache.kafka.tools.GroupsCommand`): groups of every type.

use logbrook_client::admin::AdminConfig;
use logbrook_client::{Level, Process};

use super::admin_calls::{self as admin, ListedGroup, Stop, ended};
use super::java::Throwable;
use super::options::{OptionTable, Options};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, Logged, ToolEnv, admin_config};

pub(crate) const HELP: &str = include_str!("help/kafka-groups.txt");
const LOGGER: &str = "org.apache.kafka.tools.GroupsCommand";
/// `GroupType`, UNKNOWN aside.
const TYPES: [&str; 4] = ["Classic", "Consumer", "Share", "Streams"];

/// How long the tool waits for the listing.
const TIMEOUT_MS: i64 = 30_000;

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
) -> Result<(Groups, AdminConfig), Early> {
    // `mainNoExit` prints the message, then the stack trace.
    let thrown =
        |e: Throwable| Early::error(format!("{}\n{}\n", e.message_text(), e.stack_trace()));
    let options = table.parse(argv).map_err(|e| Early::usage(table, e.message))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.usage_if(!options.has("list"), "Command must include exactly one action: --list.")?;
    let value = |name| options.value(name).map_err(|e| thrown(e.into()));
    let group_type = match value("group-type")? {
        Some(text) => {
            let known = TYPES.into_iter().find(|t| t.eq_ignore_ascii_case(text));
            let wrong = || Throwable::illegal_argument("--group-type must be a valid group type.");
            Some(known.ok_or_else(|| thrown(wrong()))?)
        }
        None => None,
    };
    checks.excludes("consumer", &["group-type", "protocol", "share", "streams"])?;
    checks.excludes("share", &["consumer", "group-type", "protocol", "streams"])?;
    checks.excludes("streams", &["consumer", "group-type", "protocol", "share"])?;
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
    let mut config = admin_config(env, file, servers, &[], unmade)?;
    config.default_api_timeout_ms = config.default_api_timeout_ms.min(TIMEOUT_MS);
    Ok((Groups { options: options.clone(), group_type }, config))
}

/// `printException`.
fn said(e: &Throwable) -> String {
    format!("Error while executing groups command : {}\n", e.message_text())
}

#[derive(Clone)]
struct Groups {
    options: Options<'static>,
    group_type: Option<&'static str>,
}

impl Script for Groups {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = self.list(stage);
        ended(stage, done, |stage, mut e| {
            // The tool gives up on the future before its call does.
            if e.causes.iter().any(|cause| cause.contains(".TimeoutException:")) {
                let class = "java.util.concurrent.TimeoutException";
                e = Throwable { message: None, ..Throwable::new(class, "") };
            }
            stage.out(said(&e));
            stage.log(Level::Error, &e.stack_trace(), LOGGER);
        })
    }
}

impl Groups {
    fn list(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let mut listed = admin::list_groups(stage, &[], &[])?;
        // `GroupType.parse`, and its `toString`.
        for group in &mut listed {
            let known = TYPES.into_iter().find(|t| t.eq_ignore_ascii_case(&group.group_type));
            group.group_type = known.unwrap_or("Unknown").to_owned();
        }
        let shown: Vec<&ListedGroup> = listed.iter().filter(|g| self.passes(g)).collect();
        let cells = shown.iter().flat_map(|g| [&g.id, &g.group_type, &g.protocol_type]);
        let width = cells.map(|c| c.chars().count()).max().unwrap_or(0).max(20);
        let mut text = format!("{:<width$} {:<width$} {:<width$}\n", "GROUP", "TYPE", "PROTOCOL");
        for g in shown {
            let (id, group_type, protocol) = (&g.id, &g.group_type, &g.protocol_type);
            text.push_str(&format!("{id:<width$} {group_type:<width$} {protocol:<width$} \n"));
        }
        stage.out(text);
        Ok(())
    }

    /// `combinedFilter`.
    fn passes(&self, group: &ListedGroup) -> bool {
        let is = |name: &str| group.group_type == name;
        let protocol = self.options.values("protocol").first();
        let of_protocol = protocol.is_none_or(|p| *p == group.protocol_type);
        if let Some(wanted) = self.group_type {
            is(wanted) && of_protocol
        } else if protocol.is_some() {
            of_protocol
        } else if self.options.has("consumer") {
            group.protocol_type == "consumer" || group.protocol_type.is_empty() || is("Consumer")
        } else if self.options.has("share") {
            is("Share")
        } else if self.options.has("streams") {
            is("Streams")
        } else {
            true
        }
    }
}
