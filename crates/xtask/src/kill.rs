//! `cargo xtask kill`: kills `logbrook serve --data` under load, again and again, and checks what it kept
//! (`crates/server/tests/kill`).

use std::path::Path;

use crate::env::command;
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
        Some(binary) => binary.clone(),
        None => {
            let build = ["build", "--release", "--package", "logbrook-cli", "--bin", "logbrook"];
            command::run(command::cargo().args(build))?;
            let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
            Path::new(&target).join("release/logbrook").display().to_string()
        }
    };
    let binary = std::path::absolute(&binary).unwrap_or_else(|_| binary.into());
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
