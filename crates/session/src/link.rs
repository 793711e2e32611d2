//! What a person did, as a link: `seed=7&rev=1&at=21340&a=LINES`. The lines are those of the action
//! language, each after its virtual time (`+6.480 @kill 2`), so that a link can be read and written by hand.

use std::collections::VecDeque;
use std::fmt::Write;

use logbrook_lab::run::Run;
use logbrook_shell::action::{Entry, parse_entries};

use crate::view::Shared;

/// A link with more lines is no link any more.
const MOST_LINES: usize = 10_000;

/// What a fragment says beside its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) seed: Option<u32>,
    pub(crate) rev: Option<u32>,
    pub(crate) at_us: Option<i64>,
}

impl Link {
    /// Reads a fragment, and says what of it could not be read. Keys of other parts are left alone.
    pub(crate) fn read(fragment: &str) -> (Link, Vec<String>) {
        let mut link = Link::default();
        let mut wrong = Vec::new();
        for (key, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
            let mut say = |expected: &str, instead: &str| {
                wrong.push(format!(
                    "`{key}` in this link is `{value}`; {expected} was expected. {instead}"
                ));
            };
            match key {
                "seed" => match value.parse() {
                    Ok(seed) => link.seed = Some(seed),
                    Err(_) => say(
                        &format!("a whole number from 0 to {}", u32::MAX),
                        "The level's own seed is used.",
                    ),
                },
                "rev" => match value.parse() {
                    Ok(rev) => link.rev = Some(rev),
                    Err(_) => say("a whole number", "It is opened as it is now."),
                },
                "at" => match value.parse::<i64>().ok().and_then(|ms| ms.checked_mul(1_000)) {
                    Some(us) if us >= 0 => link.at_us = Some(us),
                    _ => say("a time in milliseconds", "Time stands after the last line."),
                },
                _ => {}
            }
        }
        (link, wrong)
    }
}

/// A run as what is to be shared.
pub(crate) fn share(run: &Run, world: Option<String>) -> Shared {
    let level = run.level();
    let mut lines = String::new();
    for line in run.history() {
        // Writing to a string never fails. Microseconds: the same run is the same to the last event.
        let at_us = line.at_us.max(0);
        let (s, us) = (at_us / 1_000_000, at_us % 1_000_000);
        let _ = writeln!(lines, "+{s}.{us:06} {}", line.action);
    }
    let at_ms = (run.cluster().now_us().max(0) + 999) / 1_000;
    let head = match world {
        Some(world) => format!("{world}&at={at_ms}"),
        None => format!("seed={}&rev={}&at={at_ms}", level.cluster.seed, level.head.rev),
    };
    let count = u32::try_from(run.history().len()).unwrap_or(u32::MAX);
    Shared { head, lines, count, file: format!("{}-{}.session", level.track, level.slug) }
}

/// Lines on their way into a run.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    pub(crate) entries: VecDeque<Entry>,
    /// Time passes to here after the last.
    pub(crate) until_us: Option<i64>,
    /// How many have been run.
    pub(crate) done: usize,
    /// How many there are.
    pub(crate) of: usize,
    /// Since when a line without a time waits for the one before.
    pub(crate) waits_since_us: Option<i64>,
}

impl Replay {
    /// Reads lines; what stands before the first that cannot be read is run all the same. `cut`: the end is
    /// known to be missing.
    pub(crate) fn read(text: &str, cut: bool, until_us: Option<i64>) -> (Replay, Option<String>) {
        let lines: Vec<&str> = text.lines().collect();
        let mut text = text;
        let mut said = None;
        if lines.len() > MOST_LINES {
            said = Some(format!(
                "This link has {} lines; at most {MOST_LINES} are read. The first {MOST_LINES} were run.",
                lines.len()
            ));
        }
        let mut whole = lines.len().min(MOST_LINES);
        if cut {
            said = Some(stops(whole));
            whole = whole.saturating_sub(1);
        }
        let kept = |n: usize| lines[..n].iter().map(|line| format!("{line}\n")).collect::<String>();
        let first = kept(whole);
        text = if whole == lines.len() { text } else { &first };
        let entries = parse_entries(text).or_else(|wrong| {
            let good = wrong.line.saturating_sub(1);
            said = Some(if wrong.line == lines.len() {
                stops(wrong.line)
            } else {
                format!(
                    "Line {} of this link is `{}`; {} was expected. {}",
                    wrong.line,
                    wrong.found,
                    wrong.expected,
                    were_run(good)
                )
            });
            parse_entries(&kept(good))
        });
        let entries: VecDeque<Entry> = entries.unwrap_or_default().into();
        let of = entries.len();
        let until_us = until_us.filter(|_| said.is_none());
        (Replay { entries, until_us, done: 0, of, waits_since_us: None }, said)
    }
}

fn stops(line: usize) -> String {
    format!("This link stops in the middle of line {line}. {}", were_run(line.saturating_sub(1)))
}

/// `Lines 1 to 6 were run.`
pub(crate) fn were_run(count: usize) -> String {
    match count {
        0 => "None were run.".to_owned(),
        1 => "Line 1 was run.".to_owned(),
        n => format!("Lines 1 to {n} were run."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_read_and_what_is_wrong_in_it_is_said() {
        let (link, wrong) = Link::read("seed=7&rev=2&at=21340&view=stage&a=x");
        assert_eq!(link, Link { seed: Some(7), rev: Some(2), at_us: Some(21_340_000) });
        assert!(wrong.is_empty());
        let (link, wrong) = Link::read("seed=7.5&at=-3");
        assert_eq!((link, wrong.len()), (Link::default(), 2));
        assert!(wrong[0].starts_with("`seed` in this link is `7.5`; a whole number"), "{wrong:?}");
    }

    #[test]
    fn lines_before_the_one_that_is_cut_are_kept() {
        let (replay, said) = Replay::read("+1.5 @sleep 1\n+2 @ki", false, Some(9));
        assert_eq!((replay.entries.len(), replay.until_us), (1, None));
        assert_eq!(
            said.as_deref(),
            Some("This link stops in the middle of line 2. Line 1 was run.")
        );
        let (replay, said) = Replay::read("@sleep 1\n@nonsense\n@sleep 2\n", false, None);
        assert_eq!(replay.entries.len(), 1);
        assert!(said.is_some_and(|said| said.starts_with("Line 2 of this link is")));
        let (replay, said) = Replay::read("@sleep 1\n@sleep 2\n", false, Some(5));
        assert_eq!((replay.entries.len(), replay.until_us, said), (2, Some(5), None));
        let (replay, said) = Replay::read("", true, None);
        assert_eq!((replay.entries.len(), said.is_some()), (0, true));
    }
}
