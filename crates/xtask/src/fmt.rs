//! `cargo xtask fmt`: rustfmt over every crate.

use crate::env::command;
use crate::say::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only look; fail when a file would change
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut cargo = command::cargo();
    cargo.args(["fmt", "--all"]);
    if args.check {
        cargo.arg("--check");
    }
    command::run(&mut cargo)
}
