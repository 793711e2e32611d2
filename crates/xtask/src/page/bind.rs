//! wasm-split and wasm-bindgen, as libraries: wasm-bindgen in the version of Cargo.lock, no tool to
//! install.
//!
//! The page is some modules, loaded one after the other. The first draws; the engine comes after the
//! first paint, and then the rest of the tools. web's engine.rs is where they part, and what they are
//! named after; what the later two share is a module that comes with the engine.

use super::{Profile, content_hash, copy, write};
use crate::env::paths;
use crate::say::{Doing, Result, failure};
use std::fs;
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::Bindgen;

/// The bound page's first two files, as names in dist.
pub(crate) struct Bound {
    pub(crate) script: String,
    pub(crate) wasm: String,
}

/// What loads the engine's module; the splitter's own name for it.
const LINK: &str = "__wasm_split.js";

/// Splits, binds, and writes glue and modules under names made of their content.
pub(crate) fn bind(wasm: &Path, profile: Profile, dist: &Path) -> Result<Bound> {
    let out = paths::scratch().join("bound");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).doing(out.display())?;
    let lean = profile == Profile::Web;
    let main = if lean {
        split(wasm, &out)?
    } else {
        Split { main: wasm.to_path_buf(), rest: Vec::new() }
    };

    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&main.main)
        .out_name("logbrook")
        .typescript(false)
        .remove_name_section(lean)
        .remove_producers_section(lean)
        // The engine's module reaches the first one's memory and table through them.
        .keep_lld_exports(lean)
        .web(true)
        .and_then(|bindgen| bindgen.generate(&out))
        .map_err(|why| {
            failure(format!("wasm-bindgen could not bind {}: {why:#}", wasm.display()))
        })?;

    // The scripts name each other and the modules: one hash, over all of them, names them all.
    let mut files = vec![
        ("logbrook.js".to_owned(), "logbrook".to_owned(), "js"),
        ("logbrook_bg.wasm".to_owned(), "logbrook".to_owned(), "wasm"),
    ];
    if lean {
        files.push((LINK.to_owned(), "engine".to_owned(), "js"));
        for module in &main.rest {
            let name = module.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let stem = match name.strip_suffix(".wasm").and_then(|n| n.strip_prefix("split_")) {
                Some(part) => part.to_owned(),
                None => "engine-shared".to_owned(),
            };
            files.push((name, stem, "wasm"));
        }
    }
    let mut all = Vec::new();
    let mut contents = Vec::new();
    for (name, ..) in &files {
        let bytes = fs::read(out.join(name)).doing(name)?;
        let bytes =
            if lean && name.ends_with(".wasm") { without_custom_sections(&bytes) } else { bytes };
        all.extend_from_slice(&bytes);
        contents.push(bytes);
    }
    let hash = content_hash(&all);
    let final_name =
        |(_, stem, extension): &(String, String, &str)| format!("{stem}-{hash}.{extension}");
    for (file, mut bytes) in files.iter().zip(contents) {
        if file.2 == "js" {
            let mut text = String::from_utf8(bytes).doing(&file.0)?;
            for other in &files {
                // Where a file is fetched or imported. The module's own imports go by the old name:
                // it stands in the binary, and as a key in the glue.
                let (old, new) = (&other.0, final_name(other));
                for (before, after) in
                    [("from \"./", "\""), ("new URL('", "'"), ("new URL(\"./", "\"")]
                {
                    text = text.replace(
                        &format!("{before}{old}{after}"),
                        &format!("{before}{new}{after}"),
                    );
                }
            }
            bytes = text.into_bytes();
        }
        write(&dist.join(final_name(file)), &bytes)?;
    }
    // Scripts that crates bring along; the glue imports them by relative path.
    if out.join("snippets").is_dir() {
        copy(&out.join("snippets"), &dist.join("snippets"))?;
    }
    Ok(Bound { script: final_name(&files[0]), wasm: final_name(&files[1]) })
}

/// The first module, to be bound, and what is loaded later, as it is.
struct Split {
    main: PathBuf,
    rest: Vec<PathBuf>,
}

fn split(wasm: &Path, out: &Path) -> Result<Split> {
    let input = fs::read(wasm).doing(wasm.display())?;
    let main = paths::scratch().join("first.wasm");
    let mut options = wasm_split_cli_support::Options::new(&input);
    options.output_dir = out;
    options.main_out_path = &main;
    options.main_module = "./logbrook.js";
    let link = format!("./{LINK}");
    options.link_name = &link;
    let split = wasm_split_cli_support::transform(options).map_err(|why| {
        failure(format!("the engine could not be split from {}: {why:#}", wasm.display()))
    })?;
    Ok(Split { main, rest: split.split_modules })
}

/// A module without names, producers and other notes that no browser reads.
fn without_custom_sections(module: &[u8]) -> Vec<u8> {
    let mut out = module.get(..8).unwrap_or(module).to_vec();
    let mut at = out.len();
    while at < module.len() {
        let Some((size, header)) = leb(&module[at + 1..]) else { return module.to_vec() };
        let end = at + 1 + header + size;
        let Some(section) = module.get(at..end) else { return module.to_vec() };
        if section[0] != 0 {
            out.extend_from_slice(section);
        }
        at = end;
    }
    out
}

/// An unsigned LEB128 number, and how many bytes it took.
fn leb(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
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

    #[test]
    fn a_module_is_left_without_its_notes() {
        let custom = [0, 5, 4, b'n', b'a', b'm', b'e'];
        let types = [1, 4, 1, 0x60, 0, 0];
        let module = [b"\0asm\x01\0\0\0".as_slice(), &custom, &types, &custom].concat();
        assert_eq!(
            super::without_custom_sections(&module),
            [b"\0asm\x01\0\0\0".as_slice(), &types].concat()
        );
    }
}
