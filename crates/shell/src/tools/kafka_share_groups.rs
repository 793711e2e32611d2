//! `kafka-share-groups.sh` (`org.apache.kafka.tools.consumer.group.ShareGroupCommand`): its options.
//!
//! Share groups (KIP-932) are not modelled: a command line that Kafka would take says so.

use logbrook_client::Process;

use super::options::{OptionTable, Options};
use super::setup::{Checks, Early, ToolEnv};

pub(crate) const HELP: &str = include_str!("help/kafka-share-groups.txt");

/// Reads the options, and says what is wrong or not modelled.
pub(crate) fn start(table: &'static OptionTable, argv: &[String], _: &ToolEnv) -> Box<dyn Process> {
    let end = check(table, argv).err();
    Box::new(end.unwrap_or_else(|| Early::not_modelled("a share group")))
}

const LEVEL: [&str; 4] = ["list", "describe", "delete", "reset-offsets"];
const SCENARIOS: [&str; 3] = ["to-datetime", "to-earliest", "to-latest"];

fn check(table: &'static OptionTable, argv: &[String]) -> Result<(), Early> {
    let options = table.parse_with(argv, available_if).map_err(Early::uncaught)?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.required(&["bootstrap-server"])?;
    let has = |name: &str| options.has(name);
    let wrong = |message: &str| Err(Early::usage(table, message));
    if has("describe") {
        if !has("group") && !has("all-groups") {
            return wrong("Option [describe] takes one of these options: [all-groups], [group]");
        }
        let views = ["members", "offsets", "state"].iter().filter(|v| has(v)).count();
        if views > 1 {
            return wrong(
                "Option [describe] takes at most one of these options: [members], [offsets], [state]",
            );
        }
        if has("state") && checks.usage_or(options.value("state"))?.is_some() {
            return wrong("Option [describe] does not take a value for [state]");
        }
    }
    if has("delete") {
        if !has("group") && !has("all-groups") {
            return wrong("Option [delete] takes the options [group] or [all-groups]");
        }
        if has("group") && has("all-groups") {
            return wrong("Option [delete] takes either [group] or [all-groups], not both.");
        }
        if has("topic") {
            return wrong("Option [delete] does not take the option: [topic]");
        }
    }
    if has("delete-offsets") && !(has("group") && has("topic")) {
        return wrong("Option [delete-offsets] takes the following options: [group], [topic]");
    }
    if has("reset-offsets") {
        check_reset(&checks, &options)?;
    }
    let rest = |allowed: &[&str]| -> Vec<&str> {
        LEVEL.into_iter().filter(|l| !allowed.contains(l)).collect()
    };
    checks.excludes("group", &["all-groups"])?;
    checks.excludes("group", &rest(&["describe", "delete", "reset-offsets"]))?;
    checks.excludes("topic", &rest(&["delete", "reset-offsets"]))?;
    let actions = ["list", "describe", "delete", "reset-offsets", "delete-offsets"];
    checks.usage_if(
        actions.iter().filter(|a| has(a)).count() != 1,
        "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, \
         --delete-offsets.",
    )
}

fn check_reset(checks: &Checks<'_>, options: &Options<'_>) -> Result<(), Early> {
    let has = |name: &str| options.has(name);
    checks.usage_if(
        has("dry-run") && has("execute"),
        "Option [reset-offsets] only accepts one of [execute] and [dry-run]",
    )?;
    checks.usage_if(
        !has("dry-run") && !has("execute"),
        "Option [reset-offsets] takes the option: [execute] or [dry-run]",
    )?;
    checks.usage_if(!has("group"), "Option [reset-offsets] takes the option: [group]")?;
    checks.usage_if(
        !has("topic") && !has("all-topics"),
        "Option [reset-offsets] takes one of these options: [all-topics], [topic]",
    )?;
    checks.usage_if(
        !SCENARIOS.iter().any(|s| has(s)),
        "Option [reset-offsets] takes one of these options: [to-datetime], [to-earliest], \
         [to-latest]",
    )?;
    SCENARIOS.iter().try_for_each(|scenario| checks.excludes(scenario, &SCENARIOS))
}

/// `availableIf`.
fn available_if(option: &str) -> &'static [&'static str] {
    match option {
        "members" | "offsets" | "verbose" => &["describe"],
        "state" => &["describe", "list"],
        _ => &[],
    }
}
