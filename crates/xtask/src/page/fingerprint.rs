//! Whether anything that the page is made from has changed since it was built.

use crate::env::paths;
use crate::say::{Doing, Result};
use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Files and folders the page is made from; a test or a bench in them changes nothing.
const INPUTS: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    ".cargo",
    "rust-toolchain.toml",
    "index.html",
    "crates",
    "docs",
    "web",
    "lessons",
];

/// One line that differs when any input, or one of `also`, differs.
pub(crate) fn of_inputs(also: &[&str]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    also.hash(&mut hasher);
    // Flags reach the compiler through the environment too.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        std::env::var(name).ok().hash(&mut hasher);
    }
    for file in inputs() {
        file.strip_prefix(paths::root()).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file).doing(file.display())?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Every file that is an input, in order.
pub(crate) fn inputs() -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for input in INPUTS {
        collect(&paths::root().join(input), &mut files);
    }
    files
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_dir() {
        if matches!(&*name, "tests" | "benches" | "target" | "node_modules") {
            return;
        }
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), files);
        }
    } else if path.is_file() && !name.starts_with(".#") && !name.ends_with('~') {
        files.insert(path.to_path_buf());
    }
}
