//! `cargo xtask e2e`.

use crate::say::{Result, failure};

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> Result<()> {
    Err(failure("e2e is being written."))
}
