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

/// The page, for its own target and split as it is shipped.
pub(crate) fn page() -> Result<()> {
    targets::ensure(&[targets::PAGE])?;
    command::run(command::cargo().args([
        "clippy",
        "--package",
        "logbrook-web",
        "--target",
        targets::PAGE,
        "--features",
        "split",
        "--",
        "-D",
        "warnings",
    ]))
}
