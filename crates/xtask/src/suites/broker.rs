//! `logbrook serve`, as a child that ends with the suite.

use crate::env::{command, logbrook};
use crate::say::{Doing, Result, failure};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

/// What the first line that `logbrook serve` prints begins with.
const STARTED: &str = "Kafka on ";

/// A running broker, with everything in memory.
pub(super) struct Broker {
    child: Child,
    bootstrap: String,
}

impl Broker {
    /// Builds it, starts it with these `KEY=VALUE` properties on a free port, and waits until it says where. What it logs is kept in
    /// `folder/broker.log`.
    pub(super) fn start(folder: &Path, properties: &[&str]) -> Result<Broker> {
        let binary = logbrook::build()?;
        let log = folder.join("broker.log");
        let log = fs::File::create(&log).doing(log.display())?;
        let mut child = command::program(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--memory"])
            .args(properties.iter().flat_map(|property| ["--config", property]))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .doing("`logbrook serve` could not be started")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).doing("`logbrook serve`")?;
        }
        let said = line.strip_prefix(STARTED).and_then(|rest| rest.split(": ").next());
        let bootstrap = said.map(str::to_owned);
        let mut broker = Broker { child, bootstrap: String::new() };
        broker.bootstrap = bootstrap.ok_or_else(|| {
            failure(format!("`logbrook serve` said {line:?}; expected `{STARTED}HOST:PORT: …`"))
        })?;
        Ok(broker)
    }

    /// `127.0.0.1:41234`
    pub(super) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
