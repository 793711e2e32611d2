//! `cargo xtask kill`: kills `logbrook serve --data` under load, again and again, and checks what it kept
//! (`crates/server/tests/kill`).

use crate::env::{command, logbrook};
use crate::say::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often it is killed
    #[arg(long, default_value_t = 20)]
    times: u32,
    /// Which moments are tried
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kill this binary instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = match &args.binary {
        Some(binary) => std::path::absolute(binary).unwrap_or_else(|_| binary.into()),
        None => logbrook::build()?,
    };
    let test = ["test", "--package", "logbrook-server", "--test", "kill"];
    let rest = ["--", "--ignored", "--nocapture"];
    command::run(
        command::cargo()
            .args(test)
            .args(rest)
            .env("LOGBROOK_BIN", binary)
            .env("LOGBROOK_KILL_TIMES", args.times.to_string())
            .env("LOGBROOK_KILL_SEED", args.seed.to_string()),
    )
}
