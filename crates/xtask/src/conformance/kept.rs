//! What the replay of the recorded sessions came to, as the reference shows it: `docs/conformance.json`.
//! It is written by `cargo xtask conformance --table`, and `cargo xtask test kafka` fails where a replay comes
//! to something else.

use super::Table;
use crate::env::{command, paths};
use crate::say::{Doing, Result, failure};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn file() -> PathBuf {
    paths::root().join("docs/conformance.json")
}

/// The table: `date` of the commit that it was made on, and `sessions` of {name, same, commands, verdict}.
pub(crate) fn read() -> Result<Value> {
    let file = file();
    serde_json::from_str(&fs::read_to_string(&file).doing(file.display())?).doing(file.display())
}

/// Keeps what a replay came to.
pub(super) fn write(table: &Table) -> Result<()> {
    let date = command::output(command::program("git").args(["log", "-1", "--format=%cs"]))?;
    let kept = serde_json::json!({ "date": date.trim(), "sessions": table.json() });
    let text = serde_json::to_string_pretty(&kept).doing("the table")?;
    let file = file();
    fs::write(&file, format!("{text}\n")).doing(file.display())
}

/// Fails where a replay differs from what is kept.
pub(crate) fn check(table: &Table) -> Result<()> {
    same(&read()?["sessions"], &table.json())
}

fn same(kept: &Value, now: &Value) -> Result<()> {
    let rows = |table: &Value| table.as_array().cloned().unwrap_or_default();
    let (kept, now) = (rows(kept), rows(now));
    let differs = now.iter().find(|row| !kept.contains(row));
    let gone = kept.iter().find(|row| !now.contains(row));
    match differs.or(gone) {
        None => Ok(()),
        Some(row) => Err(failure(format!(
            "docs/conformance.json is not what the replay came to ({row}): run `cargo xtask conformance --table`."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_that_differs_in_any_row_is_refused() {
        let row = |name: &str, same: u32| json!({ "name": name, "same": same, "commands": 3, "verdict": "ok" });
        let kept = json!([row("a", 3), row("b", 3)]);
        assert!(same(&kept, &kept).is_ok());
        for now in [
            json!([row("a", 3)]),
            json!([row("a", 3), row("b", 2)]),
            json!([row("a", 3), row("b", 3), row("c", 3)]),
        ] {
            assert!(same(&kept, &now).is_err(), "{now}");
        }
    }

    /// Every session that is recorded stands in the table.
    #[test]
    fn the_table_has_every_session() {
        let kept = read().expect("docs/conformance.json");
        let names: Vec<&str> = kept["sessions"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|row| row["name"].as_str())
            .collect();
        for entry in fs::read_dir(paths::root().join("tests/conformance")).expect("there") {
            let path = entry.expect("there").path();
            if path.extension().is_some_and(|e| e == "session") {
                let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
                assert!(names.contains(&name.as_str()), "{name}");
            }
        }
    }
}
