//! `kafka-consumer-groups.sh` (`org.apache.kafka.tools.consumer.group.ConsumerGroupCommand`).

use logbrook_client::Process;
use logbrook_client::admin::AdminConfig;

use super::admin_calls::{self as admin, ListedGroup, Stop};
use super::delete_offsets::delete_offsets;
use super::group_calls::{self as groups, GroupInfo};
use super::group_tables as tables;
use super::java::{self, Throwable};
use super::options::{OptionTable, Options};
use super::reset_offsets::{self, ResetOptions};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, load_props, no_resolvable, resolvable};

pub(crate) const HELP: &str = include_str!("help/kafka-consumer-groups.txt");

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

const LEVEL: [&str; 4] = ["list", "describe", "delete", "reset-offsets"];
const RESET_SCENARIOS: [&str; 8] = [
    "to-offset",
    "to-datetime",
    "by-duration",
    "to-earliest",
    "to-latest",
    "to-current",
    "shift-by",
    "from-file",
];

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(GroupCommand, AdminConfig), Early> {
    let options = table.parse_with(argv, available_if).map_err(Early::uncaught)?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    let mut warnings = String::new();
    let result = check_args(&checks, &mut warnings).and_then(|()| {
        let actions =
            ["list", "describe", "delete", "reset-offsets", "delete-offsets", "validate-regex"];
        let given = actions.iter().filter(|a| options.has(a)).count();
        checks.usage_if(
            given != 1,
            "Command must include exactly one action: --list, --describe, --delete, \
             --reset-offsets, --delete-offsets, --validate-regex",
        )?;
        if options.has("validate-regex") {
            return Err(Early::not_modelled("--validate-regex"));
        }
        Ok(())
    });
    let warned = |mut early: Early| {
        early.err.insert_str(0, &warnings);
        early
    };
    result.map_err(warned)?;
    let (script, config) = service(table, &options, env).map_err(warned)?;
    Ok((GroupCommand { warnings, ..script }, config))
}

/// The constructor of `ConsumerGroupService`: what it throws is an error of the command.
fn service(
    table: &'static OptionTable,
    options: &Options<'static>,
    env: &ToolEnv,
) -> Result<(GroupCommand, AdminConfig), Early> {
    let thrown = |e: super::options::OptionError| failed(&e.into());
    let mut properties = match options.value("command-config").map_err(thrown)? {
        Some(file) => load_props(env, file).map_err(|e| {
            let outer = Throwable::new("java.lang.RuntimeException", e.to_string()).caused_by(&e);
            failed(&outer)
        })?,
        None => Default::default(),
    };
    let servers = options.value("bootstrap-server").map_err(thrown)?.unwrap_or_default();
    properties.insert("bootstrap.servers".into(), servers.to_string());
    let mut config = AdminConfig::from_properties(&properties).map_err(|error| {
        let outer = Throwable::new(
            "org.apache.kafka.common.KafkaException",
            "Failed to create new KafkaAdminClient",
        );
        failed(&outer.caused_by(&Throwable::from(&error)))
    })?;
    resolvable(servers).map_err(|unresolved| {
        failed(&no_resolvable("Failed to create new KafkaAdminClient")).unresolved(unresolved)
    })?;
    let reset = ResetOptions::read(options, &env.files).map_err(thrown)?;
    // Each of the tool's calls has `--timeout` (`withTimeoutMs`).
    let timeout_ms = options.long("timeout").map_err(thrown)?;
    config.default_api_timeout_ms = timeout_ms.unwrap_or(config.default_api_timeout_ms);
    let options = options.clone();
    Ok((GroupCommand { table, options, reset, warnings: String::new() }, config))
}

fn available_if(option: &str) -> &'static [&'static str] {
    match option {
        "members" | "offsets" | "verbose" => &["describe"],
        "state" => &["describe", "list"],
        "type" => &["list"],
        _ => &[],
    }
}

/// `ConsumerGroupCommandOptions.checkArgs`.
fn check_args(checks: &Checks<'_>, warnings: &mut String) -> Result<(), Early> {
    let options = checks.options;
    if !options.has("validate-regex") {
        checks.required(&["bootstrap-server"])?;
    }
    let unscoped = !options.has("group") && !options.has("all-groups");
    if options.has("describe") {
        checks.usage_if(
            unscoped,
            "Option [describe] takes one of these options: [group], [all-groups]",
        )?;
        let views = ["members", "offsets", "state"];
        checks.usage_if(
            views.iter().filter(|v| options.has(v)).count() > 1,
            "Option [describe] takes at most one of these options: [members], [offsets], [state]",
        )?;
        let state = options.value("state").map_err(Early::uncaught)?;
        checks.usage_if(
            options.has("state") && state.is_some(),
            "Option [describe] does not take a value for [state]",
        )?;
    }
    if options.has("delete") {
        checks.usage_if(
            unscoped,
            "Option [delete] takes one of these options: [all-groups], [group]",
        )?;
        checks.usage_if(
            options.has("topic"),
            "The consumer does not support topic-specific offset deletion from a consumer group.",
        )?;
    }
    if options.has("delete-offsets") {
        checks.usage_if(
            !options.has("group") || !options.has("topic"),
            "Option [delete-offsets] takes the following options: [topic], [group]",
        )?;
    }
    if options.has("reset-offsets") {
        let (dry_run, execute) = (options.has("dry-run"), options.has("execute"));
        checks.usage_if(
            dry_run && execute,
            "Option [reset-offsets] only accepts one of [execute] and [dry-run]",
        )?;
        if !dry_run && !execute {
            warnings.push_str(
                "WARN: No action will be performed as the --execute option is missing. In version \
                 5.0, this command will require either --dry-run or --execute to be specified. You \
                 should add the --dry-run option explicitly if you are scripting this command and \
                 want to keep the current default behavior without prompting.\n",
            );
        }
        checks.usage_if(
            unscoped,
            "Option [reset-offsets] takes one of these options: [group], [all-groups]",
        )?;
        for scenario in RESET_SCENARIOS {
            checks.excludes(scenario, &RESET_SCENARIOS)?;
        }
    }
    checks.excludes("group", &["all-groups"])?;
    let levels = |allowed: &[&str]| -> Vec<&'static str> {
        LEVEL.into_iter().filter(|l| !allowed.contains(l)).collect()
    };
    checks.excludes("group", &levels(&["describe", "delete", "reset-offsets"]))?;
    checks.excludes("topic", &levels(&["delete", "reset-offsets"]))
}

/// `printError` with a stack trace: the tool still exits with 0.
fn failed(e: &Throwable) -> Early {
    Early {
        out: format!(
            "\nError: Executing consumer group command failed due to {}\n",
            e.message_text()
        ),
        err: e.stack_trace(),
        ..Early::default()
    }
}

#[derive(Clone)]
struct GroupCommand {
    table: &'static OptionTable,
    options: Options<'static>,
    reset: ResetOptions,
    /// What the check of the options had to say first.
    warnings: String,
}

impl Script for GroupCommand {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        if !self.warnings.is_empty() {
            stage.err(self.warnings.clone());
        }
        match self.execute(stage) {
            Ok(()) => Ok(0),
            Err(Stop::Waiting) => Err(Waiting),
            Err(Stop::Thrown(e)) => {
                let end = match e.class == "java.lang.IllegalArgumentException" {
                    true => Early::usage(self.table, e.message_text()),
                    false => failed(&e),
                };
                if !end.out.is_empty() {
                    stage.out(end.out);
                }
                stage.err(end.err);
                Ok(end.code)
            }
        }
    }
}

impl GroupCommand {
    fn execute(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        if self.options.has("list") {
            self.list(stage)
        } else if self.options.has("describe") {
            self.describe(stage)
        } else if self.options.has("delete") {
            self.delete(stage)
        } else if self.options.has("reset-offsets") {
            let listed = match self.options.has("all-groups") {
                true => self.group_ids(stage)?,
                false => Vec::new(),
            };
            let resets = reset_offsets::reset_offsets(stage, &self.reset, listed)?;
            stage.out(match self.options.has("export") {
                true => reset_offsets::csv_text(&resets, &self.reset),
                false => reset_offsets::table(&resets),
            });
            Ok(())
        } else {
            let group = self.text("group")?.unwrap_or_default();
            delete_offsets(stage, group, self.options.values("topic"))
        }
    }

    fn list(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let (with_type, with_state) = (self.options.has("type"), self.options.has("state"));
        if !with_type && !with_state {
            for group in self.consumer_groups(stage, &[], &[])? {
                stage.out(group.id + "\n");
            }
            return Ok(());
        }
        let types = group_types(self.text("type")?.unwrap_or_default())?;
        let states = group_states(self.text("state")?.unwrap_or_default())?;
        let listed = self.consumer_groups(stage, &states, &types)?;
        stage.out(tables::listing(&listed, with_type, with_state));
        Ok(())
    }

    /// `ListGroupsOptions.forConsumerGroups`: groups of consumers and simple groups.
    fn consumer_groups(
        &self,
        stage: &mut Stage<'_>,
        states: &[String],
        types: &[String],
    ) -> Result<Vec<ListedGroup>, Stop> {
        let no_types = ["Classic".to_string(), "Consumer".to_string()];
        let types = if types.is_empty() { &no_types[..] } else { types };
        let listed = admin::list_groups(stage, states, types).map_err(|stop| match stop {
            Stop::Thrown(e) => {
                let e = Throwable::execution(&e);
                let outer = Throwable::new("java.lang.RuntimeException", e.to_string());
                Stop::Thrown(outer.caused_by(&e))
            }
            Stop::Waiting => Stop::Waiting,
        })?;
        let of_consumers =
            |g: &ListedGroup| g.protocol_type.is_empty() || g.protocol_type == "consumer";
        Ok(listed.into_iter().filter(of_consumers).collect())
    }

    fn group_ids(&self, stage: &mut Stage<'_>) -> Result<Vec<String>, Stop> {
        if !self.options.has("all-groups") {
            return Ok(self.options.values("group").to_vec());
        }
        Ok(self.consumer_groups(stage, &[], &[])?.into_iter().map(|g| g.id).collect())
    }

    fn describe(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let ids = self.group_ids(stage)?;
        let verbose = self.options.has("verbose");
        let infos = self.describe_groups(stage, &ids)?;
        if self.options.has("members") {
            for info in &infos {
                let shown = announce(stage, info, info.members.len())?;
                stage.out(tables::members(info, verbose, shown));
            }
        } else if self.options.has("state") {
            for info in &infos {
                if announce(stage, info, 1)? {
                    stage.out(tables::state(info, verbose));
                }
            }
        } else {
            let mut rows = Vec::new();
            for info in &infos {
                rows.push(groups::offset_rows(stage, info)?);
            }
            for (info, rows) in infos.iter().zip(&rows) {
                if announce(stage, info, rows.len())? {
                    stage.out(tables::offsets(rows, verbose));
                }
            }
        }
        Ok(())
    }

    /// Sorted by group; the first that fails, in the order of Java's map, ends the command.
    fn describe_groups(
        &self,
        stage: &mut Stage<'_>,
        ids: &[String],
    ) -> Result<Vec<GroupInfo>, Stop> {
        let mut found = groups::describe(stage, ids)?;
        for id in java::hash_copy_order(ids.iter().cloned()) {
            if let Some(Err(e)) = found.get(&id) {
                return Err(Throwable::execution(e).into());
            }
        }
        Ok(std::mem::take(&mut found).into_values().flatten().collect())
    }

    fn delete(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let ids = self.group_ids(stage)?;
        let results = groups::delete(stage, &ids)?;
        let quoted = |ids: Vec<&String>| {
            let ids = java::hash_order(ids.into_iter().cloned(), 16);
            ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
        };
        let deleted: Vec<&String> =
            results.iter().filter(|(_, r)| r.is_ok()).map(|(id, _)| id).collect();
        let none = deleted.is_empty();
        let deleted = quoted(deleted);
        let failed: Vec<String> =
            results.iter().filter(|(_, r)| r.is_err()).map(|(id, _)| id.clone()).collect();
        if failed.is_empty() {
            stage.out(format!(
                "Deletion of requested consumer groups ({deleted}) was successful.\n"
            ));
            return Ok(());
        }
        stage.out("\nError: Deletion of some consumer groups failed:\n");
        for id in java::hash_order(failed, 16) {
            if let Some(Err(e)) = results.get(&id) {
                stage.out(format!("* Group '{id}' could not be deleted due to: {e}\n"));
            }
        }
        if !none {
            stage.out(format!("\nThese consumer groups were deleted successfully: {deleted}\n"));
        }
        Ok(())
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Stop> {
        self.options.value(name).map_err(|e| Stop::Thrown(e.into()))
    }
}

/// `shouldPrintMemberState`: what is said before a table, and whether there is one.
fn announce(stage: &mut Stage<'_>, info: &GroupInfo, rows: usize) -> Result<bool, Stop> {
    let id = &info.id;
    match info.state.as_str() {
        "Dead" => stage.out(format!("\nError: Consumer group '{id}' does not exist.\n")),
        "Empty" => stage.err(format!("\nConsumer group '{id}' has no active members.\n")),
        "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling" => {
            stage.err(format!("\nWarning: Consumer group '{id}' is rebalancing.\n"));
        }
        "Stable" => {}
        other => {
            return Err(Throwable::new(
                "org.apache.kafka.common.KafkaException",
                format!("Expected a valid consumer group state, but found '{other}'."),
            )
            .into());
        }
    }
    Ok(info.state != "Dead" && rows > 0)
}

/// `groupStatesFromString`; in the order of Java's set as it was recorded.
fn group_states(input: &str) -> Result<Vec<String>, Throwable> {
    const VALID: [&str; 7] = [
        "Stable",
        "Empty",
        "CompletingRebalance",
        "Reconciling",
        "Dead",
        "PreparingRebalance",
        "Assigning",
    ];
    choose(input, &VALID).map_err(|()| {
        let valid = VALID.join(", ");
        Throwable::illegal_argument(format!(
            "Invalid state list '{input}'. Valid states are: {valid}"
        ))
    })
}

/// `consumerGroupTypesFromString`.
fn group_types(input: &str) -> Result<Vec<String>, Throwable> {
    const VALID: [&str; 2] = ["Consumer", "Classic"];
    choose(input, &VALID).map_err(|()| {
        let valid = VALID.join(", ");
        Throwable::illegal_argument(format!(
            "Invalid types list '{input}'. Valid types are: {valid}"
        ))
    })
}

/// Names of a list, whatever their case, as Kafka writes them.
fn choose(input: &str, valid: &[&str]) -> Result<Vec<String>, ()> {
    if input.is_empty() {
        return Ok(Vec::new());
    }
    let found = input.split(',').map(|word| {
        let word = word.trim();
        valid.iter().find(|v| v.eq_ignore_ascii_case(word)).map(|v| v.to_string()).ok_or(())
    });
    found.collect()
}
