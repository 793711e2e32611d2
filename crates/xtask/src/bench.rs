//! `cargo xtask bench`.

use crate::say::{Result, failure};

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> Result<()> {
    Err(failure("bench is being written."))
}
