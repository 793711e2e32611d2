//! `logbrook reference`: what the engine knows by name, as JSON, for the page's reference and its finder.

use std::process::ExitCode;

use logbrook_broker::config_def::ConfigKey;
use logbrook_broker::{ErrorCode, group_config, server_config, topic_config};
use logbrook_record::{BatchBuilder, BatchOptions, spans};
use logbrook_shell::tools;
use serde_json::{Value, json};

/// Prints it.
pub(crate) fn run() -> ExitCode {
    println!("{}", all());
    ExitCode::SUCCESS
}

fn all() -> Value {
    json!({
        "tools": tools::names().filter(|name| name.starts_with("kafka-") && name.ends_with(".sh")).map(tool).collect::<Vec<_>>(),
        "errors": ErrorCode::all().filter(|error| *error != ErrorCode::None).map(error).collect::<Vec<_>>(),
        "topic_configs": topic_config::keys().map(|entry| config(&entry.key, None)).collect::<Vec<_>>(),
        "broker_configs": server_config::keys()
            .filter(|entry| !entry.internal)
            .map(|entry| config(&entry.key, Some(entry.update)))
            .collect::<Vec<_>>(),
        "group_configs": group_config::keys()
            .filter(|entry| !entry.internal)
            .map(|entry| config(&entry.key, None))
            .collect::<Vec<_>>(),
        "fields": fields(),
    })
}

fn tool(name: &str) -> Value {
    let table = tools::options_of(name);
    json!({
        "name": name,
        "summary": table.map(|table| table.summary).unwrap_or_default(),
        "usage": table.map(|table| table.usage).unwrap_or_default(),
    })
}

fn error(error: ErrorCode) -> Value {
    json!({
        "code": error.code(),
        "name": error.name(),
        "exception": error.exception(),
        "message": error.message(),
        "retriable": error.is_retriable(),
    })
}

fn config(key: &ConfigKey, update: Option<server_config::UpdateMode>) -> Value {
    let update = update.map(|mode| match mode {
        server_config::UpdateMode::ReadOnly => "read-only",
        server_config::UpdateMode::PerBroker => "per-broker",
        server_config::UpdateMode::ClusterWide => "cluster-wide",
    });
    json!({
        "name": key.name,
        "type": key.kind.name().to_lowercase(),
        "default": key.default,
        "update": update,
    })
}

/// The header of a record batch, field by field, as the inspector explains it.
fn fields() -> Vec<Value> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(0, None, Some(b"value"), &[]);
    let spans = builder.build().map(|batch| spans(&batch)).unwrap_or_default();
    let header = spans.iter().filter_map(|span| Some((span.number?, span)));
    header
        .map(|(number, span)| {
            json!({
                "number": number,
                "name": span.path.trim_start_matches("header/"),
                "first_byte": span.start,
                "bytes": span.len,
                "about": span.doc,
            })
        })
        .collect()
}
