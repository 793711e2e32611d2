//! `[[assert]]`: which parameters each check takes is what its type says.

use serde::Deserialize;
use toml::{Table, Value};

use logbrook_shell::nearest::nearest;

use crate::check::{Check, NAMES};
use crate::level::{Assert, When};

/// Reads one table. The error says what was found and what the check takes.
pub(super) fn typed(mut raw: Table) -> Result<Assert, String> {
    let id = word(&mut raw, "id")?.ok_or("assert: id is missing")?;
    let at = |message: String| format!("assert {id:?}: {message}");
    let name = raw.get("check").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !NAMES.contains(&name.as_str()) {
        let hint = nearest(&name, NAMES.iter().copied());
        let hint = hint.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        let known = NAMES.join(", ");
        return Err(at(format!("check: found {name:?}, expected one of {known}{hint}")));
    }
    let when = raw.remove("when").map(When::deserialize).transpose();
    let when = when.map_err(|e| at(format!("when: {}", e.message())))?;
    let trial = word(&mut raw, "trial").map_err(at)?;
    let say = word(&mut raw, "say").map_err(at)?;
    if name == "predicted"
        && raw.remove("all") != Some(Value::Boolean(true))
        && !raw.contains_key("ids")
    {
        return Err(at("predicted needs all = true, or ids".to_owned()));
    }
    let check =
        Check::deserialize(raw).map_err(|e| at(format!("{name}: {}", e.message().trim())))?;
    if let Some(lacks) = lacks(&check) {
        return Err(at(format!("{name} needs {lacks}")));
    }
    if when == Some(When::Always) && !check.may_be_always() {
        return Err(at(format!("when: {name} is judged at the end only")));
    }
    let when = when.unwrap_or(check.default_when());
    Ok(Assert { id, check, when, trial, say })
}

fn word(raw: &mut Table, name: &str) -> Result<Option<String>, String> {
    match raw.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("{name}: found {other}, expected text")),
    }
}

/// What a check needs besides what its type says.
fn lacks(check: &Check) -> Option<&'static str> {
    let bounds = |eq: &Option<i64>, min: &Option<i64>, max: &Option<i64>| {
        let none = eq.is_none() && min.is_none() && max.is_none();
        none.then_some("eq, min or max")
    };
    match check {
        Check::RecordCount { min: None, max: None, .. } => Some("min or max"),
        Check::EachRecordProcessedAtLeastOnce { group, app, .. }
        | Check::EachRecordProcessedExactlyOnce { group, app, .. }
        | Check::EachRecordProcessedAtMostOnce { group, app, .. }
        | Check::ReprocessedAtMost { group, app, .. }
            if group.is_some() == app.is_some() =>
        {
            Some("one of group and app")
        }
        Check::TransactionsAtomic { topics, .. } if topics.is_empty() => Some("topics"),
        Check::TransactionsAtomic { group: Some(_), app: Some(_), .. } => {
            Some("one of group and app, or neither")
        }
        Check::NoAckedRecordLost { app, topic } if app.is_some() == topic.is_some() => {
            Some("one of app and topic")
        }
        Check::DlqContains { exactly, at_least, .. } if exactly.is_some() == at_least.is_some() => {
            Some("one of exactly and at_least")
        }
        Check::LatestValueIs { value, absent, .. } if value.is_some() == *absent => {
            Some("one of value and absent = true")
        }
        Check::OffsetIs { eq, min, max, .. }
        | Check::CommittedOffsetEquals { eq, min, max, .. } => bounds(eq, min, max),
        Check::PartitionHasIsr { eq, min, .. } => bounds(eq, min, &None),
        _complete => None,
    }
}
