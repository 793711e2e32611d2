//! A client as a child process whose lines are waited for.

use crate::env::command::line;
use crate::say::{Doing, Result, failure};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A running client; killed where it is dropped.
pub(super) struct Job {
    child: Child,
    lines: Receiver<String>,
    typed: String,
    errors: PathBuf,
}

impl Job {
    /// Starts it. What it says on standard error goes to `errors`.
    pub(super) fn start(mut command: Command, input: Option<String>, errors: &Path) -> Result<Job> {
        let typed = line(&command);
        let log = File::create(errors).doing(errors.display())?;
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .doing(format!("`{typed}` could not be started"))?;
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            std::thread::spawn(move || {
                let _ = stdin.write_all(text.as_bytes());
            });
        }
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(|line| line.ok()) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Job { child, lines, typed, errors: errors.to_path_buf() })
    }

    /// The next line, if one comes within `patience`; `None` also where it has ended.
    pub(super) fn line(&self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Whether it still runs.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All that it prints until it ends, which must be well and within `patience`.
    pub(super) fn finish(mut self, patience: Duration) -> Result<Vec<String>> {
        let until = Instant::now() + patience;
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(failure(format!(
                        "`{}` did not end in {} s; {}",
                        self.typed,
                        patience.as_secs(),
                        self.last_words()
                    )));
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.child.wait().doing(&self.typed)?;
        match status.success() {
            true => Ok(said),
            false => Err(failure(format!("{status}; {}", self.last_words()))),
        }
    }

    /// `kill -9`, as a crash is.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last line of its standard error that says something.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read(&self.errors).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let last =
            text.lines().rev().find(|line| !line.trim().is_empty() && !line.starts_with("\tat "));
        last.map_or_else(|| "it said nothing".to_owned(), str::to_owned)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.kill();
    }
}
