//! A Chromium for the end-to-end tests: the one that is there, else Debian's, else a packed one from npm.

use super::command::{output, program, run, works};
use super::{node, paths};
use crate::say::{Doing, Result, failure, note, step};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A browser, and what it needs in its environment to start.
pub(crate) struct Browser {
    pub(crate) executable: PathBuf,
    pub(crate) env: Vec<(&'static str, OsString)>,
}

/// Where systems put a Chromium or Chrome.
const USUAL: &[&str] = &[
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/// Unpacks @sparticuz/chromium's browser, and the libraries that it brings for systems without them,
/// into TMPDIR; prints where the one is, then the other. The second is not among the package's exports.
const UNPACK: &str = "\
import chromium from \"@sparticuz/chromium\";
import path from \"node:path\";
const home = path.resolve(\"node_modules/@sparticuz/chromium\");
const { inflate } = await import(path.join(home, \"build/esm/lambdafs.js\"));
console.log(await chromium.executablePath());
console.log(path.join(await inflate(path.join(home, \"bin/al2023.tar.br\")), \"lib\"));
";

/// Finds a browser or gets one.
pub(crate) fn ensure() -> Result<Browser> {
    if let Some(chosen) = std::env::var_os("CHROME") {
        let executable = PathBuf::from(&chosen);
        return if works(program(&executable).arg("--version")) {
            Ok(Browser { executable, env: Vec::new() })
        } else {
            Err(failure(format!("CHROME is {}, which does not start.", executable.display())))
        };
    }
    if let Some(found) = usual() {
        return Ok(found);
    }
    if root_on_debian() {
        let installing = step("installing Chromium with apt-get");
        let apt = |args: &[&str]| {
            run(program("apt-get")
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdout(std::io::stderr()))
        };
        let packages = ["install", "-y", "-qq", "--no-install-recommends", "chromium"];
        let got = apt(&["update", "-qq"]).and_then(|()| apt(&packages));
        installing.done();
        match got {
            Ok(()) => {
                if let Some(found) = usual() {
                    return Ok(found);
                }
                note("apt-get ended well but left no /usr/bin/chromium; trying npm.");
            }
            Err(why) => note(format!("{why}; trying npm.")),
        }
    }
    packed()
}

fn usual() -> Option<Browser> {
    let executable = USUAL.iter().map(Path::new).find(|path| path.exists())?;
    Some(Browser { executable: executable.to_path_buf(), env: Vec::new() })
}

fn root_on_debian() -> bool {
    cfg!(target_os = "linux")
        && Path::new("/etc/debian_version").exists()
        && output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// A browser out of npm, kept under tests/e2e/.browser.
fn packed() -> Result<Browser> {
    let dir = paths::e2e().join(".browser");
    let none = "no Chromium was found, and none could be installed; set CHROME to one";
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        return Err(failure(format!("{none}.")));
    }
    node::ensure()?;
    let unpack = dir.join("unpack.mjs");
    if !dir.join("node_modules/@sparticuz/chromium").is_dir() {
        let installing = step("fetching a packed Chromium from npm");
        std::fs::create_dir_all(&dir).doing(dir.display())?;
        std::fs::write(dir.join("package.json"), "{\"private\":true,\"type\":\"module\"}\n")
            .doing(dir.display())?;
        std::fs::write(&unpack, UNPACK).doing(unpack.display())?;
        run(node::npm()
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
                "@sparticuz/chromium@147",
            ])
            .current_dir(&dir))
        .doing(none)?;
        installing.done();
    }
    let printed =
        output(program("node").arg(&unpack).current_dir(&dir).env("TMPDIR", &dir)).doing(none)?;
    let mut lines = printed.lines();
    let (Some(executable), Some(libraries)) = (lines.next(), lines.next()) else {
        return Err(failure(format!("{none}: unpacking printed {printed:?}.")));
    };
    let env = vec![("LD_LIBRARY_PATH", OsString::from(libraries))];
    if !works(program(executable).arg("--version").envs(env.iter().map(|(k, v)| (k, v)))) {
        return Err(failure(format!("{none}: {executable} does not start.")));
    }
    Ok(Browser { executable: PathBuf::from(executable), env })
}
