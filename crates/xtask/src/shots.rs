//! `cargo xtask shots`.

use crate::say::{Result, failure};

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> Result<()> {
    Err(failure("shots is being written."))
}
