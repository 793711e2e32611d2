//! The run as lines: what was done, in the action language.

use logbrook_lab::run::Run;

use crate::view::{HistoryLine, Lines, Time};

pub(crate) fn lines(run: &Run, passed: bool) -> Lines {
    let line = |line: &logbrook_lab::run::Line| HistoryLine {
        time: Time(line.at_us),
        text: line.action.to_string(),
        changing: line.action.is_changing(),
    };
    let lines: Vec<HistoryLine> = run.history().iter().map(line).collect();
    let changing = lines.iter().filter(|l| l.changing).count();
    Lines {
        changing: u32::try_from(changing).unwrap_or(u32::MAX),
        par: passed.then(|| u32::try_from(run.level().par()).unwrap_or(u32::MAX)),
        lines,
    }
}
