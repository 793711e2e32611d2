//! `cargo xtask page lighthouse` and `… frames`: what the built page is like for those who load it.

use crate::e2e;
use crate::env::{browser, command, node, paths};
use crate::page::{self, Profile, serve};
use crate::say::{Doing, Result, failure, step};
use serde_json::Value;
use std::fs;
use std::thread;

/// The newest that runs on Node.js 20.
const LIGHTHOUSE: &str = "lighthouse@12.8.2";

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Lighthouse as on a phone: performance, largest paint, blocking, shifts, accessibility
    Lighthouse {
        /// Places; home and a lesson without
        places: Vec<String>,
    },
    /// Frame times with 5 brokers, 50 partitions, 8 members and 5,000 records a second
    Frames,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Lighthouse { places } => lighthouse(places),
        What::Frames => e2e::playwright("frames", Profile::Web, &[]),
    }
}

/// A figure of Lighthouse, and its bound.
struct Bound {
    name: &'static str,
    /// Where it stands in the report.
    pointer: &'static str,
    /// What it is divided by to be in its unit.
    scale: f64,
    unit: &'static str,
    least: f64,
    most: f64,
}

const fn at_most(
    name: &'static str,
    pointer: &'static str,
    unit: &'static str,
    most: f64,
) -> Bound {
    Bound { name, pointer, scale: 1.0, unit, least: 0.0, most }
}

const fn score(name: &'static str, pointer: &'static str, least: f64) -> Bound {
    Bound { name, pointer, scale: 0.01, unit: "", least, most: 100.0 }
}

const BOUNDS: [Bound; 5] = [
    score("performance", "/categories/performance/score", 95.0),
    score("accessibility", "/categories/accessibility/score", 100.0),
    at_most("LCP", "/audits/largest-contentful-paint/numericValue", "ms", 1_800.0),
    at_most("TBT", "/audits/total-blocking-time/numericValue", "ms", 100.0),
    at_most("CLS", "/audits/cumulative-layout-shift/numericValue", "", 0.002),
];

fn lighthouse(places: &[String]) -> Result<()> {
    node::ensure()?;
    let browser = browser::ensure()?;
    let dist = page::build(Profile::Web, "/")?.dist;
    let server = serve::bind(Some(0))?;
    let address = server.address().to_owned();
    // It answers until xtask ends.
    thread::spawn(move || server.serve(&dist, None));
    let usual = ["".to_owned(), "basics/first-record/".to_owned()];
    let places = if places.is_empty() { &usual[..] } else { places };
    let mut missed = Vec::new();
    for place in places {
        let url = format!("{}/{place}", address.trim_end_matches('/'));
        let running = step(format!("lighthouse on {url}"));
        let out = paths::scratch().join("lighthouse.json");
        command::run(
            node::npx()
                .args(["--yes", LIGHTHOUSE, &url, "--quiet", "--output=json"])
                .arg(format!("--output-path={}", out.display()))
                .arg("--only-categories=performance,accessibility")
                .arg("--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage")
                .env("CHROME_PATH", &browser.executable)
                .envs(browser.env.iter().map(|(name, value)| (name, value))),
        )?;
        running.done();
        let text = fs::read_to_string(&out).doing(out.display())?;
        let report: Value = serde_json::from_str(&text).doing("Lighthouse's report")?;
        println!("/{place}");
        for line in judge(&report)? {
            let (holds, line) = line;
            println!("  {} {line}", if holds { "✓" } else { "✗" });
            if !holds {
                missed.push(format!("/{place} {line}"));
            }
        }
    }
    match missed.is_empty() {
        true => Ok(()),
        false => Err(failure(missed.join("; "))),
    }
}

/// Each figure with its bound, and whether it holds.
fn judge(report: &Value) -> Result<Vec<(bool, String)>> {
    let line = |bound: &Bound| {
        let found = report.pointer(bound.pointer).and_then(Value::as_f64);
        let value = found.ok_or_else(|| {
            failure(format!("Lighthouse's report has no {}; a number was expected.", bound.pointer))
        })? / bound.scale;
        let holds = (bound.least..=bound.most).contains(&value);
        let wanted = if bound.least > 0.0 {
            format!("at least {}", bound.least)
        } else {
            format!("at most {}", bound.most)
        };
        let (name, unit) = (bound.name, bound.unit);
        Ok((holds, format!("{name} {} {unit} ({wanted})", (value * 1e4).round() / 1e4)))
    };
    BOUNDS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::judge;
    use serde_json::json;

    #[test]
    fn a_figure_beyond_its_bound_is_seen() {
        let report = json!({
            "categories": { "performance": { "score": 0.97 }, "accessibility": { "score": 0.99 } },
            "audits": {
                "largest-contentful-paint": { "numericValue": 1_900.5 },
                "total-blocking-time": { "numericValue": 12 },
                "cumulative-layout-shift": { "numericValue": 0.0 },
            },
        });
        let held: Vec<bool> = judge(&report).expect("reads").into_iter().map(|(h, _)| h).collect();
        assert_eq!(held, [true, false, false, true, true]);
        assert!(judge(&json!({})).is_err());
    }
}
