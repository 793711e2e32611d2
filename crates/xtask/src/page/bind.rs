//! wasm-bindgen, as a library: the same version as the one in Cargo.lock, no tool to install.

use super::{Profile, content_hash, copy, write};
use crate::env::paths;
use crate::say::{Doing, Result, failure};
use std::fs;
use std::path::Path;
use wasm_bindgen_cli_support::Bindgen;

/// The bound page's two files, as names in dist.
pub(crate) struct Bound {
    pub(crate) script: String,
    pub(crate) wasm: String,
}

/// Binds `wasm` and writes the glue and the module under names made of their content.
pub(crate) fn bind(wasm: &Path, profile: Profile, dist: &Path) -> Result<Bound> {
    let out = paths::scratch().join("bound");
    let _ = fs::remove_dir_all(&out);
    let lean = profile == Profile::Web;
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .out_name("logbrook")
        .typescript(false)
        .remove_name_section(lean)
        .remove_producers_section(lean)
        .web(true)
        .and_then(|bindgen| bindgen.generate(&out))
        .map_err(|why| {
            failure(format!("wasm-bindgen could not bind {}: {why:#}", wasm.display()))
        })?;

    let module = fs::read(out.join("logbrook_bg.wasm")).doing("logbrook_bg.wasm")?;
    let wasm = format!("logbrook-{}.wasm", content_hash(&module));
    let glue = fs::read_to_string(out.join("logbrook.js"))
        .doing("logbrook.js")?
        .replace("logbrook_bg.wasm", &wasm);
    let script = format!("logbrook-{}.js", content_hash(glue.as_bytes()));
    write(&dist.join(&wasm), &module)?;
    write(&dist.join(&script), glue.as_bytes())?;
    // Scripts that crates bring along; the glue imports them by relative path.
    if out.join("snippets").is_dir() {
        copy(&out.join("snippets"), &dist.join("snippets"))?;
    }
    Ok(Bound { script, wasm })
}

#[cfg(test)]
mod tests {
    /// The glue and the module speak one version's protocol: what Cargo.lock resolved for the page
    /// must be what binds it.
    #[test]
    fn the_binder_is_the_pages_version() {
        let lock = std::fs::read_to_string(crate::env::paths::root().join("Cargo.lock"))
            .expect("Cargo.lock");
        let version = |name: &str| {
            let package = format!("name = \"{name}\"\nversion = \"");
            let start = lock.find(&package).expect("in Cargo.lock") + package.len();
            lock[start..].split('"').next().expect("a version").to_owned()
        };
        assert_eq!(version("wasm-bindgen"), version("wasm-bindgen-cli-support"));
    }
}
