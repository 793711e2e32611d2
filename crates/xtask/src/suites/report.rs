//! What a run of a suite found, beside what Apache Kafka makes of the same tests.

use crate::say::{Doing, Result, failure};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    Skipped,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Skipped => "skipped",
        }
    }

    fn read(word: &str) -> Option<Verdict> {
        [Verdict::Passed, Verdict::Failed, Verdict::Skipped].into_iter().find(|v| v.word() == word)
    }
}

/// One test of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) verdict: Verdict,
    /// Why it failed, in the suite's words; else empty.
    pub(super) remark: String,
}

/// `114 passed, 16 failed, 26 skipped`
pub(super) fn counts(outcomes: &[Outcome]) -> String {
    let of = |verdict| outcomes.iter().filter(|o| o.verdict == verdict).count();
    format!(
        "{} passed, {} failed, {} skipped",
        of(Verdict::Passed),
        of(Verdict::Failed),
        of(Verdict::Skipped)
    )
}

/// What Apache Kafka makes of a suite: a line a test, `passed NAME`; `#` begins a remark.
#[derive(Default)]
pub(super) struct Expected(BTreeMap<String, Verdict>);

impl Expected {
    pub(super) fn read(file: &Path) -> Result<Expected> {
        let text = fs::read_to_string(file).doing(file.display())?;
        let mut tests = BTreeMap::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (word, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let verdict = Verdict::read(word).ok_or_else(|| {
                let at = format!("{}, line {}", file.display(), i + 1);
                failure(format!("{at}: found `{word}`, expected passed, failed or skipped"))
            })?;
            tests.insert(name.trim().to_owned(), verdict);
        }
        Ok(Expected(tests))
    }

    pub(super) fn of(outcomes: &[Outcome]) -> Expected {
        Expected(outcomes.iter().map(|o| (o.name.clone(), o.verdict)).collect())
    }

    /// The file, with what was run at its head.
    pub(super) fn text(about: &str, outcomes: &[Outcome]) -> String {
        let mut text: String = about.lines().map(|line| format!("# {line}\n")).collect();
        let _ = writeln!(text, "# {}", counts(outcomes));
        for outcome in outcomes {
            let remark = outcome.remark.replace(['\n', '#'], " ");
            let remark: String = remark.chars().take(100).collect();
            let sep = if remark.is_empty() { "" } else { "  # " };
            let _ = writeln!(
                text,
                "{:<8}{}{sep}{}",
                outcome.verdict.word(),
                outcome.name,
                remark.trim_end()
            );
        }
        text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn passes(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Verdict::Passed)
    }
}

/// A run beside the expectation.
pub(super) struct Compared {
    suite: String,
    rows: Vec<Row>,
}

struct Row {
    outcome: Outcome,
    kafka: Option<Verdict>,
}

impl Row {
    fn counts_here(&self) -> bool {
        self.kafka == Some(Verdict::Passed)
    }

    fn missing(&self) -> bool {
        self.counts_here() && self.outcome.verdict != Verdict::Passed
    }
}

impl Compared {
    pub(super) fn new(suite: String, expected: &Expected, outcomes: Vec<Outcome>) -> Compared {
        let row = |outcome: Outcome| Row { kafka: expected.0.get(&outcome.name).copied(), outcome };
        Compared { suite, rows: outcomes.into_iter().map(row).collect() }
    }

    /// How many tests fail that Kafka passes.
    pub(super) fn missing(&self) -> usize {
        self.rows.iter().filter(|row| row.missing()).count()
    }

    /// `librdkafka: 112 of the 114 tests that Apache Kafka passes`
    pub(super) fn summary(&self) -> String {
        let counted = self.rows.iter().filter(|row| row.counts_here()).count();
        let passed = counted - self.missing();
        format!("{}: {passed} of the {counted} tests that Apache Kafka passes", self.suite)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let test = |row: &Row| {
            serde_json::json!({
                "name": row.outcome.name,
                "kafka": row.kafka.map(Verdict::word),
                "here": row.outcome.verdict.word(),
                "remark": row.outcome.remark,
            })
        };
        let counted = self.rows.iter().filter(|row| row.counts_here()).count();
        serde_json::json!({
            "suite": self.suite,
            "kafka_passes": counted,
            "passed_of_those": counted - self.missing(),
            "tests": self.rows.iter().map(test).collect::<Vec<_>>(),
        })
    }
}

/// Every test that differs from Kafka, either way.
impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differs = |row: &&Row| row.kafka != Some(row.outcome.verdict);
        let rows: Vec<&Row> = self.rows.iter().filter(differs).collect();
        let width = rows.iter().map(|row| row.outcome.name.len()).max().unwrap_or_default();
        if !rows.is_empty() {
            writeln!(f, "{:<width$}  {:<8}  {:<8}", self.suite, "Kafka", "here")?;
        }
        for row in rows {
            let kafka = row.kafka.map_or("-", Verdict::word);
            let here = row.outcome.verdict.word();
            let remark: String = row.outcome.remark.chars().take(160).collect();
            let line = format!("{:<width$}  {kafka:<8}  {here:<8}  {remark}", row.outcome.name);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, verdict: Verdict) -> Outcome {
        Outcome { name: name.to_owned(), verdict, remark: String::new() }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let failed =
            Outcome { remark: "it # broke\nbadly".to_owned(), ..outcome("b[x]", Verdict::Failed) };
        let outcomes = [outcome("a", Verdict::Passed), failed, outcome("c", Verdict::Skipped)];
        let text = Expected::text("version\ncommand", &outcomes);
        let file = std::env::temp_dir().join(format!("suite-{}.txt", std::process::id()));
        fs::write(&file, text).expect("a temporary file");
        let read = Expected::read(&file).expect("as written");
        fs::remove_file(&file).expect("it was there");
        assert_eq!(read.0, Expected::of(&outcomes).0);
    }

    #[test]
    fn a_test_that_kafka_passes_must_pass_and_no_other() {
        let kafka = [
            outcome("a", Verdict::Passed),
            outcome("b", Verdict::Passed),
            outcome("c", Verdict::Failed),
        ];
        let ours = vec![
            outcome("a", Verdict::Passed),
            outcome("b", Verdict::Skipped),
            outcome("c", Verdict::Failed),
            outcome("new", Verdict::Failed),
        ];
        let compared = Compared::new("s".to_owned(), &Expected::of(&kafka), ours);
        assert_eq!(compared.missing(), 1);
        assert_eq!(compared.summary(), "s: 1 of the 2 tests that Apache Kafka passes");
    }
}
