//! `cargo xtask bench`: what the engine costs, and what a first visit loads.

mod peers;

use crate::env::command;
use crate::page::{self, Profile, sizes};
use crate::say::{Doing, Result, failure};
use serde_json::{Map, Value, json};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// One JSON object on stdout instead of tables
    #[arg(long)]
    json: bool,
    /// Compare with Apache Kafka, Tansu and kfake under one librdkafka client instead
    #[arg(long)]
    peers: bool,
    /// With --peers: so many times fewer messages, to try it out
    #[arg(long, value_name = "N", default_value_t = 1, requires = "peers")]
    divisor: u64,
    /// With --peers: logbrook, kafka, tansu or kfake (may be given several times)
    #[arg(long, value_name = "NAME", requires = "peers")]
    only: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.peers {
        let plan = peers::Plan { divisor: args.divisor, only: args.only.clone() };
        let figures = peers::measure(&plan)?;
        match args.json {
            true => println!("{}", figures.json()),
            false => println!("{}", figures.table()),
        }
        return Ok(());
    }
    // A list of `{ "name": "log/append 1 x 100 B/throughput", "unit": "GB/s", "value": 2.5 }`.
    let engine = [
        "run",
        "--release",
        "--package",
        "logbrook-cli",
        "--bin",
        "logbrook",
        "--",
        "bench",
        "--json",
    ];
    let said = command::output(command::cargo().args(engine))?;
    let mut measures: Vec<Value> =
        serde_json::from_str(&said).doing("what `logbrook bench --json` printed")?;
    measures.extend(crate::test::wasm::simulation()?);
    // After it: nothing else should run while it measures.
    let load = sizes::first_load(&page::build(Profile::Web, "/")?.dist)?;
    if args.json {
        let mut parts: Map<String, Value> =
            load.parts.iter().map(|(name, bytes)| ((*name).to_owned(), json!(bytes))).collect();
        parts.insert("first_paint".to_owned(), json!(load.first()));
        parts.insert("first_command".to_owned(), json!(load.answered()));
        parts.insert("sum".to_owned(), json!(load.total()));
        let all = json!({ "engine": measures, "first_load_brotli_bytes": parts, "goal_bytes": sizes::GOAL_BYTES });
        println!("{all}");
    } else {
        print!("\n{}\n{}", table(&measures)?, load.table());
    }
    Ok(())
}

/// What was measured as rows, its figures side by side.
fn table(measures: &[Value]) -> Result<String> {
    let mut out = String::new();
    let mut row = "";
    for measure in measures {
        let (Some(name), Some(unit), Some(value)) =
            (measure["name"].as_str(), measure["unit"].as_str(), measure["value"].as_f64())
        else {
            return Err(failure(format!(
                "a bench printed {measure}; name, unit and value were expected."
            )));
        };
        let (what, figure) = name.rsplit_once('/').unwrap_or((name, "time"));
        if what != row {
            row = what;
            out.push_str(&format!("{what}\n"));
        }
        let digits = if value < 100.0 { 2 } else { 0 };
        out.push_str(&format!("  {figure:<16}{value:>12.digits$} {unit}\n"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn figures_of_one_thing_stand_under_it() {
        let measures = [
            json!({ "name": "log/append 1 x 100 B/throughput", "unit": "GB/s", "value": 2.456 }),
            json!({ "name": "log/append 1 x 100 B/time", "unit": "ns/batch", "value": 171.4 }),
            json!({ "name": "cluster/round trip/time", "unit": "us", "value": 41.0 }),
        ];
        assert_eq!(
            super::table(&measures).expect("well formed"),
            "log/append 1 x 100 B\n  throughput              2.46 GB/s\n  time                     171 ns/batch\n\
             cluster/round trip\n  time                   41.00 us\n"
        );
    }
}
