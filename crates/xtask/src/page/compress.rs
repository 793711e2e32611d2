//! A brotli file beside each file of the page, as a host serves it.

use super::write;
use crate::say::{Doing, Result};
use brotli::enc::BrotliEncoderParams;
use std::fs;
use std::path::Path;

/// Already compressed: brotli would only add to it.
const PACKED: &[&str] = &["woff2", "png", "br"];

/// Compresses every file under `folder`.
pub(crate) fn beside_each(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).doing(folder.display())? {
        let path = entry.doing(folder.display())?.path();
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            beside_each(&path)?;
        } else if !PACKED.contains(&extension.as_str()) {
            let packed = brotli(&fs::read(&path).doing(path.display())?).doing(path.display())?;
            write(&path.with_extension(format!("{extension}.br")), &packed)?;
        }
    }
    Ok(())
}

/// Brotli at quality 11 with the largest window, as a careful host compresses once.
pub(crate) fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality: 11,
        lgwin: 24,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut out, &params)?;
    Ok(out)
}
