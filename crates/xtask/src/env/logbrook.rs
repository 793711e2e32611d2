//! The product itself, as other programs meet it: the `logbrook` binary in release.

use super::{command, paths};
use crate::say::{Result, step};
use std::path::PathBuf;

/// Builds it; answers with where it is.
pub(crate) fn build() -> Result<PathBuf> {
    let building = step("building the logbrook binary");
    let package = ["build", "--release", "--package", "logbrook-cli", "--bin", "logbrook"];
    command::run(command::cargo().args(package))?;
    building.done();
    Ok(binary())
}

/// Where [`build`] puts it.
pub(crate) fn binary() -> PathBuf {
    paths::target().join("release").join(format!("logbrook{}", std::env::consts::EXE_SUFFIX))
}
