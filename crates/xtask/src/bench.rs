//! `cargo xtask bench`: what the engine costs, and what a first visit loads.

use crate::env::command;
use crate::page::{self, Profile, sizes};
use crate::say::{Doing, Result};
use serde_json::{Map, Value, json};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// One JSON object on stdout instead of tables
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let engine =
        ["run", "--release", "--package", "logbrook-cli", "--bin", "logbrook", "--", "bench"];
    // Built before the page: nothing else should run while it measures.
    if args.json {
        let said = command::output(command::cargo().args(engine).arg("--json"))?;
        let measures: Value =
            serde_json::from_str(&said).doing("what `logbrook bench --json` printed")?;
        let load = sizes::first_load(&page::build(Profile::Web, "/")?.dist)?;
        let mut parts: Map<String, Value> =
            load.parts.iter().map(|(name, bytes)| ((*name).to_owned(), json!(bytes))).collect();
        parts.insert("sum".to_owned(), json!(load.total()));
        println!(
            "{}",
            json!({ "engine": measures, "first_load_brotli_bytes": parts, "goal_bytes": sizes::GOAL_BYTES })
        );
    } else {
        command::run(command::cargo().args(engine))?;
        println!("\n{}", sizes::first_load(&page::build(Profile::Web, "/")?.dist)?.table());
    }
    Ok(())
}
