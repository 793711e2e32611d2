//! The `logbrook` binary: one file a subcommand.

mod bench;
mod folder;
mod grade;
mod kafka_tool;
mod level;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Apache Kafka's broker, clients and tools in Rust: simulated under lessons, or on a TCP port
#[derive(Debug, Parser)]
#[command(name = "logbrook", version, about, after_help = TOOLS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const TOOLS: &str = "\
Kafka's tools by their own names, against any Kafka on TCP:
  logbrook kafka-topics.sh --bootstrap-server localhost:9092 --list
  kafka-topics.sh, kafka-console-producer.sh, kafka-console-consumer.sh, kafka-consumer-groups.sh,
  kafka-get-offsets.sh; each with --help";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one broker on a TCP port, for any Kafka client
    Serve(serve::ServeArgs),
    /// Grade an answer as the page would: run it, then each trial under its hidden seeds
    Grade(grade::GradeArgs),
    /// Prove, export, begin and format levels
    #[command(subcommand)]
    Level(level::LevelCommand),
    /// Measure the log and one simulated round trip
    Bench {
        /// Print one JSON list of {name, unit, value}
        #[arg(long)]
        json: bool,
    },
    /// One of Kafka's tools
    #[command(external_subcommand)]
    KafkaTool(Vec<String>),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Grade(args) => grade::run(&args),
        Command::Level(command) => level::run(command),
        Command::Bench { json } => bench::run(json),
        Command::KafkaTool(argv) => kafka_tool::run(&argv),
    }
}
