//! librdkafka's source, which the crate rdkafka-sys carries, with its tests and examples.

use super::command::{cargo, output, program, run};
use crate::say::{Doing, Result, failure};
use std::fs;
use std::path::{Path, PathBuf};

/// A package whose only use is that Cargo fetches the crate for it.
const CARRIER: &str = "\
[package]\nname = \"carrier\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
[dependencies]\nrdkafka-sys = { version = \"=4.10.0\", default-features = false }\n[workspace]\n";

/// Fetches the source and copies it to `to`, anew where something is there. `carrier` is a folder to work in.
pub(crate) fn copy(carrier: &Path, to: &Path) -> Result<()> {
    let source = fetched(carrier)?.join("librdkafka");
    if to.exists() {
        fs::remove_dir_all(to).doing(to.display())?;
    }
    run(program("cp").arg("-R").arg(&source).arg(to))
}

/// Where cargo has the crate's source.
fn fetched(carrier: &Path) -> Result<PathBuf> {
    fs::create_dir_all(carrier.join("src")).doing(carrier.display())?;
    fs::write(carrier.join("Cargo.toml"), CARRIER).doing(carrier.display())?;
    fs::write(carrier.join("src/lib.rs"), "").doing(carrier.display())?;
    let metadata = output(cargo().args(["metadata", "--format-version", "1"]).current_dir(carrier))
        .doing("the crate rdkafka-sys could not be fetched; is there a network?")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).doing("cargo metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|package| package["name"] == "rdkafka-sys")
        .find_map(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    folder.map(Path::to_path_buf).ok_or_else(|| failure("cargo metadata has no rdkafka-sys."))
}
