//! The options of `kafka-configs.sh`: `ConfigCommandOptions`.

use logbrook_client::admin::AdminConfig;
use logbrook_sorted::SortedMap;

use super::super::java::{Throwable, hash_order};
use super::super::options::{OptionTable, Options};
use super::super::setup::{
    Checks, Early, ToolEnv, load_props, no_resolvable, resolvable, resolves,
};
use super::quotas::Quotas;
use super::scram::{self, Credentials, Upsertion};

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(super) enum Command {
    /// `--describe`.
    Describe { entity: Entity, all: bool },
    /// `--alter`.
    Alter { entity: Entity, add: Vec<(String, String)>, delete: Vec<String> },
    /// `--describe` of users, clients or addresses; of users also their credentials.
    DescribeQuotas { quotas: Quotas, credentials: bool },
    /// `--alter` of the quotas of users, clients or addresses.
    AlterQuotas { quotas: Quotas, entity: Entity, add: Vec<(String, String)>, delete: Vec<String> },
    /// `--alter` of the credentials of a user.
    AlterCredentials { credentials: Credentials, entity: Entity },
}

/// What is described or altered.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    /// As `topics`.
    pub(super) kind: String,
    /// `Some("")` is the default of all; `None` is every one there is.
    pub(super) name: Option<String>,
}

/// The command line ends it here.
pub(super) enum Flow {
    /// With words of its own.
    Early(Early),
    /// With an exception, which `main` prints.
    Thrown(Throwable),
}

impl From<Early> for Flow {
    fn from(early: Early) -> Flow {
        Flow::Early(early)
    }
}

impl From<Throwable> for Flow {
    fn from(thrown: Throwable) -> Flow {
        Flow::Thrown(thrown)
    }
}

/// `ConfigType.values` and the loggers.
const TYPES: [&str; 8] =
    ["topics", "clients", "users", "brokers", "ips", "client-metrics", "groups", "broker-loggers"];
/// An option that names one thing, and its type.
const FLAGS: [(&str, &str); 8] = [
    ("topic", "topics"),
    ("client", "clients"),
    ("user", "users"),
    ("broker", "brokers"),
    ("broker-logger", "broker-loggers"),
    ("ip", "ips"),
    ("client-metrics", "client-metrics"),
    ("group", "groups"),
];
/// An option that names the default of all.
const DEFAULT_FLAGS: [(&str, &str); 4] = [
    ("client-defaults", "clients"),
    ("user-defaults", "users"),
    ("broker-defaults", "brokers"),
    ("ip-defaults", "ips"),
];

fn illegal(message: impl Into<String>) -> Flow {
    Flow::Thrown(Throwable::illegal_argument(message))
}

pub(super) fn read(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(Command, Box<AdminConfig>), Flow> {
    let options = table.parse(argv).map_err(|e| Flow::Thrown(e.into()))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    let types = entity_types(&options);
    let names = entity_names(&options, argv)?;
    check_args(&checks, &types, &names)?;
    let value = |name| options.value(name).map_err(|e| Flow::Thrown(e.into()));
    let mut properties = match value("command-config")? {
        Some(file) => load_props(env, file)?,
        None => SortedMap::new(),
    };
    if options.has("bootstrap-controller") {
        return Err(Early::not_modelled("--bootstrap-controller of this tool").into());
    }
    let servers = value("bootstrap-server")?.unwrap_or_default();
    properties.insert("bootstrap.servers".into(), servers.to_string());
    let failed = "Failed to create new KafkaAdminClient";
    let config = AdminConfig::from_properties(&properties).map_err(|error| {
        let outer = Throwable::new("org.apache.kafka.common.KafkaException", failed);
        Flow::Thrown(outer.caused_by(&Throwable::from(&error)))
    })?;
    resolvable(servers).map_err(|unresolved| {
        let text = super::shown(&argv.join(" "), &no_resolvable(failed));
        Flow::Early(Early::error(text).unresolved(unresolved))
    })?;
    let kind = types.first().cloned().unwrap_or_default();
    let entity = Entity { kind, name: names.first().cloned() };
    let has_quotas = ["users", "clients", "ips"].contains(&entity.kind.as_str());
    let quotas = Quotas { types: types.clone(), names: names.clone() };
    if !options.has("alter") && has_quotas {
        let credentials =
            !types.iter().any(|kind| kind != "users") && !names.contains(&String::new());
        return Ok((Command::DescribeQuotas { quotas, credentials }, Box::new(config)));
    }
    if !options.has("alter") {
        return Ok((Command::Describe { entity, all: options.has("all") }, Box::new(config)));
    }
    if types.len() != names.len() {
        return Err(illegal("An entity name must be specified for every entity type"));
    }
    let add = configs_to_add(&options, env)?;
    let delete: Vec<String> = options
        .values("delete-config")
        .iter()
        .flat_map(|value| value.split(','))
        .map(|key| key.trim().to_owned())
        .collect();
    quota_names(&types, &add, &delete)?;
    if has_quotas {
        let command = alter_quotas(quotas, entity, add, delete, env.seed)?;
        return Ok((command, Box::new(config)));
    }
    Ok((Command::Alter { entity, add, delete }, Box::new(config)))
}

/// `alterConfig` of users, clients and addresses: quotas, or a user's credentials.
fn alter_quotas(
    quotas: Quotas,
    entity: Entity,
    add: Vec<(String, String)>,
    delete: Vec<String>,
    seed: u64,
) -> Result<Command, Flow> {
    let is_scram = |key: &str| scram::mechanism(key).is_some();
    let all_keys = || add.iter().map(|(key, _)| key).chain(&delete);
    let some_scram = all_keys().any(|key| is_scram(key));
    let some_quota = all_keys().any(|key| !is_scram(key));
    if !some_scram {
        return Ok(Command::AlterQuotas { quotas, entity, add, delete });
    }
    if quotas.names.iter().any(String::is_empty) {
        return Err(illegal(
            "The use of --entity-default or --user-defaults is not allowed with User SCRAM \
             Credentials using --bootstrap-server.",
        ));
    }
    if some_quota {
        return Err(illegal(
            "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using \
             --bootstrap-server.",
        ));
    }
    let mut upsertions = Vec::new();
    for (key, value) in &add {
        if let Some(mechanism) = scram::mechanism(key) {
            upsertions.push(Upsertion::parse(mechanism, value, seed).map_err(illegal)?);
        }
    }
    let deletions = delete.iter().filter_map(|key| scram::mechanism(key)).collect();
    let user = entity.name.clone().unwrap_or_default();
    let credentials = Credentials { user, upsertions, deletions };
    Ok(Command::AlterCredentials { credentials, entity })
}

fn entity_types(options: &Options<'_>) -> Vec<String> {
    let mut types = options.values("entity-type").to_vec();
    let flags = FLAGS.iter().chain(&DEFAULT_FLAGS).filter(|(flag, _)| options.has(flag));
    types.extend(flags.map(|(_, kind)| (*kind).to_owned()));
    types
}

fn entity_names(options: &Options<'_>, argv: &[String]) -> Result<Vec<String>, Flow> {
    let mut given = options.values("entity-name").iter();
    let mut names = Vec::new();
    for word in argv {
        match word.split_once('=').map_or(word.as_str(), |(name, _)| name) {
            "--entity-name" => names.extend(given.next().cloned()),
            "--entity-default" => names.push(String::new()),
            _ => {}
        }
    }
    for (flag, _) in FLAGS.iter().filter(|(flag, _)| options.has(flag)) {
        let value = options.value(flag).map_err(|e| Flow::Thrown(e.into()))?;
        names.push(value.unwrap_or_default().to_owned());
    }
    names.extend(DEFAULT_FLAGS.iter().filter(|(flag, _)| options.has(flag)).map(|_| String::new()));
    Ok(names)
}

/// `checkArgs`.
fn check_args(checks: &Checks<'_>, types: &[String], names: &[String]) -> Result<(), Flow> {
    let options = checks.options;
    let (alter, describe) = (options.has("alter"), options.has("describe"));
    checks.usage_if(
        alter == describe,
        "Command must include exactly one action: --describe, --alter",
    )?;
    checks.excludes("alter", &["describe"])?;
    checks.excludes("describe", &["alter", "add-config", "delete-config"])?;
    let twice: Vec<&str> = types
        .iter()
        .enumerate()
        .filter(|(at, kind)| types[..*at].contains(kind))
        .map(|(_, kind)| kind.as_str())
        .collect();
    if !twice.is_empty() {
        return Err(illegal(format!("Duplicate entity type(s) specified: {}", twice.join(","))));
    }
    let (server, controller) =
        (options.has("bootstrap-server"), options.has("bootstrap-controller"));
    if !server && !controller {
        return Err(illegal(
            "Either --bootstrap-server or --bootstrap-controller must be specified.",
        ));
    }
    if let Some(unknown) = types.iter().find(|kind| !TYPES.contains(&kind.as_str())) {
        return Err(illegal(format!(
            "Invalid entity type {unknown}, the entity type must be one of {} with a \
             --bootstrap-server or --bootstrap-controller argument",
            TYPES.join(", ")
        )));
    }
    let is = |kind: &str| types.iter().any(|given| given == kind);
    match types {
        [] => return Err(illegal("At least one entity type must be specified")),
        [_one] => {}
        [_, _] if is("users") && is("clients") => {}
        _ => {
            return Err(illegal(
                "Only 'users' and 'clients' entity types may be specified together",
            ));
        }
    }
    let general = ["entity-name", "entity-type", "entity-default"];
    if general.iter().any(|name| options.has(name))
        && FLAGS.iter().chain(&DEFAULT_FLAGS).any(|(flag, _)| options.has(flag))
    {
        return Err(illegal(
            "--entity-{type,name,default} should not be used in conjunction with specific entity \
             flags",
        ));
    }
    let has_name = names.iter().any(|name| !name.is_empty());
    let has_default = names.iter().any(String::is_empty);
    if server && controller {
        return Err(illegal(
            "Only one of --bootstrap-server or --bootstrap-controller can be specified",
        ));
    }
    let head = types.first().map(String::as_str).unwrap_or_default();
    let values = |flags: &[&str]| -> Vec<String> {
        flags.iter().flat_map(|flag| options.values(flag).first()).cloned().collect()
    };
    if has_name && (is("brokers") || is("broker-loggers")) {
        for id in values(&["entity-name", "broker", "broker-logger"]) {
            if id.parse::<i32>().is_err() {
                return Err(illegal(format!(
                    "The entity name for {head} must be a valid integer broker id, but it is: {id}"
                )));
            }
        }
    }
    if has_name && is("ips") {
        for ip in values(&["entity-name", "ip"]) {
            if !resolves(&ip) {
                return Err(illegal(format!(
                    "The entity name for {head} must be a valid IP or resolvable host, but it is: \
                     {ip}"
                )));
            }
        }
    }
    let all = types.join(",");
    let with_defaults = is("users") || is("clients") || is("brokers") || is("ips");
    if describe {
        if !with_defaults && options.has("entity-default") {
            return Err(illegal(format!(
                "--entity-default must not be specified with --describe of {all}"
            )));
        }
        if is("broker-loggers") && !has_name {
            return Err(illegal(format!(
                "An entity name must be specified with --describe of {all}"
            )));
        }
    }
    if alter {
        if with_defaults && !has_name && !has_default {
            return Err(illegal(
                "An entity-name or default entity must be specified with --alter of users, clients, \
                 brokers or ips",
            ));
        }
        if !with_defaults && !has_name {
            return Err(illegal(format!("An entity name must be specified with --alter of {all}")));
        }
        let (add, file) = (options.has("add-config"), options.has("add-config-file"));
        if add && file {
            return Err(illegal("Only one of --add-config or --add-config-file must be specified"));
        }
        if !add && !file && !options.has("delete-config") {
            return Err(illegal(
                "At least one of --add-config, --add-config-file, or --delete-config must be \
                 specified with --alter",
            ));
        }
    }
    Ok(())
}

/// Splits where the separator is not within brackets: Java's `,(?=[^\]]*(?:\[|$))`.
fn split_outside_brackets(text: &str, separator: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (at, found) in text.match_indices(separator) {
        let rest = &text[at + found.len()..];
        let closes = rest.find(']').unwrap_or(usize::MAX);
        let opens = rest.find('[').unwrap_or(usize::MAX);
        if closes == usize::MAX || opens < closes {
            pieces.push(&text[from..at]);
            from = at + found.len();
        }
    }
    pieces.push(&text[from..]);
    pieces
}

/// `parseConfigsToBeAdded`.
fn configs_to_add(options: &Options<'_>, env: &ToolEnv) -> Result<Vec<(String, String)>, Flow> {
    let value = |name| options.value(name).map_err(|e| Flow::Thrown(e.into()));
    let mut configs: SortedMap<String, String> = SortedMap::new();
    if let Some(file) = value("add-config-file")? {
        configs.extend(load_props(env, file)?);
    }
    if let Some(text) = value("add-config")? {
        let mut pieces = split_outside_brackets(text, ',');
        while pieces.len() > 1 && pieces.last().is_some_and(|piece| piece.is_empty()) {
            pieces.pop();
        }
        for piece in pieces {
            let [key, value] = split_outside_brackets(piece, '=')[..] else {
                return Err(illegal(
                    "requirement failed: Invalid entity config: all configs to be added must be \
                     in the format \"key=val\" or  \"key=[val1,val2]\" to group values which \
                     contain commas.",
                ));
            };
            let value = value.replace(['[', ']'], "");
            configs.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '$' | '.' | '_' | '-');
    if let Some(wrong) = configs.keys().find(|key| !key.chars().all(allowed)) {
        return Err(illegal(format!("Invalid character found for config key: {wrong}")));
    }
    // `Properties` keeps them in a hash map.
    let order = hash_order(configs.keys().cloned(), 16);
    Ok(order.into_iter().filter_map(|key| configs.remove(&key).map(|value| (key, value))).collect())
}

const USER_QUOTAS: [&str; 4] =
    ["producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"];
const SCRAM: [&str; 2] = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
const IP_QUOTAS: [&str; 1] = ["connection_creation_rate"];

/// The checks of `alterConfig` that come before a broker is asked.
fn quota_names(types: &[String], add: &[(String, String)], delete: &[String]) -> Result<(), Flow> {
    let head = types.first().map(String::as_str).unwrap_or_default();
    let keys: Vec<&str> = add.iter().map(|(key, _)| key.as_str()).collect();
    let deleted: Vec<&str> = delete.iter().map(String::as_str).collect();
    let client = head == "clients" || types.len() == 2;
    let unknown = |keys: &[&str], known: &[&[&str]]| -> Vec<String> {
        keys.iter()
            .filter(|key| !known.iter().any(|names| names.contains(key)))
            .map(|key| (*key).to_owned())
            .collect()
    };
    let set = |names: Vec<String>| format!("Set({})", names.join(", "));
    // What `parseConfigsToBeDeleted` has the names in.
    let list = |names: Vec<String>| format!("ArrayBuffer({})", names.join(", "));
    let only = |what: &str, verb: &str, kind: &str, names: String| {
        Err(illegal(format!(
            "Only {what} configs can be {verb} for '{kind}' using --bootstrap-server. Unexpected \
             config names: {names}"
        )))
    };
    match head {
        "ips" => {
            let all: Vec<&str> = keys.iter().chain(&deleted).copied().collect();
            match unknown(&all, &[&IP_QUOTAS]) {
                names if names.is_empty() => Ok(()),
                names => only("connection quota", "added", "ips", names.join(",")),
            }
        }
        "users" | "clients" if client => {
            let names = unknown(&keys, &[&USER_QUOTAS]);
            if !names.is_empty() {
                return only("quota", "added", "clients", set(names));
            }
            match unknown(&deleted, &[&USER_QUOTAS]) {
                names if names.is_empty() => Ok(()),
                names => only("quota", "deleted", "clients", list(names)),
            }
        }
        "users" => {
            let what = "quota and SCRAM credential";
            let names = unknown(&keys, &[&USER_QUOTAS, &SCRAM]);
            if !names.is_empty() {
                return only(what, "added", "users", set(names));
            }
            match unknown(&deleted, &[&USER_QUOTAS, &SCRAM]) {
                names if names.is_empty() => Ok(()),
                names => only(what, "deleted", "users", list(names)),
            }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::split_outside_brackets;

    #[test]
    fn commas_within_brackets_hold_a_value_together() {
        let split = |text| split_outside_brackets(text, ',');
        assert_eq!(split("a=1,b=2"), ["a=1", "b=2"]);
        assert_eq!(split("a=[1,2],b=3"), ["a=[1,2]", "b=3"]);
        assert_eq!(split("a=[1,2],b=[3,4]"), ["a=[1,2]", "b=[3,4]"]);
        assert_eq!(split(""), [""]);
    }
}
