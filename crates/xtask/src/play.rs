//! `cargo xtask play`: the page, served on this machine.

use crate::env::command;
use crate::page::serve::{self, Rebuilds};
use crate::page::{self, Profile, sizes, watch};
use crate::say::{Result, note};
use std::process::Stdio;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// The port to serve on (default: the first free one from 8030)
    #[arg(long)]
    port: Option<u16>,
    /// Build fast and unoptimised, rebuild on every change, and reload the page
    #[arg(long)]
    watch: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    // Before the build: a taken port should not cost two minutes to learn of.
    let server = serve::bind(args.port)?;
    let profile = if args.watch { Profile::Dev } else { Profile::Web };
    let built = page::build(profile, "/")?;
    if !args.watch {
        eprint!("{}", sizes::first_load(&built.dist)?.table());
    }
    println!("Logbrook plays at {}  (Ctrl-C ends it)", server.address());
    if !args.no_open {
        open(server.address());
    }
    if args.watch {
        let rebuilds = Rebuilds::default();
        let announced = rebuilds.clone();
        std::thread::spawn(move || watch::rebuild_for_ever(&announced));
        server.serve(&built.dist, Some(&rebuilds));
    } else {
        server.serve(&built.dist, None);
    }
    Ok(())
}

/// Opens the address where there is a desktop; elsewhere the printed address is enough.
fn open(address: &str) {
    let mut opener = if cfg!(target_os = "macos") {
        command::program("open")
    } else if cfg!(windows) {
        let mut cmd = command::program("cmd");
        cmd.args(["/C", "start", ""]);
        cmd
    } else if std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some()
    {
        command::program("xdg-open")
    } else {
        return;
    };
    let opened = opener
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if opened.is_err() {
        note("no browser could be opened; the address above is where to point one.");
    }
}
