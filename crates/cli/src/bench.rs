//! `logbrook bench`: what the engine costs, from the benches of the crates themselves.

use std::process::ExitCode;

use serde::Serialize;

#[path = "../../log/benches/measure/mod.rs"]
mod log_bench;
#[path = "../../shell/benches/travel/mod.rs"]
mod travel_bench;
#[path = "../../shell/benches/trip/mod.rs"]
mod trip_bench;

/// One figure; in JSON as `cargo xtask bench` reads it.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    unit: &'static str,
    value: f64,
}

/// Exit codes: 0 measured, 2 could not be measured.
pub(crate) fn run(json: bool) -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("logbrook bench: this build is not optimised; cargo build --release measures");
    }
    let rows = match rows() {
        Ok(rows) => rows,
        Err(why) => {
            eprintln!("logbrook bench: {why}");
            return ExitCode::from(2);
        }
    };
    if json {
        match serde_json::to_string(&rows) {
            Ok(text) => println!("{text}"),
            Err(e) => {
                eprintln!("logbrook bench: {e}");
                return ExitCode::from(2);
            }
        }
    } else {
        let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        for Row { name, unit, value } in rows {
            println!("{name:<width$}  {value:>12.2} {unit}");
        }
    }
    ExitCode::SUCCESS
}

fn rows() -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = log_bench::measure()
        .into_iter()
        .map(|m| Row { name: m.name, unit: m.unit, value: m.value })
        .collect();
    let trip_us = trip_bench::measure()?;
    rows.push(Row { name: trip_bench::NAME.to_owned(), unit: "us", value: trip_us });
    let travel = travel_bench::measure(None)?;
    rows.extend(travel.into_iter().map(|figure| Row {
        name: figure.name.to_owned(),
        unit: figure.unit,
        value: figure.value,
    }));
    Ok(rows)
}
