//! A design as it is chosen, and what the trials say of it.

use logbrook_sorted::SortedMap;

use super::experiment::Running;
use super::{Design, Question, WrongDesign};
use crate::grade::{Grading, Report, TrialReport};
use crate::level::Level;

/// What is chosen: knob to option. What is not named is as it stands already.
pub type Sheet = SortedMap<String, String>;

impl Design {
    /// The lines that set up a sheet.
    ///
    /// # Errors
    /// A knob or an option that there is not; names those that there are.
    pub fn lines(&self, sheet: &Sheet) -> Result<String, String> {
        let known = |name: &String| self.knobs.iter().any(|knob| knob.id == *name);
        if let Some(name) = sheet.keys().find(|name| !known(name)) {
            let knobs: Vec<_> = self.knobs.iter().map(|knob| knob.id.as_str()).collect();
            return Err(format!("pick: found {name:?}, expected one of {}", knobs.join(", ")));
        }
        let mut lines = String::new();
        for knob in &self.knobs {
            let Some(picked) = sheet.get(&knob.id) else {
                lines.push_str(knob.options.first().map_or("", |first| &first.lines));
                continue;
            };
            let Some(option) = knob.options.iter().find(|option| option.is == *picked) else {
                let options: Vec<_> = knob.options.iter().map(|o| o.is.as_str()).collect();
                let options = options.join(", ");
                return Err(format!(
                    "pick.{}: found {picked:?}, expected one of {options}",
                    knob.id
                ));
            };
            lines.push_str(&option.lines);
            if !option.lines.is_empty() && !option.lines.ends_with('\n') {
                lines.push('\n');
            }
        }
        Ok(lines)
    }

    /// The known wrong sheet that fails in this way and has been chosen, the one that says most.
    #[must_use]
    pub fn known(&self, sheet: &Sheet, report: &Report) -> Option<&WrongDesign> {
        let first = report.first_failure.as_ref()?;
        let same = |wrong: &&WrongDesign| {
            wrong.fails == first.assert
                && wrong.trial == first.trial
                && wrong.pick.iter().all(|(knob, is)| self.picked(sheet, knob) == Some(is.as_str()))
        };
        self.wrong.iter().filter(same).max_by_key(|wrong| wrong.pick.len())
    }

    /// What a sheet says of a knob.
    #[must_use]
    pub fn picked<'a>(&'a self, sheet: &'a Sheet, knob: &str) -> Option<&'a str> {
        let first = || self.knobs.iter().find(|k| k.id == knob)?.options.first();
        sheet.get(knob).map(String::as_str).or_else(|| first().map(|option| option.is.as_str()))
    }
}

/// A sheet being graded, in slices: its lines, then every seed of every trial.
#[derive(Clone)]
pub struct Grade {
    running: Running,
    grading: Option<Box<Grading>>,
    lines: String,
}

impl Grade {
    /// Begins with the world as it stands.
    ///
    /// # Errors
    /// A sheet that names what there is not, or a world that cannot be made.
    pub fn start(question: &Question, design: &Design, sheet: &Sheet) -> Result<Self, String> {
        let lines = design.lines(sheet)?;
        let world: &Level =
            question.worlds.get(&design.world).ok_or("the question has no such world")?;
        Ok(Self { running: Running::start(world, &lines, None)?, grading: None, lines })
    }

    /// Goes on while `go_on` says so. True once every seed is over. With `to_failure` no trial is begun
    /// after a failure.
    ///
    /// # Errors
    /// A line that does not apply: a setting that the client refuses, with its words.
    pub fn advance(
        &mut self,
        to_failure: bool,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<bool, String> {
        if self.grading.is_none() {
            if !self.running.advance(&mut go_on)? {
                return Ok(false);
            }
            let refused = self.running.said().iter().find(|said| said.exit.is_some());
            if let Some(said) = refused {
                return Err(format!("`{}`: {}", said.line, said.printed.trim()));
            }
        }
        let run = self.running.run_mut();
        let grading = self.grading.get_or_insert_with(|| Box::new(Grading::new(run, None)));
        if to_failure {
            grading.stop_at_failure();
        }
        grading.advance(run, go_on)
    }

    /// The trials as they stand.
    #[must_use]
    pub fn trials(&self) -> &[TrialReport] {
        self.grading.as_ref().map_or(&[], |grading| grading.progress().2)
    }

    /// The report, once over.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let lines = crate::answer::changing(&self.lines);
        self.grading.as_ref().map(|grading| grading.report(&lines))
    }
}
