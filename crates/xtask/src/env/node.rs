//! Node and the end-to-end tests' packages.

use super::command::{output, program, run};
use super::paths;
use crate::say::{Doing, Result, failure, step};
use std::fs;

/// Playwright's and node:wasi's floor.
const OLDEST_MAJOR: u32 = 20;

/// Refuses in one sentence when node is missing or too old.
pub(crate) fn ensure() -> Result<()> {
    let version = output(program("node").arg("--version")).map_err(|_| {
        failure(format!(
            "node was not found; the wasm and browser tests need Node.js {OLDEST_MAJOR} or newer (https://nodejs.org)."
        ))
    })?;
    let major = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|m| m.parse::<u32>().ok());
    match major {
        Some(major) if major >= OLDEST_MAJOR => Ok(()),
        Some(_) | None => Err(failure(format!(
            "node says it is {}; the wasm and browser tests need Node.js {OLDEST_MAJOR} or newer.",
            version.trim()
        ))),
    }
}

/// npm as it is called here: on Windows it is a script.
pub(crate) fn npm() -> std::process::Command {
    program(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// npm's runner of packages, likewise.
pub(crate) fn npx() -> std::process::Command {
    program(if cfg!(windows) { "npx.cmd" } else { "npx" })
}

/// Installs tests/e2e's packages exactly as its package-lock.json says, once per lock.
pub(crate) fn packages() -> Result<()> {
    ensure()?;
    let dir = paths::e2e();
    let lock =
        fs::read_to_string(dir.join("package-lock.json")).doing("tests/e2e/package-lock.json")?;
    let stamp = dir.join("node_modules/.xtask-lock");
    if fs::read_to_string(&stamp).is_ok_and(|seen| seen == lock) {
        return Ok(());
    }
    let installing = step("installing the browser tests' npm packages");
    // Playwright would fetch its own browsers on install; ours comes from `browser`.
    run(npm()
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .current_dir(&dir))
    .doing("npm packages of tests/e2e could not be installed; is there a network?")?;
    fs::write(&stamp, lock).doing(stamp.display())?;
    installing.done();
    Ok(())
}
