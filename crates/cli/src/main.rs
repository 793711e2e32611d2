//! The `logbrook` binary: one file a subcommand.

mod bench;
mod folder;
mod grade;
mod kafka_tool;
mod level;
mod logger;
mod question;
mod reference;
mod serve;
mod session;
mod sim;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Apache Kafka's broker, clients and tools in Rust: simulated under lessons, or on a TCP port
#[derive(Debug, Parser)]
#[command(name = "logbrook", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one broker on a TCP port, for any Kafka client
    Serve(serve::ServeArgs),
    /// Run the action lines of a file on a fresh simulated cluster and print the transcript
    Session(session::SessionArgs),
    /// Grade an answer as the page would: run it, then each trial under its hidden seeds
    Grade(grade::GradeArgs),
    /// Prove, export, begin and format levels
    #[command(subcommand)]
    Level(level::LevelCommand),
    /// Prove interview questions, and print their runs
    #[command(subcommand)]
    Question(question::QuestionCommand),
    /// Print what the engine knows by name (tools, errors, configs, fields) as JSON
    Reference,
    /// Run clusters, workloads and faults drawn from seeds under all invariants
    Sim(sim::SimArgs),
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
    let matches = Cli::command().after_help(tools()).get_matches();
    let command = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command,
        Err(error) => error.exit(),
    };
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Session(args) => session::run(&args),
        Command::Grade(args) => grade::run(&args),
        Command::Level(command) => level::run(command),
        Command::Question(command) => question::run(command),
        Command::Reference => reference::run(),
        Command::Sim(args) => sim::run_command(&args),
        Command::Bench { json } => bench::run(json),
        Command::KafkaTool(argv) => kafka_tool::run(&argv),
    }
}

/// The end of the help: what is no subcommand of ours.
fn tools() -> String {
    let names = logbrook_shell::tools::names().map(|name| format!("  {name}\n"));
    format!(
        "Kafka's tools by their own names, against any Kafka on TCP, each with --help:\n{}\n  \
         logbrook kafka-topics.sh --bootstrap-server localhost:9092 --list",
        names.collect::<String>()
    )
}
