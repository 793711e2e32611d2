//! The levels as JSON: read from `lessons/` once, by the engine's own reader, for the page to load
//! and for the prerendered prose. So the page's wasm holds no parser of TOML or Markdown.

use crate::env::{command, paths};
use crate::say::{Doing, Result, step};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Where trunk's hook writes them too (Trunk.toml), and where index.html says that they are.
const OUT: &str = "target/lessons";

/// Writes `catalog.json` and `<track>/<slug>.json`.
pub(crate) fn export() -> Result<PathBuf> {
    let reading = step("reading the levels");
    let out = paths::root().join(OUT);
    let _ = fs::remove_dir_all(&out);
    command::run(
        command::cargo()
            .args(["run", "--package", "logbrook-cli", "--bin", "logbrook", "--"])
            .args(["level", "export", "--lessons", "lessons", "--out", OUT]),
    )?;
    reading.done();
    Ok(out)
}

/// What the engine knows by name: tools, errors, configs, fields.
pub(crate) fn reference() -> Result<Value> {
    let printed = command::output(
        command::cargo()
            .args(["run", "--quiet", "--package", "logbrook-cli", "--bin", "logbrook", "--"])
            .arg("reference"),
    )?;
    serde_json::from_str(&printed).doing("what `logbrook reference` prints")
}

/// One exported file.
pub(crate) fn read(file: &Path) -> Result<Value> {
    serde_json::from_str(&fs::read_to_string(file).doing(file.display())?).doing(file.display())
}
