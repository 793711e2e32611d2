//! Running other programs.

use super::paths;
use crate::say::{Result, failure};
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// A program started at the top of the repository.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(paths::root());
    // `cargo run` tells xtask about xtask's own package; a build script under the next cargo
    // would take that for its own and rebuild.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Cargo, the one that runs xtask, building into the same target directory.
pub(crate) fn cargo() -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.env("CARGO_TARGET_DIR", paths::target());
    command
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = command.get_program();
    let name = std::path::Path::new(program).file_name().unwrap_or(program);
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs it with its output passed on; anything but success is a failure that names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|why| not_started(command, &why))?;
    if status.success() {
        Ok(())
    } else {
        Err(failure(format!("`{}` failed ({status})", line(command))))
    }
}

/// Runs it and keeps stdout; stderr is passed on.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|why| not_started(command, &why))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        eprint!("{text}");
        Err(failure(format!("`{}` failed ({})", line(command), output.status)))
    }
}

/// Runs it and keeps stdout, whether it ends well or not; stderr is passed on.
pub(crate) fn captured(command: &mut Command) -> Result<(bool, String)> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|why| not_started(command, &why))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Whether the program runs at all and ends well, silently.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn not_started(command: &Command, why: &std::io::Error) -> crate::say::Failure {
    let name = command.get_program().to_string_lossy();
    if why.kind() == std::io::ErrorKind::NotFound {
        failure(format!("`{name}` was not found on PATH; it is needed for `{}`.", line(command)))
    } else {
        failure(format!("`{}` could not be started: {why}", line(command)))
    }
}
