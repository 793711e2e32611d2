//! The compiler's targets: added through rustup when they are not there.

use super::command::{output, program, run, works};
use crate::say::{Doing, Result, failure, step};
use std::path::Path;

/// The page.
pub(crate) const PAGE: &str = "wasm32-unknown-unknown";
/// Has no std: what builds for it is no_std.
pub(crate) const BARE: &str = "wasm32v1-none";
/// The tests' second machine, run by node.
pub(crate) const WASI: &str = "wasm32-wasip1";

/// Makes sure that the pinned toolchain can build for each of `targets`.
pub(crate) fn ensure(targets: &[&str]) -> Result<()> {
    let sysroot = output(program("rustc").args(["--print", "sysroot"]))?;
    let rustlib = Path::new(sysroot.trim()).join("lib/rustlib");
    let missing: Vec<&str> =
        targets.iter().copied().filter(|t| !rustlib.join(t).join("lib").is_dir()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !works(program("rustup").arg("--version")) {
        return Err(failure(format!(
            "this Rust has no standard library for {list} and there is no rustup to add it; install Rust from https://rustup.rs."
        )));
    }
    let adding = step(format!("adding Rust targets {list}"));
    run(program("rustup").args(["target", "add"]).args(&missing))
        .doing(format!("{list} could not be downloaded; is there a network?"))?;
    adding.done();
    Ok(())
}
