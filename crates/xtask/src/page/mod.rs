//! The page: compiled, bound, packed, prerendered into a folder that any static host can serve.
//!
//! ```text
//! web/ + the engine --cargo--> .wasm --wasm-bindgen--> .js + .wasm ─┐
//! index.html's styles  --concatenated, comments dropped--> .css ────┤
//! lessons/ --logbrook level export--> JSON --index.html as template--> <place>/index.html ─┴─> dist/, each with its .br
//! ```

mod bind;
pub(crate) mod compress;
mod fingerprint;
mod lessons;
mod offline;
mod places;
mod prose;
mod reference;
pub(crate) mod serve;
pub(crate) mod sizes;
mod styles;
mod template;
pub(crate) mod watch;

use crate::env::{command, paths, targets};
use crate::say::{Doing, Result, step};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use template::{Head, Template};

/// How the engine is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Small and fast: what people load.
    Web,
    /// Compiles fast: what `--watch` rebuilds.
    Dev,
}

impl Profile {
    fn cargo_name(self) -> &'static str {
        match self {
            Profile::Web => "web",
            Profile::Dev => "dev",
        }
    }

    /// The folder under target/<triple>/.
    fn folder(self) -> &'static str {
        match self {
            Profile::Web => "web",
            Profile::Dev => "debug",
        }
    }

    fn dist(self) -> PathBuf {
        match self {
            Profile::Web => paths::dist(),
            Profile::Dev => paths::scratch().join("dist-dev"),
        }
    }
}

/// A built page.
pub(crate) struct Built {
    pub(crate) dist: PathBuf,
}

/// Builds the page, unless nothing that it is made from has changed.
pub(crate) fn build(profile: Profile, base: &str) -> Result<Built> {
    let dist = profile.dist();
    let stamp = paths::scratch().join(format!("page-{}.fingerprint", profile.cargo_name()));
    let print = fingerprint::of_inputs(&[profile.cargo_name(), base])?;
    if fs::read_to_string(&stamp).is_ok_and(|seen| seen == print)
        && dist.join("index.html").is_file()
    {
        step("the page").done_with("nothing has changed");
        return Ok(Built { dist });
    }
    // Until the new one is whole, no fingerprint speaks for the folder.
    let _ = fs::remove_file(&stamp);

    targets::ensure(&[targets::PAGE])?;
    let compiling = step("compiling the engine and the page for the browser");
    let mut cargo = command::cargo();
    cargo.args([
        "build",
        "--package",
        "logbrook-web",
        "--target",
        targets::PAGE,
        "--profile",
        profile.cargo_name(),
    ]);
    if profile == Profile::Web {
        cargo.args(["--features", "split"]);
    }
    command::run(&mut cargo)?;
    compiling.done();

    let levels = lessons::export()?;
    let known = lessons::reference()?;

    let packing = step("binding, styles and places");
    let wasm = paths::target().join(targets::PAGE).join(profile.folder()).join("logbrook-web.wasm");
    // Built beside and swapped in, so that a page being served is never half of each.
    let fresh = dist.with_extension("new");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh).doing(fresh.display())?;
    let count = assemble(&wasm, &levels, &known, profile, base, &fresh)?;
    packing.done_with(&format!("{count} places"));

    if profile == Profile::Web {
        let compressing = step("compressing");
        compress::beside_each(&fresh)?;
        compressing.done();
    }
    let _ = fs::remove_dir_all(&dist);
    fs::rename(&fresh, &dist).doing(format!("{} into place", fresh.display()))?;
    fs::write(&stamp, print).doing(stamp.display())?;
    Ok(Built { dist })
}

/// Everything but compression. Answers with the number of places written.
fn assemble(
    wasm: &Path,
    levels: &Path,
    known: &Value,
    profile: Profile,
    base: &str,
    dist: &Path,
) -> Result<usize> {
    let bound = bind::bind(wasm, profile, dist)?;
    let template = Template::read(&paths::root().join("index.html"))?;
    let style = styles::bundle(&template, dist)?;
    for (from, to) in template.copies() {
        copy(&paths::root().join(from), &dist.join(to))?;
    }
    let mut places = places::all(levels)?;
    places.extend(reference::places(known)?);
    write(&dist.join("reference/find.txt"), reference::find(known)?.as_bytes())?;
    for place in &places {
        let root = if place.path == "404.html" { base.to_owned() } else { up(&place.path) };
        let head = Head { style: &style, script: &bound.script, wasm: &bound.wasm, root: &root };
        let html = template.fill(&head, place)?;
        let file = dist.join(&place.path).join(if place.path.ends_with(".html") {
            ""
        } else {
            "index.html"
        });
        write(&file, html.as_bytes())?;
    }
    offline::write_into(dist)?;
    Ok(places.len())
}

/// The way from `basics/first-record/` back to the root: `../../`.
fn up(path: &str) -> String {
    match path.matches('/').count() {
        0 => "./".to_owned(),
        depth => "../".repeat(depth),
    }
}

/// Writes a file and the folders above it.
fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    // A path that was joined with "" ends in a slash; components drop it.
    let file: PathBuf = file.components().collect();
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).doing(folder.display())?;
    }
    fs::write(&file, bytes).doing(file.display())
}

/// Copies a file, or a folder and what is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from).doing(from.display())? {
            let entry = entry.doing(from.display())?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        Ok(())
    } else {
        write(to, &fs::read(from).doing(from.display())?)
    }
}

/// A short name for what a file holds, for its file name: FNV-1a, 64 bits in hex.
fn content_hash(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
