//! `logbrook level fmt`: the recorded bodies of a README, from the engine.
//!
//! The blocks are lived through in their order. A command keeps a recorded output only where it has
//! one: what follows a question is left for the reader to see.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use logbrook_lab::level::Level;
use logbrook_lab::run::Run;
use logbrook_shell::parse_entries;

use super::show;
use crate::folder;

pub(crate) fn run(named: &[PathBuf], lessons: &Path, check: bool) -> Result<ExitCode, String> {
    let mut stale = 0;
    for folder in folder::named_or_all(named, lessons)? {
        let path = folder.join("README.md");
        let fail = |message: String| format!("{}{message}", path.display());
        let level = Arc::new(folder::read(&folder, lessons)?);
        let text = fs::read_to_string(&path).map_err(|e| fail(format!(": {e}")))?;
        let readme = formatted(&level, &text).map_err(|e| fail(format!(", {e}")))?;
        for note in &readme.notes {
            println!("{}, {note}", path.display());
        }
        if readme.changes.is_empty() {
            continue;
        }
        stale += 1;
        for change in &readme.changes {
            println!("{}, {change}", path.display());
        }
        if !check {
            fs::write(&path, readme.text).map_err(|e| fail(format!(": {e}")))?;
        }
    }
    let verb = if check { "would be rewritten" } else { "rewritten" };
    println!("{stale} {} {verb}", if stale == 1 { "README" } else { "READMEs" });
    Ok(ExitCode::from(u8::from(check && stale > 0)))
}

/// Whether `fmt` would leave a level's README as it is; what it would change else.
pub(crate) fn is_current(level: &Arc<Level>, folder: &Path) -> Result<(), String> {
    let path = folder.join("README.md");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let changes = formatted(level, &text)?.changes;
    if changes.is_empty() { Ok(()) } else { Err(changes.concat()) }
}

/// A README with its blocks as the engine has them.
struct Readme {
    text: String,
    /// Each block that was different, as lines taken out and put in.
    changes: Vec<String>,
    /// Blocks that were left as they are, and why.
    notes: Vec<String>,
}

fn formatted(level: &Arc<Level>, text: &str) -> Result<Readme, String> {
    let mut run = Run::start(Arc::clone(level))?;
    let mut readme = Readme { text: String::new(), changes: Vec::new(), notes: Vec::new() };
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        readme.text.push_str(line);
        readme.text.push('\n');
        let Some(info) = line.strip_prefix("```") else { continue };
        let (mut body, mut end) = (String::new(), None);
        for (_, line) in lines.by_ref() {
            if line.trim_end() == "```" {
                end = Some(line);
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        let number = index + 1;
        let end = end.ok_or_else(|| format!("line {number}: the block {info:?} has no end"))?;
        let now = match block(level, &mut run, info, &body, number)? {
            Body::Now(now) => now,
            Body::Left(None) => body.clone(),
            Body::Left(Some(why)) => {
                readme.notes.push(format!("line {number}: {info:?} is left as it is: {why}"));
                body.clone()
            }
        };
        if now != body {
            readme.changes.push(format!("line {number}: {info}\n{}", difference(&body, &now)));
        }
        readme.text.push_str(&now);
        readme.text.push_str(end);
        readme.text.push('\n');
    }
    answerable(level, &mut run)?;
    Ok(readme)
}

/// Whether each question's right answer, as this run gives it, can be chosen.
fn answerable(level: &Level, run: &mut Run) -> Result<(), String> {
    run.observe();
    run.checked();
    for prediction in &level.predictions {
        let id = &prediction.id;
        let Some(right) = run.predictions().revealed(id) else {
            return Err(format!(
                "predict {id}: the blocks are run, and its answer is not revealed"
            ));
        };
        if !prediction.options.is_empty() && !prediction.options.iter().any(|o| o == right) {
            let options = prediction.options.join(", ");
            return Err(format!(
                "predict {id}: found the answer `{right}`, expected one of {options}"
            ));
        }
    }
    Ok(())
}

enum Body {
    Now(String),
    /// Not from the engine, or not drawn here.
    Left(Option<String>),
}

fn block(
    level: &Level,
    run: &mut Run,
    info: &str,
    body: &str,
    line: usize,
) -> Result<Body, String> {
    let mut words = info.split_whitespace();
    match words.next().unwrap_or_default() {
        "run" => recorded(run, body, line).map(Body::Now),
        "show" => {
            let view = words.next().unwrap_or_default();
            let params = words.filter_map(|word| word.split_once('=')).collect();
            match show::text(run, view, &params) {
                Ok(text) => Ok(Body::Now(text)),
                Err(show::NotShown::Params(message)) => Err(format!("line {line}: {message}")),
                Err(show::NotShown::View) => {
                    Ok(Body::Left(Some(format!("the view {view:?} has no text form yet"))))
                }
            }
        }
        "goal" => {
            let sentence = |a: &logbrook_lab::level::Assert| a.check.sentence(a.when, level);
            Ok(Body::Now(level.asserts.iter().map(|a| format!("- {}\n", sentence(a))).collect()))
        }
        _predict => Ok(Body::Left(None)),
    }
}

/// The lines of a run block with what they print now.
fn recorded(run: &mut Run, body: &str, line: usize) -> Result<String, String> {
    let at = |inside: usize| format!("line {}", line + inside);
    let entries = parse_entries(body)
        .map_err(|e| format!("{}: found `{}`, expected {}", at(e.line), e.found, e.expected))?;
    let mut out = String::new();
    for mut entry in entries {
        let outcome = run.run(&entry.action).map_err(|e| format!("{}: {e}", at(entry.line)))?;
        if let Some(before) = entry.recorded.take() {
            let mut output = outcome.output.unwrap_or_default();
            if before.exit.is_none() {
                output.exit = None;
            }
            entry.recorded = Some(output);
        }
        out.push_str(&format!("{entry}\n"));
    }
    Ok(out)
}

/// Lines out and in; those before and after that are the same are left away.
fn difference(before: &str, now: &str) -> String {
    let (before, now): (Vec<&str>, Vec<&str>) = (before.lines().collect(), now.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = before.iter().zip(&now).take_while(same).count();
    let rest = before[start..].iter().rev().zip(now[start..].iter().rev());
    let end = rest.take_while(same).count();
    let out = before[start..before.len() - end].iter().map(|l| format!("- {l}\n"));
    out.chain(now[start..now.len() - end].iter().map(|l| format!("+ {l}\n"))).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_difference_leaves_away_what_is_the_same() {
        assert_eq!(super::difference("a\nb\nc\n", "a\nx\ny\nc\n"), "- b\n+ x\n+ y\n");
        assert_eq!(super::difference("a\na\n", "a\n"), "- a\n");
        assert_eq!(super::difference("", "a\n"), "+ a\n");
    }
}
