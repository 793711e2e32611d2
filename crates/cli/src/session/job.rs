//! A real process of a session: its output as it comes, its input as it is fed.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use logbrook_shell::Output;
use logbrook_shell::workspace::LinePattern;

/// No command of a session takes as long; then it is killed.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(20);

/// What one stream has said so far.
type Said = Arc<Mutex<Vec<u8>>>;

/// A running process.
pub(super) struct Job {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Said,
    stderr: Said,
    pumps: Vec<JoinHandle<()>>,
    /// Bytes of its output that `@expect` has gone past.
    expected: usize,
}

impl Job {
    /// Starts a command. With `stdin` its input is those lines and then closed; without, it stays
    /// open.
    ///
    /// # Errors
    /// The program could not be started.
    pub(super) fn start(mut command: Command, stdin: Option<&[String]>) -> Result<Job, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|e| format!("{}: {e}", command.get_program().to_string_lossy()))?;
        let (stdout, stderr) = (Said::default(), Said::default());
        let mut pumps = Vec::new();
        if let Some(stream) = child.stdout.take() {
            pumps.push(pump(stream, Arc::clone(&stdout)));
        }
        if let Some(stream) = child.stderr.take() {
            pumps.push(pump(stream, Arc::clone(&stderr)));
        }
        let open = child.stdin.take();
        let mut job = Job { child, stdin: open, stdout, stderr, pumps, expected: 0 };
        if let Some(lines) = stdin {
            for line in lines {
                job.feed(line);
            }
            job.shut();
        }
        Ok(job)
    }

    /// One more line of standard input; lost where nobody reads it any more.
    pub(super) fn feed(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdin.flush());
        }
    }

    /// The end of standard input.
    pub(super) fn shut(&mut self) {
        self.stdin = None;
    }

    /// SIGTERM.
    pub(super) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until the output, from where the last match ended, matches.
    ///
    /// # Errors
    /// It did not within a minute; what was seen.
    pub(super) fn expect(&mut self, pattern: &LinePattern) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let text = text(&self.stdout);
            let rest = text.get(self.expected..).unwrap_or_default();
            if let Some(found) = pattern.find_end(rest) {
                self.expected += found;
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("found `{rest}`, expected output that matches {pattern}"));
            }
            thread::sleep(LOOK);
        }
    }

    /// Everything on both streams so far.
    pub(super) fn said(&self) -> String {
        text(&self.stdout) + &text(&self.stderr)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It ran longer than any command of a session should, and was killed.
    pub(super) fn wait(mut self) -> Result<Output, String> {
        let end = Instant::now() + LIMIT;
        let status = loop {
            match self.child.try_wait().map_err(|e| e.to_string())? {
                Some(status) => break status,
                None if Instant::now() > end => {
                    self.kill();
                    return Err(format!("it did not end within {} s", LIMIT.as_secs()));
                }
                None => thread::sleep(LOOK),
            }
        };
        for pump in self.pumps.drain(..) {
            let _ = pump.join();
        }
        Ok(Output { stdout: text(&self.stdout), stderr: text(&self.stderr), exit: code(status) })
    }
}

/// As a shell shows it: 128 and the signal for a process that a signal ended.
fn code(status: std::process::ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        status.code().or_else(|| status.signal().map(|signal| 128 + signal))
    }
    #[cfg(not(unix))]
    status.code()
}

fn pump(mut from: impl Read + Send + 'static, into: Said) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut chunk = [0; 65536];
        while let Ok(n @ 1..) = from.read(&mut chunk) {
            into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..n]);
        }
    })
}

fn text(said: &Said) -> String {
    String::from_utf8_lossy(&said.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
