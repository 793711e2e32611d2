//! The options of `kafka-producer-perf-test.sh`: `ProducerPerformance.ConfigPostProcessor`.

use logbrook_broker::config_def::parse_double;
use logbrook_sorted::SortedMap;
use uuid::Builder;

use super::super::argparse::{Action, Arg, Exclusive, Refused, Spec, arg, parse};
use super::super::java::{Throwable, uuid_text};
use super::super::kafka_verifiable_producer::refused;
use super::super::setup::{Early, ToolEnv, WORKING_DIRECTORY, load_props};
use super::super::splittable_random::SplittableRandom;
use super::HELP;

const fn required(names: &'static [&'static str], action: Action) -> Arg {
    Arg { names, action, required: true }
}

static SPEC: Spec = Spec {
    name: "kafka-producer-perf-test",
    help: HELP,
    args: &[
        arg(&["--bootstrap-server"], Action::Store),
        required(&["--topic"], Action::Store),
        required(&["--num-records"], Action::StoreLong),
        arg(&["--record-size"], Action::StoreInteger),
        arg(&["--payload-file"], Action::Store),
        arg(&["--payload-monotonic"], Action::StoreTrue),
        arg(&["--payload-delimiter"], Action::Store),
        required(&["--throughput"], Action::StoreDouble),
        arg(&["--producer-props"], Action::StoreAll),
        arg(&["--command-property"], Action::StoreAll),
        arg(&["--producer.config"], Action::Store),
        arg(&["--command-config"], Action::Store),
        arg(&["--print-metrics"], Action::StoreTrue),
        arg(&["--transactional-id"], Action::Store),
        arg(&["--transaction-duration-ms"], Action::StoreLong),
        arg(&["--warmup-records"], Action::StoreLong),
        arg(&["--reporting-interval"], Action::StoreLong),
    ],
    exclusive: &[Exclusive {
        names: &["--record-size", "--payload-file", "--payload-monotonic"],
        required: true,
    }],
    commands: &[],
};

const DEFAULT_TRANSACTION_DURATION_MS: i64 = 3_000;

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// One of these.
    Lines(Vec<String>),
    /// So many letters.
    Letters(u32),
    /// Its number.
    Number,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Printed before anything else.
    pub(super) greeting: String,
    pub(super) topic: String,
    pub(super) records: u64,
    pub(super) payload: Payload,
    /// Records a second; below 0 as many as go.
    pub(super) throughput: f64,
    pub(super) warmup_records: u64,
    pub(super) reporting_interval_ms: i64,
    pub(super) is_transactional: bool,
    pub(super) transaction_duration_ms: i64,
    pub(super) properties: SortedMap<String, String>,
}

pub(super) fn read(argv: &[String], env: &ToolEnv) -> Result<Settings, Early> {
    if argv.is_empty() {
        return Err(Early { out: HELP.to_owned(), ..Early::default() });
    }
    let namespace = parse(&SPEC, argv).map_err(|e| refused(&SPEC, e))?;
    let wrong = |message: &str| {
        let usage = HELP.split_inclusive("\n\n").next().unwrap_or_default().trim_end();
        Err(Early::error(Refused::printed(&format!("{usage}\n"), SPEC.name, message)))
    };
    let long = |name: &str| namespace.get(name).and_then(|text| text.parse::<i64>().ok());
    let records = long("--num-records").unwrap_or_default();
    let warmup = long("--warmup-records").unwrap_or_default().max(0);
    let size = namespace.int("--record-size");
    let duration_ms = long("--transaction-duration-ms");
    let reporting_interval_ms = long("--reporting-interval").unwrap_or(5_000);
    let (old, new) = ("--producer-props", "--command-property");
    let (old_file, new_file) = ("--producer.config", "--command-config");
    if records <= 0 {
        return wrong("--num-records should be greater than zero.");
    }
    if warmup >= records {
        return wrong(
            "The value for --warmup-records must be strictly fewer than the number of records in \
             the test, --num-records.",
        );
    }
    if size.is_some_and(|size| size <= 0) {
        return wrong("--record-size should be greater than zero.");
    }
    if !["--bootstrap-server", old, new, old_file, new_file].iter().any(|name| namespace.has(name))
    {
        return wrong(
            "At least one of --bootstrap-server, --command-property, --producer-props, \
             --producer.config or --command-config must be specified.",
        );
    }
    if namespace.has(old) && namespace.has(new) {
        return wrong("--command-property and --producer-props cannot be specified together.");
    }
    if namespace.has(old_file) && namespace.has(new_file) {
        return wrong("--command-config and --producer.config cannot be specified together.");
    }
    if duration_ms.is_some_and(|ms| ms <= 0) {
        return wrong("--transaction-duration-ms should be greater than zero.");
    }
    if reporting_interval_ms <= 0 {
        return wrong("--reporting-interval should be greater than zero.");
    }
    if namespace.has("--print-metrics") {
        return Err(Early::not_modelled("--print-metrics"));
    }
    let mut greeting = String::new();
    let payload = match (namespace.get("--payload-file"), size) {
        (Some(file), _) => {
            let delimiter = namespace.get("--payload-delimiter").unwrap_or("\\n");
            Payload::Lines(payload_lines(env, file, delimiter, &mut greeting)?)
        }
        (None, Some(size)) => Payload::Letters(size.unsigned_abs()),
        (None, None) => Payload::Number,
    };
    for (name, instead) in [(old, new), (old_file, new_file)] {
        if namespace.has(name) {
            greeting.push_str(&format!(
                "Option {name} has been deprecated and will be removed in a future version. Use \
                 {instead} instead.\n"
            ));
        }
    }
    let given = if namespace.has(old) { namespace.all(old) } else { namespace.all(new) };
    let file = namespace.get(old_file).or(namespace.get(new_file));
    let mut properties = properties(env, given, file).map_err(|e| e.after(&greeting))?;
    if let Some(servers) = namespace.get("--bootstrap-server") {
        properties.insert("bootstrap.servers".to_owned(), servers.to_owned());
    }
    let id = namespace.get("--transactional-id");
    let is_transactional =
        duration_ms.is_some() || id.is_some() || properties.contains_key("transactional.id");
    if is_transactional {
        let id = id.map(str::to_owned).or_else(|| properties.get("transactional.id").cloned());
        let id = id.unwrap_or_else(|| invented_id(env.seed));
        properties.insert("transactional.id".to_owned(), id);
    }
    if warmup > 0 {
        greeting.push_str(&format!(
            "Warmup first {warmup} records. Steady state results will print after the complete \
             test summary.\n"
        ));
    }
    Ok(Settings {
        greeting,
        topic: namespace.get("--topic").unwrap_or_default().to_owned(),
        records: records.unsigned_abs(),
        payload,
        throughput: namespace.get("--throughput").and_then(parse_double).unwrap_or(-1.0),
        warmup_records: warmup.unsigned_abs(),
        reporting_interval_ms,
        is_transactional,
        transaction_duration_ms: duration_ms.unwrap_or(DEFAULT_TRANSACTION_DURATION_MS),
        properties,
    })
}

/// `performance-producer-` and a random id.
fn invented_id(seed: u64) -> String {
    let mut random = SplittableRandom::new(seed);
    let bytes = std::array::from_fn(|_| random.below(256) as u8);
    let id = Builder::from_random_bytes(bytes).into_uuid();
    format!("performance-producer-{}", uuid_text(id))
}

/// `readProps`.
fn properties(
    env: &ToolEnv,
    given: &[String],
    file: Option<&str>,
) -> Result<SortedMap<String, String>, Early> {
    let mut properties = match file {
        Some(file) => load_props(env, file).map_err(Early::uncaught)?,
        None => SortedMap::new(),
    };
    for property in given {
        match property.split('=').collect::<Vec<&str>>()[..] {
            // Java's split drops what is empty at the end.
            [name, value] if !value.is_empty() => {
                properties.insert(name.to_owned(), value.to_owned());
            }
            _ => {
                let thrown = Throwable::illegal_argument(format!("Invalid property: {property}"));
                return Err(Early::uncaught(thrown));
            }
        }
    }
    properties.entry("client.id".to_owned()).or_insert_with(|| "perf-producer-client".to_owned());
    Ok(properties)
}

/// `readPayloadFile`. The delimiter is taken as it stands, not as a regular expression.
fn payload_lines(
    env: &ToolEnv,
    file: &str,
    delimiter: &str,
    greeting: &mut String,
) -> Result<Vec<String>, Early> {
    let root = if file.starts_with('/') { "" } else { WORKING_DIRECTORY };
    let gap = if root.is_empty() { "" } else { "/" };
    greeting.push_str(&format!("Reading payloads from: {root}{gap}{file}\n"));
    let text = env.files.get(file).filter(|text| !text.is_empty());
    let Some(text) = text else {
        let thrown = Throwable::illegal_argument("File does not exist or empty file provided.");
        return Err(Early::uncaught(thrown).after(greeting));
    };
    let delimiter = if delimiter == "\\n" { "\n" } else { delimiter };
    let text = text.strip_prefix(delimiter).unwrap_or(text);
    let text = text.strip_suffix(delimiter).unwrap_or(text);
    let lines: Vec<String> = text.split(delimiter).map(str::to_owned).collect();
    greeting.push_str(&format!("Number of records read: {}\n", lines.len()));
    Ok(lines)
}
