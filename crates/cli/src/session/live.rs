//! A session on real processes: Kafka's own tools against `logbrook serve`, or against Apache Kafka.
//!
//! The file, the masks and the comparing are the simulated run's; only who answers differs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use logbrook_shell::session_file::{Mask, Transcript};
use logbrook_shell::workspace::LinePattern;
use logbrook_shell::{Action, Entry, Output, Select, Target, parse_entries, words};
use logbrook_sorted::SortedMap;

use super::found;
use super::job::Job;
use super::kit::Kit;
use super::nodes::{Nodes, Whose};

/// Run as they are, not by the kit.
const PLAIN: &[&str] = &["cat", "ls", "cp"];
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a session file. Its state is in a folder of its own, which is removed at the end.
///
/// # Errors
/// The first line that cannot be read or run, with its number.
pub(super) fn run(text: &str, kit: &Kit, whose: Whose) -> Result<Transcript, String> {
    let file = parse_entries(text).map_err(|e| e.to_string())?;
    let root = std::env::temp_dir().join(format!("logbrook-session-{}", std::process::id()));
    let (state, work) = (root.join("state"), root.join("work"));
    for folder in [&state, &work] {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let stage = Stage {
        kit,
        whose,
        state,
        work,
        nodes: None,
        jobs: SortedMap::new(),
        mask: Mask::default(),
        until: None,
    };
    let done = stage.play(file);
    let _ = fs::remove_dir_all(&root);
    done
}

struct Stage<'a> {
    kit: &'a Kit,
    whose: Whose,
    state: PathBuf,
    work: PathBuf,
    nodes: Option<Nodes<'a>>,
    jobs: SortedMap<String, Job>,
    mask: Mask,
    until: Option<LinePattern>,
}

impl<'a> Stage<'a> {
    fn play(mut self, file: Vec<Entry>) -> Result<Transcript, String> {
        let (mut outputs, mut masked) = (Vec::new(), Vec::new());
        for entry in &file {
            let output =
                self.one(&entry.action).map_err(|why| format!("line {}: {why}", entry.line))?;
            let help =
                matches!(&entry.action, Action::Run { command, .. } if command.contains("--help"));
            let placed = output.as_ref().map(|output| self.placed(output));
            masked.push(placed.map(|output| self.mask.apply(&output, now_ms(), help)));
            outputs.push(output);
        }
        for job in self.jobs.values_mut() {
            job.kill();
        }
        Ok(Transcript { file, outputs, masked })
    }

    fn one(&mut self, action: &Action) -> Result<Option<Output>, String> {
        match action {
            Action::Cluster { nodes, settings } => {
                self.nodes = None;
                let started = Nodes::start(self.kit, self.whose, &self.state, *nodes, settings)?;
                self.nodes = Some(started);
            }
            Action::Mask(regex) => self.mask.add(regex).map_err(found)?,
            Action::File { name, lines } => {
                let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
                fs::write(self.work.join(name), text).map_err(|e| format!("{name}: {e}"))?;
            }
            Action::Until(pattern) => self.until = Some(LinePattern::new(pattern).map_err(found)?),
            Action::Sleep(span) => {
                thread::sleep(Duration::from_micros(u64::try_from(span.us()).unwrap_or(0)));
            }
            Action::Kill(target) => self.nodes()?.end(node(target)?, true)?,
            Action::Term(target) => self.nodes()?.end(node(target)?, false)?,
            Action::Start(target) => self.nodes()?.launch(node(target)?)?,
            Action::Run { command, stdin } => return self.in_front(command, stdin).map(Some),
            Action::Background { name, command, stdin } => {
                let stdin = (!stdin.is_empty()).then_some(stdin.as_slice());
                let job = self.start(command, stdin)?;
                self.jobs.insert(name.clone(), job);
            }
            Action::Feed { name, text } => self.job(name)?.feed(text),
            Action::Expect { name, regex } => {
                let pattern = LinePattern::new(regex).map_err(found)?;
                self.job(name)?.expect(&pattern).map_err(|e| format!("{name}: {e}"))?;
            }
            Action::Close(name) => {
                self.job(name)?.shut();
                return self.ended(name).map(Some);
            }
            Action::Wait(name) => return self.ended(name).map(Some),
            Action::Stop(target) => {
                let name = target.to_string();
                self.job(&name)?.terminate();
                return self.ended(&name).map(Some);
            }
            Action::Blank | Action::Comment(_) | Action::Note(_) => {}
            Action::At(_)
            | Action::Crash(_)
            | Action::Lose(_)
            | Action::Pause(..)
            | Action::Disk(..)
            | Action::Clock(..)
            | Action::Cut { .. }
            | Action::Delay(..)
            | Action::Drop(..)
            | Action::Heal
            | Action::App { .. }
            | Action::Deploy { .. }
            | Action::Scale { .. }
            | Action::Restart(_)
            | Action::Burst { .. }
            | Action::Poison { .. }
            | Action::Store(..)
            | Action::Predict { .. } => {
                return Err(format!("found `{action}`, expected a line for real processes"));
            }
        }
        Ok(None)
    }

    /// A command in front; repeated while an `@until` waits for its output.
    fn in_front(&mut self, command: &str, stdin: &[String]) -> Result<Output, String> {
        let end = Instant::now() + PATIENCE;
        let until = self.until.take();
        loop {
            let output = self.start(command, Some(stdin))?.wait()?;
            match &until {
                Some(pattern) if !pattern.is_match(&output.stdout) => {
                    if Instant::now() > end {
                        let seen = output.stdout + &output.stderr;
                        return Err(format!(
                            "found `{seen}`, expected output that matches {pattern}"
                        ));
                    }
                    thread::sleep(Duration::from_millis(300));
                }
                _ => return Ok(output),
            }
        }
    }

    fn start(&self, command: &str, stdin: Option<&[String]>) -> Result<Job, String> {
        let mut command = command.replace("{work}", &self.work.display().to_string());
        for (token, path) in self.places() {
            command = command.replace(&token, &path);
        }
        let argv = words::split(&command).map_err(found)?;
        let first = argv.first().map(String::as_str).unwrap_or_default();
        let mut program = if PLAIN.contains(&first) {
            let mut plain = Command::new(first);
            plain.args(&argv[1..]).env("LC_ALL", "C.UTF-8");
            plain
        } else {
            self.kit.tool(&argv)?
        };
        program.current_dir(&self.work);
        Job::start(program, stdin)
    }

    /// `{data-1}` and where it is.
    fn places(&self) -> Vec<(String, String)> {
        let nodes = self.nodes.iter();
        nodes
            .flat_map(|nodes| {
                (1..10).map(|id| (format!("{{data-{id}}}"), nodes.data(id).display().to_string()))
            })
            .collect()
    }

    /// An output with the names of folders for where they happen to be.
    fn placed(&self, output: &Output) -> Output {
        let stream = |text: &str| {
            let mut text = text.to_owned();
            for (token, path) in self.places() {
                text = text.replace(&path, &token);
            }
            text.replace(&self.work.display().to_string(), "{work}")
                .replace(&self.state.display().to_string(), "{state}")
        };
        Output { stdout: stream(&output.stdout), stderr: stream(&output.stderr), exit: output.exit }
    }

    fn ended(&mut self, name: &str) -> Result<Output, String> {
        self.job(name)?;
        let job = self.jobs.remove(name).ok_or("a terminal")?;
        job.wait().map_err(|why| format!("{name}: {why}"))
    }

    fn job(&mut self, name: &str) -> Result<&mut Job, String> {
        self.jobs
            .get_mut(name)
            .ok_or_else(|| format!("found `{name}`, expected a terminal begun by `& NAME COMMAND`"))
    }

    fn nodes(&mut self) -> Result<&mut Nodes<'a>, String> {
        self.nodes.as_mut().ok_or_else(|| "expected an `@cluster` line before this one".to_owned())
    }
}

fn node(target: &Target) -> Result<u32, String> {
    match &target.select {
        Select::Node(id) => u32::try_from(*id).map_err(|_| format!("found {id}, expected a node")),
        _ => Err(format!("found `{target}`, expected a node's number")),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
