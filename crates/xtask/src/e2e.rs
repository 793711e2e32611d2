//! `cargo xtask e2e`: the built page in a real Chromium, driven by Playwright.

use crate::env::{browser, command, node, paths};
use crate::page::{self, Profile, serve};
use crate::say::{Result, note, step};
use std::thread;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The page that compiles fast instead of the one that people load
    #[arg(long)]
    dev: bool,

    /// Passed on to `playwright test`, such as `--headed`, `-g "first record"` or a file
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    playwright: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    playwright("e2e", profile(args.dev), &args.playwright)
}

/// How the page under test is compiled.
pub(crate) fn profile(dev: bool) -> Profile {
    if dev { Profile::Dev } else { Profile::Web }
}

/// Builds, serves, and runs the specs.
pub(crate) fn drive(more: &[String]) -> Result<()> {
    playwright("e2e", Profile::Web, more)
}

/// Runs one Playwright project against the built page.
pub(crate) fn playwright(project: &str, profile: Profile, more: &[String]) -> Result<()> {
    node::packages()?;
    let browser = browser::ensure()?;
    let dist = page::build(profile, "/")?.dist;
    let server = serve::bind(Some(0))?;
    let address = server.address().to_owned();
    // It answers until xtask ends.
    thread::spawn(move || server.serve(&dist, None));

    let driving = step(format!("driving {address} with {}", browser.executable.display()));
    note(format!("playwright test --project {project} {}", more.join(" ")).trim_end());
    command::run(
        command::program("node")
            .args(["node_modules/@playwright/test/cli.js", "test"])
            .arg(format!("--project={project}"))
            .args(more)
            .current_dir(paths::e2e())
            .env("BASE_URL", &address)
            .env("CHROME", &browser.executable)
            .envs(browser.env),
    )?;
    driving.done();
    Ok(())
}
