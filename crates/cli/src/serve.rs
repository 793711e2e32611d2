//! `logbrook serve`: one broker on a TCP port.

use logbrook_sorted::SortedMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use log::LevelFilter;
use logbrook_server::{Listen, ServeConfig, Server};

use crate::logger::{self, LogFormat};

/// Run one broker on a TCP port, for any Kafka client
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092", value_parser = Listen::parse)]
    listen: Listen,
    /// What clients are told to connect to; the bound address without
    #[arg(long, value_name = "HOST:PORT", value_parser = Listen::parse)]
    advertised: Option<Listen>,
    /// Listen on an address that other machines reach, without authentication or encryption
    #[arg(long)]
    i_know_this_is_open: bool,
    /// Serve Prometheus metrics at http://HOST:PORT/metrics, under the names of Kafka's MBeans
    #[arg(long, value_name = "HOST:PORT", value_parser = Listen::parse)]
    metrics: Option<Listen>,
    /// How lines of the log on standard error look
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is worth a line: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LevelFilter,
    /// Keep records in memory only, which is the default
    #[arg(long, conflicts_with = "data")]
    memory: bool,
    /// Keep records in this folder, laid out as Kafka's log directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A server property by Kafka's name; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = property)]
    config: Vec<(String, String)>,
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _no_pair => Err(format!("found `{text}`, expected KEY=VALUE such as num.partitions=3")),
    }
}

/// Exit codes: 0 stopped by a signal, 2 could not start.
pub(crate) fn run(args: ServeArgs) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("logbrook serve: {message}");
            ExitCode::from(2)
        }
    }
}

fn serve(args: ServeArgs) -> Result<(), String> {
    logger::start(args.log_format, args.log_level);
    // A connection is a file, and the limit that a shell gives is often 1024.
    if let Err(error) = rlimit::increase_nofile_limit(rlimit::INFINITY) {
        log::warn!("The limit on open files stays as it is: {error}");
    }
    let mut properties = SortedMap::new();
    for (name, value) in args.config {
        if let Some(before) = properties.insert(name.clone(), value) {
            return Err(format!("--config {name}: given twice, first as `{before}`"));
        }
    }
    let config = ServeConfig {
        listen: args.listen,
        advertised: args.advertised,
        open: args.i_know_this_is_open,
        metrics: args.metrics,
        data: args.data.clone(),
        properties,
        seed: seed(),
    };
    runtime()?.block_on(async {
        let server = Server::bind(&config).await.map_err(|e| e.to_string())?;
        let broker = server.config();
        let advertised = Listen { host: broker.host.clone(), port: broker.port };
        let kept = match &args.data {
            Some(data) => format!("records in {}. Ctrl-C stops it", data.display()),
            None => "in memory only. Ctrl-C stops it, and its records are gone".to_owned(),
        };
        println!(
            "Kafka on {advertised}: node {}, cluster {}, {kept}.",
            broker.node_id, broker.cluster_id
        );
        if let Some(address) = server.metrics_addr() {
            println!("Metrics on http://{address}/metrics.");
        }
        // Whoever waits for this line may read it through a pipe.
        let _ = io::stdout().flush();
        server.run(stop_signal()?).await;
        println!("Stopped.");
        Ok(())
    })
}

/// What is ready once the process is asked to end.
fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    #[cfg(unix)]
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|e| format!("SIGTERM: {e}"))?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// One thread, as everything in the engine.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| format!("the event loop: {e}"))
}

/// Drawn from the system: two servers or tools never share ids.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
