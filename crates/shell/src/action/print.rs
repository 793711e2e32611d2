//! Entries into lines.

use std::fmt;

use super::{Action, DiskState, Entry, Output, Span, StoreState};

impl fmt::Display for Span {
    /// Seconds, without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if part == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{part:06}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl fmt::Display for Action {
    /// The line, and its `< text` lines below it; no newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Blank => Ok(()),
            Action::Comment(text) => write!(f, "#{text}"),
            Action::Cluster { nodes, settings } => {
                write!(f, "@cluster {nodes}")?;
                pairs(f, settings)
            }
            Action::Mask(regex) => write!(f, "@mask {regex}"),
            Action::File { name, lines } => {
                write!(f, "@file {name}")?;
                marked(f, '<', lines)
            }
            Action::Run { command, stdin } => {
                write!(f, "$ {command}")?;
                marked(f, '<', stdin)
            }
            Action::Background { name, command, stdin } => {
                write!(f, "& {name} {command}")?;
                marked(f, '<', stdin)
            }
            Action::Feed { name, text } if text.is_empty() => write!(f, "@feed {name}"),
            Action::Feed { name, text } => write!(f, "@feed {name} {text}"),
            Action::Expect { name, regex } => write!(f, "@expect {name} {regex}"),
            Action::Close(name) => write!(f, "@close {name}"),
            Action::Wait(name) => write!(f, "@wait {name}"),
            Action::Stop(target) => write!(f, "@stop {target}"),
            Action::Until(regex) => write!(f, "@until {regex}"),
            Action::Sleep(span) => write!(f, "@sleep {span}"),
            Action::At(span) => write!(f, "@at {span}"),
            Action::Kill(target) => write!(f, "@kill {target}"),
            Action::Term(target) => write!(f, "@term {target}"),
            Action::Start(target) => write!(f, "@start {target}"),
            Action::Crash(target) => write!(f, "@crash {target}"),
            Action::Lose(target) => write!(f, "@lose {target}"),
            Action::Pause(target, span) => write!(f, "@pause {target} {span}"),
            Action::Disk(target, DiskState::Slow(ms)) => write!(f, "@disk {target} slow {ms}"),
            Action::Disk(target, DiskState::Full) => write!(f, "@disk {target} full"),
            Action::Disk(target, DiskState::Ok) => write!(f, "@disk {target} ok"),
            Action::Clock(target, ms) => write!(f, "@clock {target} {ms}"),
            Action::Cut { from, to } => {
                write!(f, "@cut {from} from ")?;
                for (i, target) in to.iter().enumerate() {
                    write!(f, "{}{target}", if i == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            Action::Delay(a, b, ms) => write!(f, "@delay {a} {b} {ms}"),
            Action::Drop(a, b, percent) => write!(f, "@drop {a} {b} {percent}"),
            Action::Heal => f.write_str("@heal"),
            Action::App { name, words } => {
                write!(f, "@app {name}")?;
                pairs(f, words)
            }
            Action::Deploy { app, settings } => {
                write!(f, "@deploy {app}")?;
                pairs(f, settings)
            }
            Action::Scale { app, instances } => write!(f, "@scale {app} {instances}"),
            Action::Restart(target) => write!(f, "@restart {target}"),
            Action::Burst { app, rate, span } => write!(f, "@burst {app} {rate} {span}"),
            Action::Poison { app, kind, entity: None } => write!(f, "@poison {app} {kind}"),
            Action::Poison { app, kind, entity: Some(e) } => {
                write!(f, "@poison {app} {kind} entity={e}")
            }
            Action::Store(name, StoreState::Down) => write!(f, "@store {name} down"),
            Action::Store(name, StoreState::Up) => write!(f, "@store {name} up"),
            Action::Store(name, StoreState::Slow(ms)) => write!(f, "@store {name} slow {ms}"),
            Action::Predict { id, value } => write!(f, "@predict {id} {value}"),
            Action::Note(text) => write!(f, "@note {text}"),
        }
    }
}

impl fmt::Display for Output {
    /// `| `, `! ` and `= ` lines; each ends with a newline but the last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl Output {
    /// The recorded form: standard output first, standard error second, then the exit code.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (mark, name, text) in [('|', "stdout", &self.stdout), ('!', "stderr", &self.stderr)] {
            if text.is_empty() {
                continue;
            }
            let body = text.strip_suffix('\n');
            for line in body.unwrap_or(text).split('\n') {
                lines.push(if line.is_empty() {
                    mark.to_string()
                } else {
                    format!("{mark} {line}")
                });
            }
            if body.is_none() {
                lines.push(format!("%no-newline {name}"));
            }
        }
        if let Some(code) = self.exit {
            lines.push(format!("= {code}"));
        }
        lines
    }
}

impl fmt::Display for Entry {
    /// The line with its time, its input and its recorded output; no newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(us) = self.at_us {
            write!(f, "+{}.{:03}", us / 1_000_000, us / 1_000 % 1_000)?;
            let rest_us = us % 1_000;
            if rest_us != 0 {
                write!(f, "{rest_us:03}")?;
            }
            f.write_str(" ")?;
        }
        self.action.fmt(f)?;
        match &self.recorded {
            Some(output) => write!(f, "\n{output}"),
            None => Ok(()),
        }
    }
}

/// A file of entries, a newline after each.
pub fn print_entries(entries: &[Entry]) -> String {
    entries.iter().map(|e| format!("{e}\n")).collect()
}

fn marked(f: &mut fmt::Formatter<'_>, mark: char, lines: &[String]) -> fmt::Result {
    for line in lines {
        if line.is_empty() {
            write!(f, "\n{mark}")?;
        } else {
            write!(f, "\n{mark} {line}")?;
        }
    }
    Ok(())
}

fn pairs(f: &mut fmt::Formatter<'_>, settings: &[(String, String)]) -> fmt::Result {
    for (k, v) in settings {
        write!(f, " {}", crate::words::quote(&format!("{k}={v}")))?;
    }
    Ok(())
}
