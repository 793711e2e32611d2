//! `cargo xtask test`.

use crate::say::{Result, failure};

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> Result<()> {
    Err(failure("test is being written."))
}
