//! `logbrook serve`: one broker on a TCP port.

use logbrook_sorted::SortedMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use logbrook_server::{Listen, ServeConfig, Server};

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
    /// Keep records in memory only, which is the default
    #[arg(long, conflicts_with = "data")]
    memory: bool,
    /// Keep records in this folder (not built yet)
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
    if let Some(data) = args.data {
        return Err(format!(
            "--data {}: keeping records on disk is not built yet; without --data they are kept in memory",
            data.display()
        ));
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
        properties,
        seed: seed(),
    };
    runtime()?.block_on(async {
        let log = Box::new(|line: &str| eprintln!("logbrook serve: {line}"));
        let server = Server::bind(&config, log).await.map_err(|e| e.to_string())?;
        let broker = server.config();
        let advertised = Listen { host: broker.host.clone(), port: broker.port };
        println!(
            "Kafka on {advertised}: node {}, cluster {}, in memory only. Ctrl-C stops it, and its records are gone.",
            broker.node_id, broker.cluster_id
        );
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
