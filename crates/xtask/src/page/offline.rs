//! The page as an application: a manifest, and a service worker that keeps every file, so that it opens and
//! works with the network off.

use super::write;
use crate::say::{Doing, Result};
use std::fs;
use std::path::Path;

const MANIFEST: &str = r##"{
  "name": "Logbrook",
  "short_name": "Logbrook",
  "description": "Learn Apache Kafka on a real broker that runs in your browser tab.",
  "start_url": "./",
  "scope": "./",
  "display": "standalone",
  "background_color": "#e6ecee",
  "theme_color": "#10202c",
  "icons": [
    { "src": "icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any" },
    { "src": "icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "maskable" }
  ]
}
"##;

const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512"><rect width="512" height="512" fill="#f6f9f9"/><path d="M118 182h276M118 252h200M118 322h130" stroke="#10202c" stroke-width="46"/><path d="M290 298h112l-56 76z" fill="#a81c68"/></svg>
"##;

/// Kept by the worker: a file whose name has its hash never changes, another is asked for again when there
/// is a network. `FILES` and `VERSION` are put in by the build.
const WORKER: &str = r#"const VERSION = "@VERSION@";
const FILES = @FILES@;
const HASHED = /-[0-9a-f]{16}\.[a-z0-9]+$/;
self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(VERSION);
    // What an older version has under the same hashed name is the same file.
    await Promise.all(FILES.map(async (file) => {
      const had = HASHED.test(file) && (await caches.match(file));
      await (had ? cache.put(file, had) : cache.add(file));
    }));
    await self.skipWaiting();
  })());
});
self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== VERSION && name.startsWith("logbrook-")) await caches.delete(name);
    await self.clients.claim();
  })());
});
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  event.respondWith((async () => {
    const kept = await caches.match(event.request, { ignoreSearch: true });
    if (kept && HASHED.test(url.pathname)) return kept;
    try {
      return await fetch(event.request);
    } catch (lost) {
      if (kept) return kept;
      if (event.request.mode === "navigate") {
        const none = await caches.match("404.html");
        if (none) return none;
      }
      throw lost;
    }
  })());
});
"#;

/// Writes manifest, icon and worker into a page that is whole otherwise.
pub(crate) fn write_into(dist: &Path) -> Result<()> {
    write(&dist.join("manifest.webmanifest"), MANIFEST.as_bytes())?;
    write(&dist.join("icon.svg"), ICON.as_bytes())?;
    let mut files = Vec::new();
    let mut digest = Vec::new();
    collect(dist, "", &mut files, &mut digest)?;
    files.sort();
    digest.sort();
    let version = format!("logbrook-{}", super::content_hash(digest.join("\n").as_bytes()));
    let list = serde_json::to_string(&files).doing("sw.js")?;
    let worker = WORKER.replace("@VERSION@", &version).replace("@FILES@", &list);
    write(&dist.join("sw.js"), worker.as_bytes())
}

/// Every file as the page asks for it, and what it holds.
fn collect(
    folder: &Path,
    under: &str,
    files: &mut Vec<String>,
    digest: &mut Vec<String>,
) -> Result<()> {
    for entry in fs::read_dir(folder).doing(folder.display())? {
        let path = entry.doing(folder.display())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let at = format!("{under}{name}");
        if path.is_dir() {
            // A frame in another page is not an application, and the levels' JSON is for other programs.
            if at != "embed" {
                collect(&path, &format!("{at}/"), files, digest)?;
            }
            continue;
        }
        if name == "sw.js" || name.ends_with(".br") || name.ends_with(".json") {
            continue;
        }
        digest
            .push(format!("{at} {}", super::content_hash(&fs::read(&path).doing(path.display())?)));
        // A place is asked for by its folder.
        files.push(match at.strip_suffix("index.html") {
            Some("") => "./".to_owned(),
            Some(place) => place.to_owned(),
            None => at,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_keeps_each_place_and_file_and_nothing_twice() {
        let dist = std::env::temp_dir().join(format!("logbrook-offline-{}", std::process::id()));
        for file in [
            "index.html",
            "a/b/index.html",
            "x-0123456789abcdef.wasm",
            "x-0123456789abcdef.wasm.br",
            "embed/a/b/index.html",
        ] {
            write(&dist.join(file), file.as_bytes()).expect("written");
        }
        write_into(&dist).expect("written");
        let worker = fs::read_to_string(dist.join("sw.js")).expect("there");
        assert!(
            worker.contains(
                r#"["./","a/b/","icon.svg","manifest.webmanifest","x-0123456789abcdef.wasm"]"#
            ),
            "{worker}"
        );
        let version = |text: &str| text.lines().next().map(str::to_owned);
        write(&dist.join("a/b/index.html"), b"other").expect("written");
        write_into(&dist).expect("written");
        let other = fs::read_to_string(dist.join("sw.js")).expect("there");
        assert_ne!(version(&worker), version(&other), "another page is another version");
        let _ = fs::remove_dir_all(dist);
    }
}
