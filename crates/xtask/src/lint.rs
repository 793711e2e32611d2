//! `cargo xtask lint`: clippy over every crate, warnings refused.

use crate::env::{command, targets};
use crate::say::Result;

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> Result<()> {
    native()?;
    page()
}

/// Everything that runs on this machine, tests and benches included.
pub(crate) fn native() -> Result<()> {
    let all = [
        "clippy",
        "--workspace",
        "--exclude",
        "logbrook-web",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    command::run(command::cargo().args(all))
}

/// The page, for its own target.
pub(crate) fn page() -> Result<()> {
    targets::ensure(&[targets::PAGE])?;
    let page = ["clippy", "-p", "logbrook-web", "--target", targets::PAGE, "--", "-D", "warnings"];
    command::run(command::cargo().args(page))
}
