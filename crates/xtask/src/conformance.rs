//! `cargo xtask conformance`.

use crate::say::{Result, failure};

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> Result<()> {
    Err(failure("conformance is being written."))
}
