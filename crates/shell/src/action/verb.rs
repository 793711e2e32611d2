//! The `@` verbs that take one line: their table and how their arguments are read.

use super::target::{FORMS, is_name};
use super::{Action, ActionError, DiskState, Span, StoreState, Target};

/// Every `@` verb with its arguments, for errors, help and completion.
pub const VERBS: &[(&str, &str)] = &[
    ("cluster", "N [K=V ...]"),
    ("mask", "REGEX"),
    ("file", "NAME, then `< text` lines"),
    ("feed", "NAME TEXT"),
    ("expect", "NAME REGEX"),
    ("close", "NAME"),
    ("wait", "NAME"),
    ("stop", "NAME"),
    ("until", "REGEX"),
    ("sleep", "SECONDS"),
    ("at", "SECONDS"),
    ("kill", "TARGET"),
    ("term", "TARGET"),
    ("start", "TARGET"),
    ("crash", "NODE"),
    ("lose", "NODE"),
    ("pause", "TARGET SECONDS"),
    ("disk", "NODE slow MS | full | ok"),
    ("clock", "TARGET MS"),
    ("cut", "A from B,C"),
    ("delay", "A B MS"),
    ("drop", "A B PERCENT"),
    ("heal", ""),
    ("app", "NAME role=ROLE k=v ..."),
    ("deploy", "APP k=v ..."),
    ("scale", "APP N"),
    ("restart", "APP | APP/i | any(APP)"),
    ("burst", "APP RATE SECONDS"),
    ("poison", "APP KIND [entity=E]"),
    ("store", "NAME down | up | slow MS"),
    ("predict", "ID VALUE"),
    ("note", "TEXT"),
];

/// Reads `verb arguments` (without `@`).
pub(super) fn parse(text: &str) -> Result<Action, ActionError> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let Some((_, usage)) = VERBS.iter().find(|(name, _)| *name == verb) else {
        return Err(unknown(verb));
    };
    let usage = || format!("@{verb} {usage}").trim_end().to_string();
    let wrong = || ActionError::new(format!("@{text}"), usage());
    let raw = rest;
    let rest = rest.trim();
    let name = || if is_name(rest) { Ok(rest.to_string()) } else { Err(wrong()) };
    let nonempty = || if raw.is_empty() { Err(wrong()) } else { Ok(raw.to_string()) };
    let target = || {
        if rest.is_empty() { Err(wrong()) } else { Target::parse(rest) }
    };
    match verb {
        "cluster" => cluster(rest).ok_or_else(wrong),
        "mask" => nonempty().map(Action::Mask),
        "file" => {
            if rest.is_empty() || rest.contains(char::is_whitespace) {
                return Err(wrong());
            }
            Ok(Action::File { name: rest.to_string(), lines: Vec::new() })
        }
        "feed" => named_text(raw).map(|(name, text)| Action::Feed { name, text }).ok_or_else(wrong),
        "expect" => named_text(raw)
            .filter(|(_, regex)| !regex.is_empty())
            .map(|(name, regex)| Action::Expect { name, regex })
            .ok_or_else(wrong),
        "close" => name().map(Action::Close),
        "wait" => name().map(Action::Wait),
        "stop" => target().map(Action::Stop),
        "until" => nonempty().map(Action::Until),
        "sleep" => Span::parse(rest).map(Action::Sleep),
        "at" => Span::parse(rest).map(Action::At),
        "kill" => target().map(Action::Kill),
        "term" => target().map(Action::Term),
        "start" => target().map(Action::Start),
        "crash" => target().map(Action::Crash),
        "lose" => target().map(Action::Lose),
        "restart" => target().map(Action::Restart),
        "pause" => {
            let (who, span) = rest.rsplit_once(' ').ok_or_else(wrong)?;
            Ok(Action::Pause(Target::parse(who)?, Span::parse(span)?))
        }
        "disk" => disk(rest).ok_or_else(wrong)?,
        "clock" => {
            let (who, skew) = rest.rsplit_once(' ').ok_or_else(wrong)?;
            Ok(Action::Clock(Target::parse(who)?, skew.parse().map_err(|_| wrong())?))
        }
        "cut" => {
            let (a, b) = rest.split_once(" from ").ok_or_else(wrong)?;
            let to = split_targets(b).iter().map(|t| Target::parse(t)).collect::<Result<_, _>>()?;
            Ok(Action::Cut { from: Target::parse(a)?, to })
        }
        "delay" | "drop" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let [a, b, amount] = words[..] else { return Err(wrong()) };
            let (a, b) = (Target::parse(a)?, Target::parse(b)?);
            let amount: u32 = amount.trim_end_matches('%').parse().map_err(|_| wrong())?;
            if verb == "delay" {
                Ok(Action::Delay(a, b, amount))
            } else if amount <= 100 {
                Ok(Action::Drop(a, b, amount))
            } else {
                Err(wrong())
            }
        }
        "heal" if rest.is_empty() => Ok(Action::Heal),
        "heal" => Err(wrong()),
        "app" => {
            named_settings(rest).map(|(name, words)| Action::App { name, words }).ok_or_else(wrong)
        }
        "deploy" => named_settings(rest)
            .map(|(app, settings)| Action::Deploy { app, settings })
            .ok_or_else(wrong),
        "scale" => {
            let (app, n) = rest.split_once(' ').ok_or_else(wrong)?;
            let instances = n.trim().parse().map_err(|_| wrong())?;
            if !is_name(app) {
                return Err(wrong());
            }
            Ok(Action::Scale { app: app.to_string(), instances })
        }
        "burst" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let [app, rate, span] = words[..] else { return Err(wrong()) };
            let per_second = rate.strip_suffix("/s").unwrap_or(rate);
            if !is_name(app) || per_second.parse::<u32>().is_err() {
                return Err(wrong());
            }
            let (app, rate) = (app.to_string(), rate.to_string());
            Ok(Action::Burst { app, rate, span: Span::parse(span)? })
        }
        "poison" => poison(rest).ok_or_else(wrong),
        "store" => {
            let (store, state) = rest.split_once(' ').ok_or_else(wrong)?;
            let state = match state.trim().split_once(' ') {
                None if state.trim() == "down" => StoreState::Down,
                None if state.trim() == "up" => StoreState::Up,
                Some(("slow", ms)) => StoreState::Slow(milliseconds(ms).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            };
            if !is_name(store) {
                return Err(wrong());
            }
            Ok(Action::Store(store.to_string(), state))
        }
        "predict" => {
            let (id, value) = rest.split_once(' ').ok_or_else(wrong)?;
            if !is_name(id) {
                return Err(wrong());
            }
            Ok(Action::Predict { id: id.to_string(), value: value.trim().to_string() })
        }
        "note" => nonempty().map(Action::Note),
        _ => Err(unknown(verb)),
    }
}

fn unknown(verb: &str) -> ActionError {
    let names: Vec<String> = VERBS.iter().map(|(name, _)| format!("@{name}")).collect();
    let nearest = crate::nearest::nearest(verb, VERBS.iter().map(|(name, _)| *name));
    let expected = match nearest {
        Some(name) => format!("@{name}, or one of {}", names.join(", ")),
        None => format!("one of {}", names.join(", ")),
    };
    ActionError::new(format!("@{verb}"), expected)
}

fn cluster(rest: &str) -> Option<Action> {
    let mut words = crate::words::split(rest).ok()?.into_iter();
    let nodes: u32 = words.next()?.parse().ok()?;
    if !(1..=9).contains(&nodes) {
        return None;
    }
    let settings = words
        .map(|w| w.split_once('=').map(|(k, v)| (k.to_string(), v.to_string())))
        .collect::<Option<Vec<_>>>()?;
    if settings.iter().any(|(k, _)| !is_name(k)) {
        return None;
    }
    Some(Action::Cluster { nodes, settings })
}

fn named_text(raw: &str) -> Option<(String, String)> {
    let (name, text) = raw.split_once(' ').unwrap_or((raw, ""));
    is_name(name).then(|| (name.to_string(), text.to_string()))
}

fn disk(rest: &str) -> Option<Result<Action, ActionError>> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (who, state) = match words[..] {
        [ref who @ .., "full"] => (who.join(" "), DiskState::Full),
        [ref who @ .., "ok"] => (who.join(" "), DiskState::Ok),
        [ref who @ .., "slow", ms] => (who.join(" "), DiskState::Slow(milliseconds(ms)?)),
        _ => return None,
    };
    if who.is_empty() {
        return Some(Err(ActionError::new(rest, FORMS)));
    }
    Some(Target::parse(&who).map(|target| Action::Disk(target, state)))
}

/// `NAME k=v …`.
fn named_settings(rest: &str) -> Option<(String, Vec<(String, String)>)> {
    let mut words = crate::words::split(rest).ok()?.into_iter();
    let app = words.next().filter(|app| is_name(app))?;
    let settings = words
        .map(|w| w.split_once('=').map(|(k, v)| (k.to_string(), v.to_string())))
        .collect::<Option<Vec<_>>>()?;
    if settings.iter().any(|(k, _)| !is_name(k)) {
        return None;
    }
    Some((app, settings))
}

fn poison(rest: &str) -> Option<Action> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (app, kind, entity) = match words[..] {
        [app, kind] => (app, kind, None),
        [app, kind, entity] => (app, kind, Some(entity.strip_prefix("entity=")?.to_string())),
        _ => return None,
    };
    is_name(app).then(|| Action::Poison { app: app.to_string(), kind: kind.to_string(), entity })
}

/// Commas inside brackets do not separate: `owner(g,orders-0),2` is two targets.
fn split_targets(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0i32);
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

fn milliseconds(text: &str) -> Option<u32> {
    text.strip_suffix("ms").unwrap_or(text).parse().ok()
}

impl Span {
    /// Reads seconds (`2`, `0.5`) or a number with `us`, `ms`, `s`, `m`, `h` or `d`.
    pub fn parse(text: &str) -> Result<Span, ActionError> {
        let wrong = || {
            ActionError::new(text, "a time in seconds (`2`, `0.5`) or with a unit (`500ms`, `10m`)")
        };
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let unit_us: i64 = match &text[unit_at..] {
            "us" => 1,
            "ms" => 1_000,
            "" | "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return Err(wrong()),
        };
        let number = &text[..unit_at];
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 6 {
            return Err(wrong());
        }
        let whole: i64 = whole.parse().map_err(|_| wrong())?;
        let scale = 10i64.pow(fraction.len() as u32);
        let part: i64 =
            if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| wrong())? };
        let us = whole
            .checked_mul(unit_us)
            .and_then(|w| w.checked_add(part.checked_mul(unit_us)? / scale))
            .ok_or_else(wrong)?;
        Ok(Span(us))
    }
}
