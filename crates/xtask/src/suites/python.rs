//! A Python environment of the suites' own.

use crate::env::command::{self, program};
use crate::say::{Doing, Result, step};
use std::fs;
use std::path::{Path, PathBuf};

/// The environment's interpreter.
pub(super) fn interpreter(folder: &Path) -> PathBuf {
    folder.join("venv").join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// Makes the environment with these packages in it, once for each list of them.
pub(super) fn environment(folder: &Path, packages: &[&str]) -> Result<()> {
    let stamp = folder.join("venv.packages");
    let list = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|had| had == list) {
        return Ok(());
    }
    let making = step("installing Python packages with pip");
    command::run(program("python3").args(["-m", "venv"]).arg(folder.join("venv")))?;
    command::run(pip(folder).arg("install").args(packages))
        .doing("Python packages could not be installed; is there a network?")?;
    fs::write(&stamp, list).doing(stamp.display())?;
    making.done();
    Ok(())
}

/// `pip`, quietly.
pub(super) fn pip(folder: &Path) -> std::process::Command {
    let mut pip = program(interpreter(folder));
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]);
    pip
}
