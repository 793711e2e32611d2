//! `kafka-dump-log.sh` (`org.apache.kafka.tools.DumpLogSegments`): a broker's files in words. It asks no
//! broker; the files are in its [`ToolEnv`].

mod dump;
mod message_parser;
mod schema;

use logbrook_client::Process;

pub use dump::{DumpOptions, Dumped, Files, dump};
pub use message_parser::{Decoder, MessageParser};

use super::java::Throwable;
use super::options::OptionTable;
use super::setup::{Checks, Early, ToolEnv};

pub(crate) const HELP: &str = include_str!("help/kafka-dump-log.txt");

/// Reads the options and dumps the files.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    Box::new(run(table, argv, env).unwrap_or_else(|early| early))
}

/// An exception that nobody catches.
fn uncaught(thrown: &Throwable) -> Early {
    Early::error(format!("Exception in thread \"main\" {}", thrown.stack_trace()))
}

fn run(table: &'static OptionTable, argv: &[String], env: &ToolEnv) -> Result<Early, Early> {
    let thrown = |e: super::options::OptionError| uncaught(&e.into());
    let options = table.parse(argv).map_err(thrown)?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.required(&["files"])?;
    for missing in ["remote-log-metadata-decoder", "share-group-state-decoder"] {
        if options.has(missing) {
            return Err(Early::not_modelled(&format!("--{missing}")));
        }
    }
    let decoder = |name: &str| {
        let class = options.value(name).map_err(thrown)?.unwrap_or_default().to_owned();
        Decoder::of_class(&class).ok_or_else(|| {
            let cause = Throwable::new("java.lang.ClassNotFoundException", class);
            let outer =
                Throwable::new("java.lang.RuntimeException", "Failed to load decoder class");
            uncaught(&outer.caused_by(&cause))
        })
    };
    let parser = if options.has("offsets-decoder") {
        MessageParser::Offsets
    } else if options.has("transaction-log-decoder") {
        MessageParser::TransactionLog
    } else if options.has("cluster-metadata-decoder") {
        MessageParser::ClusterMetadata
    } else {
        MessageParser::Decoders(decoder("key-decoder-class")?, decoder("value-decoder-class")?)
    };
    let printing = [
        "print-data-log",
        "offsets-decoder",
        "transaction-log-decoder",
        "cluster-metadata-decoder",
        "value-decoder-class",
        "key-decoder-class",
    ];
    let print_data_log = printing.iter().any(|name| options.has(name));
    let dump_options = DumpOptions {
        deep_iteration: print_data_log || options.has("deep-iteration"),
        print_data_log,
        skip_record_metadata: options.has("skip-record-metadata"),
        verify_index_only: options.has("verify-index-only"),
        index_sanity_check: options.has("index-sanity-check"),
        max_bytes: options.int("max-bytes").map_err(thrown)?.unwrap_or(i32::MAX),
        parser,
    };
    let files = options.value("files").map_err(thrown)?.unwrap_or_default();
    let paths: Vec<&str> = files.split(',').collect();
    let Dumped { out, err, exit } = dump(&env.disk, &paths, &dump_options);
    Ok(Early { out, err, code: exit, ..Early::default() })
}

/// The files that a command line of the tool needs: those that it names, and what an index is held
/// against.
pub fn files_of(argv: &[String]) -> Vec<String> {
    let mut files = Vec::new();
    let mut words = argv.iter();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--files=") {
            Some(value) => value,
            None if word == "--files" => words.next().map(String::as_str).unwrap_or_default(),
            None => continue,
        };
        for path in value.split(',') {
            files.push(path.to_owned());
            if let Some(stem) =
                path.strip_suffix(".timeindex").or_else(|| path.strip_suffix(".index"))
            {
                files.push(format!("{stem}.log"));
            }
        }
    }
    files
}
