//! `kafka-acls.sh` (`org.apache.kafka.tools.AclCommand`).
//!
//! No broker here has an authorizer, and Kafka's own has none unless one is configured: each command then
//! ends with the broker's `SecurityDisabledException`, which this tool asks for and prints. What follows
//! where there is an authorizer is not modelled, and said so before anything is changed.

use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{DeleteAclsRequest, DescribeAclsRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_client::Process;
use logbrook_client::admin::{AdminConfig, Target};

use super::admin_calls::{Stop, check, ended, expect};
use super::java::Throwable;
use super::options::{OptionTable, Options};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, admin_config};

pub(crate) const HELP: &str = include_str!("help/kafka-acls.txt");

/// `ANY` of `ResourceType`, `PatternType`, `AclOperation` and `AclPermissionType`.
const ANY: i8 = 1;
/// `MATCH` and `LITERAL` of `PatternType`.
const PATTERN_TYPES: [(&str, i8); 4] = [("ANY", 1), ("MATCH", 2), ("LITERAL", 3), ("PREFIXED", 4)];
/// Options that name resources, with their `ResourceType`.
const RESOURCES: [(&str, i8); 5] = [
    ("topic", 2),
    ("group", 3),
    ("transactional-id", 5),
    ("delegation-token", 6),
    ("user-principal", 7),
];
const CLUSTER: i8 = 4;
const CLUSTER_NAME: &str = "kafka-cluster";

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
) -> Result<(Acls, AdminConfig), Early> {
    let options = table.parse(argv).map_err(|e| Early::usage(table, e.message))?;
    let checks = Checks { table, options: &options };
    check_args(&checks, argv)?;
    let thrown = |e: Throwable| Early { out: said(&e), code: 1, ..Early::default() };
    let value = |name| options.value(name).map_err(|e| thrown(e.into()));
    let (server, controller) = ("bootstrap-server", "bootstrap-controller");
    if options.has(controller) {
        return Err(Early::not_modelled("--bootstrap-controller"));
    }
    let config = admin_config(env, value("command-config")?, value(server)?, &[], thrown)?;
    let pattern = value("resource-pattern-type")?.unwrap_or("LITERAL").to_ascii_uppercase();
    let pattern_type = PATTERN_TYPES.iter().find(|(name, _)| *name == pattern);
    let Some((_, pattern_type)) = pattern_type else {
        let text = value("resource-pattern-type")?.unwrap_or_default().to_owned();
        let message = format!("Cannot parse argument '{text}' of option resource-pattern-type");
        return Err(thrown(Throwable::new(
            "joptsimple.OptionArgumentConversionException",
            message,
        )));
    };
    let resources = resources(&options, *pattern_type);
    checks.usage_if(
        resources.is_empty() && !options.has("list"),
        "You must provide at least one resource: --topic <topic> or --cluster or --group <group> or \
         --delegation-token <Delegation Token ID>",
    )?;
    if options.has("remove") && !options.has("force") {
        return Err(Early::not_modelled("--remove without --force, which asks at the terminal,"));
    }
    Ok((Acls { is_removal: options.has("remove"), resources }, config))
}

/// `AclCommandOptions.checkArgs`.
fn check_args(checks: &Checks<'_>, argv: &[String]) -> Result<(), Early> {
    let options = checks.options;
    let has = |name: &str| options.has(name);
    checks.help_or_version(argv)?;
    checks.usage_if(
        has("bootstrap-server") && has("bootstrap-controller"),
        "Only one of --bootstrap-server or --bootstrap-controller must be specified",
    )?;
    checks.usage_if(
        !has("bootstrap-server") && !has("bootstrap-controller"),
        "One of --bootstrap-server or --bootstrap-controller must be specified",
    )?;
    checks.usage_if(
        ["add", "remove", "list"].iter().filter(|action| has(action)).count() != 1,
        "Command must include exactly one action: --list, --add, --remove. ",
    )?;
    checks.excludes(
        "list",
        &["producer", "consumer", "allow-host", "allow-principal", "deny-host", "deny-principal"],
    )?;
    for role in ["producer", "consumer"] {
        checks.excludes(role, &["operation", "deny-principal", "deny-host"])?;
    }
    checks.usage_if(
        has("principal") && !has("list"),
        "The --principal option is only available if --list is set",
    )?;
    checks
        .usage_if(has("producer") && !has("topic"), "With --producer you must specify a --topic")?;
    checks.usage_if(
        has("idempotent") && !has("producer"),
        "The --idempotent option is only available if --producer is set",
    )?;
    let beyond = !has("producer") && (has("cluster") || has("transactional-id"));
    checks.usage_if(
        has("consumer") && (!has("topic") || !has("group") || beyond),
        "With --consumer you must specify a --topic and a --group and no --cluster or \
         --transactional-id option should be specified.",
    )
}

/// What an exception prints, on standard output.
fn said(e: &Throwable) -> String {
    format!("Error while executing ACL command: {}\n{}\n", e.message_text(), e.stack_trace())
}

/// A resource filter: its type, its name, and how the name is meant.
#[derive(Clone, Debug)]
struct Resource {
    kind: i8,
    name: Option<String>,
    pattern_type: i8,
}

/// `getResourceFilter`.
fn resources(options: &Options<'_>, pattern_type: i8) -> Vec<Resource> {
    let mut all = Vec::new();
    for (option, kind) in RESOURCES {
        for name in options.values(option) {
            all.push(Resource { kind, name: Some(name.trim().to_owned()), pattern_type });
        }
    }
    let literal = PATTERN_TYPES[2].1;
    if pattern_type == literal && (options.has("cluster") || options.has("idempotent")) {
        all.push(Resource { kind: CLUSTER, name: Some(CLUSTER_NAME.to_owned()), pattern_type });
    }
    all
}

#[derive(Clone)]
struct Acls {
    is_removal: bool,
    resources: Vec<Resource>,
}

impl Script for Acls {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let asked = if self.is_removal { self.delete(stage) } else { self.describe(stage) };
        match asked {
            // Nobody refused: there is an authorizer.
            Ok(()) => {
                stage
                    .err("logbrook: ACLs where an authorizer is configured are not modelled yet\n");
                Ok(1)
            }
            stopped => ended(stage, stopped, |stage, e| stage.out(said(&Throwable::execution(&e)))),
        }
    }
}

impl Acls {
    /// What `--list` and `--add` begin with.
    fn describe(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let any = Resource { kind: ANY, name: None, pattern_type: ANY };
        let resource = self.resources.first().unwrap_or(&any);
        let request = DescribeAclsRequest::default()
            .with_resource_type_filter(resource.kind)
            .with_resource_name_filter(resource.name.clone().map(StrBytes::from_string))
            .with_pattern_type_filter(resource.pattern_type)
            .with_operation(ANY)
            .with_permission_type(ANY);
        let answer = stage.call(request.into(), Target::Any)?;
        let response = expect(answer, |r| match r {
            Response::DescribeAcls(body) => Some(body),
            _ => None,
        })?;
        Ok(check(response.error_code, response.error_message.as_ref())?)
    }

    fn delete(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let filters = self.resources.iter().map(|resource| {
            DeleteAclsFilter::default()
                .with_resource_type_filter(resource.kind)
                .with_resource_name_filter(resource.name.clone().map(StrBytes::from_string))
                .with_pattern_type_filter(resource.pattern_type)
                .with_operation(ANY)
                .with_permission_type(ANY)
        });
        let request = DeleteAclsRequest::default().with_filters(filters.collect());
        let answer = stage.call(request.into(), Target::Any)?;
        let response = expect(answer, |r| match r {
            Response::DeleteAcls(body) => Some(body),
            _ => None,
        })?;
        for result in &response.filter_results {
            check(result.error_code, result.error_message.as_ref())?;
        }
        Ok(())
    }
}
