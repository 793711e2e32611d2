//! `cargo xtask shots`: pictures of each place at each width, light and dark.

use crate::e2e;
use crate::env::paths;
use crate::say::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Of the page that compiles fast instead of the one that people load
    #[arg(long)]
    dev: bool,

    /// Passed on to `playwright test`, such as `-g home`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    playwright: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    e2e::playwright("shots", e2e::profile(args.dev), &args.playwright)?;
    println!("The pictures are in {}.", paths::e2e().join("shots/out").display());
    Ok(())
}
