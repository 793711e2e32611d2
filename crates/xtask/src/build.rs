//! `cargo xtask build`: the page in dist/, ready for any static host.

use crate::page::{self, Profile, sizes};
use crate::say::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The path under which a host will serve the page; only 404.html depends on it
    #[arg(long, default_value = "/")]
    base: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let built = page::build(Profile::Web, &args.base)?;
    print!("{}", sizes::first_load(&built.dist)?.table());
    println!("The page is in {}.", built.dist.display());
    Ok(())
}
