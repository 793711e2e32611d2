//! `kafka-console-share-consumer.sh` (`org.apache.kafka.tools.consumer.ConsoleShareConsumer`): its
//! options.
//!
//! Share groups (KIP-932) are not modelled: a command line that Kafka would take says so.

use logbrook_sorted::SortedSet;

use logbrook_client::Process;

use super::options::OptionTable;
use super::setup::{Checks, Early, ToolEnv, key_values, load_props};

pub(crate) const HELP: &str = include_str!("help/kafka-console-share-consumer.txt");

/// Reads the options, and says what is wrong or not modelled.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    let mut note = String::new();
    let end = check(table, argv, env, &mut note).err();
    let end = end.unwrap_or_else(|| Early::not_modelled("a share group"));
    Box::new(end.after(&note))
}

fn check(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
    note: &mut String,
) -> Result<(), Early> {
    let options = table.parse(argv).map_err(|e| Early::usage(table, e.message))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    let has = |name: &str| options.has(name);
    checks.usage_if(!has("topic"), "--topic is a required argument")?;
    checks.required(&["bootstrap-server"])?;
    checks.usage_if(
        has("reject") && has("release"),
        "At most one of --reject and --release may be specified.",
    )?;
    for (old, new) in
        [("consumer-property", "command-property"), ("consumer-config", "command-config")]
    {
        checks.usage_if(
            has(old) && has(new),
            &format!("Options --{old} and --{new} cannot be specified together."),
        )?;
    }
    let mut named = |old: &'static str, new: &'static str| {
        if !has(old) {
            return new;
        }
        note.push_str(&format!(
            "Option --{old} is deprecated and will be removed in a future version. Use --{new} \
             instead.\n"
        ));
        old
    };
    let property = named("consumer-property", "command-property");
    let config = named("consumer-config", "command-config");
    let mut groups: SortedSet<String> = options.values("group").iter().cloned().collect();
    if let Some(file) = options.values(config).first() {
        let properties = load_props(env, file).map_err(|e| Early::error(e.stack_trace()))?;
        groups.extend(properties.get("group.id").cloned());
    }
    groups.extend(key_values(options.values(property)).get("group.id").cloned());
    if groups.len() > 1 {
        let order = super::java::hash_order(groups, 16);
        let quoted: Vec<String> = order.iter().map(|group| format!("'{group}'")).collect();
        return Err(Early::usage(
            table,
            format!(
                "The group ids provided in different places (directly using '--group', via \
                 '--consumer-property', or via '--consumer-config') do not match. Detected group \
                 ids: {}",
                quoted.join(", ")
            ),
        ));
    }
    checks.usage_if(
        has("property") && has("formatter-property"),
        "Options --property and --formatter-property cannot be specified together.",
    )?;
    if has("property") {
        note.push_str(
            "Option --property is deprecated and will be removed in a future version. Use \
             --formatter-property instead.\n",
        );
    }
    Ok(())
}
