//! Where things are.

use std::path::{Path, PathBuf};

/// The top of the repository.
pub(crate) fn root() -> &'static Path {
    // This crate stands at crates/xtask; the binary runs where it was built.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Cargo's target directory: the one this binary was built into, so that a `CARGO_TARGET_DIR`
/// or a configured directory is followed.
pub(crate) fn target() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.to_path_buf()))
        .unwrap_or_else(|| root().join("target"))
}

/// What xtask keeps between runs: fingerprints, bindgen's output.
pub(crate) fn scratch() -> PathBuf {
    target().join("xtask")
}

/// The built page.
pub(crate) fn dist() -> PathBuf {
    root().join("dist")
}

/// The end-to-end tests.
pub(crate) fn e2e() -> PathBuf {
    root().join("tests/e2e")
}
