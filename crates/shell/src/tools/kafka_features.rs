//! `kafka-features.sh` (`org.apache.kafka.tools.FeatureCommand`). Kafka's tools are those of 4.3.1, so
//! they name no metadata version after `4.4-IV0`.

use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, UpdateFeaturesRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_client::Process;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_sorted::SortedMap;

use super::admin_calls::{Stop, check, ended, expect};
use super::argparse::{Action, Arg, Exclusive, Namespace, Refused, Spec, arg, parse};
use super::java::Throwable;
use super::kafka_cluster::admin_config;
use super::options::OptionTable;
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Early, ToolEnv, load_props};

pub(crate) const HELP: &str = include_str!("help/kafka-features.txt");

const TERSE: &str = "org.apache.kafka.tools.TerseException";
const FEATURE: Arg = arg(&["--feature"], Action::Append);
const DRY_RUN: Arg = arg(&["--dry-run"], Action::StoreTrue);
const UNSAFE: Arg = arg(&["--unsafe"], Action::StoreTrue);
const METADATA: Arg = arg(&["--metadata"], Action::Store);
const RELEASE: Arg = arg(&["--release-version"], Action::Store);

const fn command(name: &'static str, help: &'static str, args: &'static [Arg]) -> Spec {
    Spec { name, help, args, exclusive: &[], commands: &[] }
}

static SPEC: Spec = Spec {
    name: "kafka-features",
    help: HELP,
    args: &[
        arg(&["--bootstrap-server"], Action::Store),
        arg(&["--bootstrap-controller"], Action::Store),
        arg(&["--command-config"], Action::Store),
    ],
    exclusive: &[Exclusive {
        names: &["--bootstrap-server", "--bootstrap-controller"],
        required: false,
    }],
    commands: &[
        command(
            "describe",
            include_str!("help/kafka-features-describe.txt"),
            &[arg(&["--node-id"], Action::StoreInteger)],
        ),
        command(
            "upgrade",
            include_str!("help/kafka-features-upgrade.txt"),
            &[METADATA, RELEASE, FEATURE, DRY_RUN],
        ),
        command(
            "downgrade",
            include_str!("help/kafka-features-downgrade.txt"),
            &[METADATA, RELEASE, FEATURE, UNSAFE, DRY_RUN],
        ),
        command(
            "disable",
            include_str!("help/kafka-features-disable.txt"),
            &[FEATURE, UNSAFE, DRY_RUN],
        ),
        command(
            "version-mapping",
            include_str!("help/kafka-features-version-mapping.txt"),
            &[RELEASE],
        ),
        command(
            "feature-dependencies",
            include_str!("help/kafka-features-feature-dependencies.txt"),
            &[Arg { names: &["--feature"], action: Action::Append, required: true }],
        ),
    ],
};

/// `MetadataVersion`: levels from [`FIRST_LEVEL`] on.
const METADATA_VERSIONS: [&str; 25] = [
    "3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2",
    "3.7-IV0", "3.7-IV1", "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0",
    "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0",
    "4.4-IV0",
];
const FIRST_LEVEL: i16 = 7;
/// `MetadataVersion.LATEST_PRODUCTION`.
const LATEST_PRODUCTION: &str = "4.3-IV0";

fn metadata_name(level: i16) -> Option<&'static str> {
    METADATA_VERSIONS.get(usize::try_from(level - FIRST_LEVEL).ok()?).copied()
}

/// `MetadataVersion.fromVersionString`: a version, or the last one of a release.
fn metadata_level(text: &str) -> Result<i16, String> {
    let release = format!("{text}-");
    let found = METADATA_VERSIONS
        .iter()
        .rposition(|name| *name == text || name.starts_with(&release))
        .and_then(|at| i16::try_from(at).ok());
    found.map(|at| at + FIRST_LEVEL).ok_or_else(|| {
        format!(
            "Unknown metadata.version '{text}'. Supported metadata.version are: {}",
            METADATA_VERSIONS.join(", ")
        )
    })
}

/// Name, and for each level above 0 the first metadata version that has it by default
/// (`Feature.PRODUCTION_FEATURES`).
const FEATURES: [(&str, &[i16]); 6] = [
    ("kraft.version", &[21]),
    ("transaction.version", &[24, 24]),
    ("group.version", &[22]),
    ("eligible.leader.replicas.version", &[26]),
    ("share.version", &[28]),
    ("streams.version", &[29]),
];

/// `Feature.defaultLevel`.
fn default_level(from: &[i16], metadata: i16) -> usize {
    from.iter().filter(|first| **first <= metadata).count()
}

/// Reads the options and starts the command.
pub(crate) fn start(
    _table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(argv, env), env.seed)
}

fn terse(message: impl std::fmt::Display) -> Early {
    Early::error(format!("{message}\n"))
}

/// `main` forgets the end of the line here.
fn command_line_error(message: &str) -> Early {
    Early::error(format!("Command line error: {message}. Type --help for help."))
}

fn prepare(argv: &[String], env: &ToolEnv) -> Result<(Features, AdminConfig), Early> {
    let namespace = parse(&SPEC, argv).map_err(|refused| match refused {
        Refused::Help(help) => Early { out: help.to_owned(), ..Early::default() },
        Refused::Wrong { message, .. } => command_line_error(&message),
    })?;
    match namespace.command {
        "version-mapping" => return Err(version_mapping(&namespace)),
        "feature-dependencies" => return Err(feature_dependencies(&namespace)),
        _ => {}
    }
    let thrown = |thrown: Throwable| terse(thrown.message_text());
    let mut properties = match namespace.get("--command-config") {
        Some(file) => load_props(env, file).map_err(thrown)?,
        None => SortedMap::new(),
    };
    let Some(servers) = namespace.get("--bootstrap-server") else {
        if namespace.has("--bootstrap-controller") {
            return Err(Early::not_modelled("--bootstrap-controller of this tool"));
        }
        return Err(command_line_error(
            "You must specify either --bootstrap-controller or --bootstrap-server.",
        ));
    };
    properties.insert("bootstrap.servers".into(), servers.to_owned());
    let config = admin_config(&properties, servers, &thrown)?;
    if namespace.command != "describe" {
        return Ok((Features::Update(update(&namespace)?), config));
    }
    let node = namespace.int("--node-id");
    if let Some(id) = node.filter(|id| *id < 0) {
        return Err(terse(format!("Invalid node id {id}: must be non-negative.")));
    }
    Ok((Features::Describe { node }, config))
}

fn version_mapping(namespace: &Namespace) -> Early {
    let release = namespace.get("--release-version").unwrap_or(LATEST_PRODUCTION);
    let level = match metadata_level(release) {
        Ok(level) => level,
        Err(message) => return terse(message),
    };
    let mut out = format!("metadata.version={level} ({release})\n");
    for (name, from) in FEATURES {
        out.push_str(&format!("{name}={}\n", default_level(from, level)));
    }
    Early { out, ..Early::default() }
}

/// `parseNameAndLevel`.
fn name_and_level(text: &str) -> Result<(&str, i16), Early> {
    let Some((name, level)) = text.split_once('=') else {
        return Err(terse(format!(
            "Can't parse feature=level string {text}: equals sign not found."
        )));
    };
    let (name, level) = (name.trim(), level.trim());
    let number = level.parse().map_err(|_| {
        terse(format!(
            "Can't parse feature=level string {text}: unable to parse {level} as a short."
        ))
    })?;
    Ok((name, number))
}

fn feature_dependencies(namespace: &Namespace) -> Early {
    let mut out = String::new();
    for text in namespace.all("--feature") {
        let (name, level) = match name_and_level(text) {
            Ok(parsed) => parsed,
            Err(early) => return early.after(&out),
        };
        if name == "metadata.version" {
            let Some(version) = metadata_name(level) else {
                return terse(format!("Unknown metadata.version {level}")).after(&out);
            };
            out.push_str(&format!("{name}={level} ({version}) has no dependencies.\n"));
            continue;
        }
        let Some((_, from)) = FEATURES.iter().find(|(known, _)| *known == name) else {
            return terse(format!("Unknown feature: {name}")).after(&out);
        };
        if !usize::try_from(level).is_ok_and(|level| level <= from.len()) {
            let message = format!("No feature:{name} with feature level {level}");
            return terse(message).after(&out);
        }
        // The one feature that needs more than it is itself (`EligibleLeaderReplicasVersion`).
        if (name, level) == ("eligible.leader.replicas.version", 1) {
            out.push_str(&format!("{name}={level} requires:\n    metadata.version=23 (4.0-IV1)\n"));
        } else {
            out.push_str(&format!("{name}={level} has no dependencies.\n"));
        }
    }
    Early { out, ..Early::default() }
}

/// What upgrade, downgrade and disable ask for (`handleUpgradeOrDowngrade`, `handleDisable`).
fn update(namespace: &Namespace) -> Result<Update, Early> {
    let op = namespace.command;
    let release = namespace.get("--release-version");
    let features = namespace.all("--feature");
    let metadata = namespace.get("--metadata");
    if release.is_some() && (metadata.is_some() || !features.is_empty()) {
        return Err(terse("Can not specify `release-version` with other feature flags."));
    }
    let mut out = String::new();
    let mut levels: SortedMap<String, i16> = SortedMap::new();
    if let Some(release) = release {
        let level = metadata_level(release).map_err(terse)?;
        levels.insert("metadata.version".to_owned(), level);
        for (name, from) in FEATURES {
            let own = i16::try_from(default_level(from, level)).unwrap_or(0);
            // Nothing is upgraded to 0.
            if op != "upgrade" || own > 0 {
                levels.insert(name.to_owned(), own);
            }
        }
    }
    if let Some(metadata) = metadata {
        out.push_str(" `metadata` flag is deprecated and may be removed in a future release.\n");
        let level = metadata_level(metadata).map_err(|message| terse(message).after(&out))?;
        levels.insert("metadata.version".to_owned(), level);
    }
    for text in features {
        let (name, level) = match op {
            "disable" => (text.as_str(), 0),
            _ => name_and_level(text).map_err(|early| early.after(&out))?,
        };
        check_level(op, level).map_err(|message| terse(message).after(&out))?;
        if levels.insert(name.to_owned(), level).is_some() {
            return Err(terse(format!("Feature {name} was specified more than once.")).after(&out));
        }
    }
    if levels.is_empty() {
        return Err(terse(format!("You must specify at least one feature to {op}")).after(&out));
    }
    let upgrade_type = match op {
        "upgrade" => UPGRADE,
        _ if namespace.has("--unsafe") => UNSAFE_DOWNGRADE,
        _ => SAFE_DOWNGRADE,
    };
    Ok(Update { op, said: out, levels, upgrade_type, dry_run: namespace.has("--dry-run") })
}

/// What the constructor of `FeatureUpdate` refuses.
fn check_level(op: &str, level: i16) -> Result<(), String> {
    match level {
        0 if op == "upgrade" => Err(format!(
            "The upgradeType flag should be set to SAFE_DOWNGRADE or UNSAFE_DOWNGRADE when the \
             provided maxVersionLevel:{level} is < 1."
        )),
        ..0 => Err("Cannot specify a negative version level.".to_owned()),
        _ => Ok(()),
    }
}

/// `FeatureUpdate.UpgradeType`.
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

#[derive(Clone)]
enum Features {
    Describe { node: Option<i32> },
    Update(Update),
}

/// New levels of features.
#[derive(Clone)]
struct Update {
    /// As `upgrade`.
    op: &'static str,
    /// What was said while the options were read.
    said: String,
    levels: SortedMap<String, i16>,
    upgrade_type: i8,
    dry_run: bool,
}

impl Script for Features {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = match self {
            Features::Describe { node } => describe(stage, *node),
            Features::Update(update) => update.run(stage),
        };
        ended(stage, done, |stage, thrown| {
            let text = match thrown.class == TERSE {
                true => thrown.message_text().to_owned(),
                false => Throwable::execution(&thrown).message_text().to_owned(),
            };
            stage.err(format!("{text}\n"));
        })
    }
}

impl Update {
    fn run(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.out(self.said.clone());
        // One answer for all of them.
        let error = match self.send(stage) {
            Ok(()) => None,
            Err(Stop::Thrown(thrown)) => Some(thrown),
            Err(Stop::Waiting) => return Err(Stop::Waiting),
        };
        for (name, level) in &self.levels {
            let line = match (&error, self.op) {
                (Some(error), op) => {
                    let helper = if self.dry_run { "Can not" } else { "Could not" };
                    let what = match op {
                        "disable" => format!("disable {name}"),
                        op => format!("{op} {name} to {level}"),
                    };
                    format!("{helper} {what}. {}", error.message_text())
                }
                (None, op) => {
                    let verb = if self.dry_run { "can be" } else { "was" };
                    let what = match op {
                        "disable" => "disabled.".to_owned(),
                        op => format!("{op}d to {level}."),
                    };
                    format!("{name} {verb} {what}")
                }
            };
            stage.out(format!("{line}\n"));
        }
        match error {
            None => Ok(()),
            Some(_) => {
                let count = self.levels.len();
                let message = format!("{count} out of {count} operation(s) failed.");
                Err(Throwable::new(TERSE, message).into())
            }
        }
    }

    /// `Admin.updateFeatures`.
    fn send(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let updates = self.levels.iter().map(|(name, level)| {
            FeatureUpdateKey::default()
                .with_feature(StrBytes::from_string(name.clone()))
                .with_max_version_level(*level)
                .with_upgrade_type(self.upgrade_type)
        });
        let request = UpdateFeaturesRequest::default()
            .with_timeout_ms(60_000)
            .with_feature_updates(updates.collect())
            .with_validate_only(self.dry_run);
        let answer = stage.call(request.into(), Target::Controller)?;
        let response = expect(answer, |r| match r {
            Response::UpdateFeatures(body) => Some(body),
            _ => None,
        })?;
        check(response.error_code, response.error_message.as_ref())?;
        for result in &response.results {
            check(result.error_code, result.error_message.as_ref())?;
        }
        Ok(())
    }
}

/// `Admin.describeFeatures`: they are told with the versions of the APIs.
fn features(stage: &mut Stage<'_>, node: Option<i32>) -> Result<ApiVersionsResponse, Stop> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("apache-kafka-java"))
        .with_client_software_version(StrBytes::from_static_str("4.3.1"));
    let target = node.map_or(Target::Any, Target::Node);
    let answer = stage.call(request.into(), target)?;
    let response = expect(answer, |r| match r {
        Response::ApiVersions(body) => Some(body),
        _ => None,
    })?;
    check(response.error_code, None)?;
    Ok(response)
}

fn describe(stage: &mut Stage<'_>, node: Option<i32>) -> Result<(), Stop> {
    let features = features(stage, node)?;
    let level = |name: &str, level: i16| match (name, metadata_name(level)) {
        ("metadata.version", Some(version)) => version.to_owned(),
        ("metadata.version", None) => format!("UNKNOWN {level}"),
        _ => level.to_string(),
    };
    let epoch = match features.finalized_features_epoch {
        epoch if epoch >= 0 => epoch.to_string(),
        _ => "-".to_owned(),
    };
    let mut supported: Vec<(&str, i16, i16)> = features
        .supported_features
        .iter()
        .map(|feature| (feature.name.as_str(), feature.min_version, feature.max_version))
        .collect();
    logbrook_sorted::sort(&mut supported);
    for (name, min, max) in supported {
        let finalized = features
            .finalized_features
            .iter()
            .find(|feature| feature.name.as_str() == name)
            .map_or(0, |feature| feature.max_version_level);
        stage.out(format!(
            "Feature: {name:<40}  SupportedMinVersion: {:<15}  SupportedMaxVersion: {:<15}  \
                 FinalizedVersionLevel: {:<15}  Epoch: {epoch}\n",
            level(name, min),
            level(name, max),
            level(name, finalized),
        ));
    }
    Ok(())
}
