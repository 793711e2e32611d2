//! `lessons/interview/<slug>.toml`: a question, read strictly.

mod raw;
mod rounds;

use logbrook_shell::action::{Action, Entry};
use logbrook_sorted::SortedMap;
use toml::Spanned;

use self::raw::{Raw, RawClaim, RawDesign, RawDiagnose, RawPoint, RawPredict, RawWorld};
use super::LevelError;
use super::hint::one_of;
use super::world::{Lines, Tables};
use crate::level::{self, Level};
use crate::observable::Observable;
use crate::permission;
use crate::question::{
    Cause, Claim, Counter, Design, Diagnose, Experiment, Head, Kind, Part, Point, Predict,
    Question, Subject, Value, Want,
};

pub use rounds::{QuestionFolder, read_questions};

/// Reads one question. `file` names it in errors.
///
/// # Errors
/// The first thing that does not fit the format.
pub fn read_question(slug: &str, file: &str, text: &str) -> Result<Question, LevelError> {
    let lines = Lines { file, text };
    let raw: Raw = lines.read()?;
    let reader =
        Reader { lines: &lines, worlds: worlds(slug, &lines, raw.world, raw.rev, &raw.title)? };
    let at = |field: &Spanned<_>| lines.of(field);
    let within =
        |field: &Spanned<u32>, name: &str, from: u32, to: u32| {
            let found = *field.get_ref();
            match (from..=to).contains(&found) {
                true => Ok(found),
                false => Err(lines
                    .fail(at(field), format!("{name}: found {found}, expected {from} to {to}"))),
            }
        };
    within(&raw.format, "format", 1, 1)?;
    let head = Head {
        rev: raw.rev,
        title: raw.title,
        ask: one_line(&raw.ask),
        given: one_line(&raw.given),
        minutes: within(&raw.minutes, "minutes", 1, 15)?,
        difficulty: within(&raw.difficulty, "difficulty", 1, 3)?,
        levels: raw.levels,
        seed_refs: raw.seed_refs,
    };
    let kind_line = lines.of(&raw.kind);
    let lacks = |table: &str| {
        lines.fail(kind_line, format!("kind: found {table:?}, expected a table [{table}] with it"))
    };
    let kind = raw.kind.into_inner();
    let given = [
        (Kind::Predict, raw.predict.is_some()),
        (Kind::Diagnose, raw.diagnose.is_some()),
        (Kind::Design, raw.design.is_some()),
    ];
    if let Some((other, _)) = given.iter().find(|(table, there)| *there && *table != kind) {
        let message = format!("kind: found {:?}, and a table [{}]", kind.word(), other.word());
        return Err(lines.fail(kind_line, message));
    }
    let part = match kind {
        Kind::Explain => Part::Explain,
        Kind::Predict => {
            Part::Predict(reader.predict(raw.predict.ok_or_else(|| lacks("predict"))?)?)
        }
        Kind::Diagnose => Part::Diagnose(Box::new(
            reader.diagnose(raw.diagnose.ok_or_else(|| lacks("diagnose"))?)?,
        )),
        Kind::Design => {
            Part::Design(Box::new(reader.design(raw.design.ok_or_else(|| lacks("design"))?)?))
        }
    };
    let mut points: Vec<Point> = Vec::new();
    for raw in raw.point {
        let line = lines.of(&raw);
        let point = reader.point(raw)?;
        if points.iter().any(|there| there.id == point.id) {
            return Err(lines.fail(line, format!("point.id: {:?} is used twice", point.id)));
        }
        points.push(point);
    }
    if points.iter().all(|point| point.weight < 2) {
        let message = "point.weight: found no 2, expected at least one point that is waited for";
        return Err(lines.fail(kind_line, message));
    }
    if raw.follow_up.is_empty() {
        return Err(lines.fail(kind_line, "follow_up: found none, expected at least 1"));
    }
    let Reader { worlds, .. } = reader;
    let question =
        Question { slug: slug.to_owned(), head, worlds, part, points, follow_ups: raw.follow_up };
    Ok(question)
}

/// Text over several lines of the file, as one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn worlds(
    slug: &str,
    lines: &Lines<'_>,
    raw: SortedMap<String, Spanned<RawWorld>>,
    rev: u32,
    title: &str,
) -> Result<SortedMap<String, Level>, LevelError> {
    let mut worlds = SortedMap::new();
    for (name, world) in raw {
        let world = world.into_inner();
        let setup = world.setup;
        if let Some(setup) = &setup {
            entries(lines, "setup", setup)?;
        }
        let tables = Tables {
            cluster: world.cluster,
            topic: world.topic,
            store: world.store,
            app: world.app,
            may: world.may,
            event: world.event,
            assert: world.assert,
            trial: world.trial,
        };
        let checked = tables.checked(lines)?;
        let head = level::Head {
            format: 1,
            rev,
            kind: level::Kind::Interview,
            title: title.to_owned(),
            idea: String::new(),
            kills: Vec::new(),
            after: Vec::new(),
            needs: Vec::new(),
            phase: 1,
            minutes: 0,
            seed_refs: Vec::new(),
            hints: Vec::new(),
            clock: Some(level::ClockMode::Step),
        };
        let may = checked.may.unwrap_or_else(|| permission::everything(&checked.apps));
        let level = Level {
            track: format!("interview/{slug}"),
            slug: name.clone(),
            head,
            cluster: checked.cluster,
            topics: checked.topics,
            stores: checked.stores,
            apps: checked.apps,
            may,
            events: checked.events,
            asserts: checked.asserts,
            trials: checked.trials,
            predictions: Vec::new(),
            prose: Vec::new(),
            setup: setup.map(Spanned::into_inner),
            solutions: Vec::new(),
            wrong: Vec::new(),
            files: SortedMap::new(),
        };
        worlds.insert(name, level);
    }
    Ok(worlds)
}

/// The lines of a session that stands in the file as one text.
fn entries(
    lines: &Lines<'_>,
    field: &str,
    session: &Spanned<String>,
) -> Result<Vec<Entry>, LevelError> {
    crate::answer::parse(session.get_ref()).map_err(|e| {
        let from = lines.of(session);
        // The line break after the opening quotes is no line of the text.
        let above = usize::from(lines.text[session.span().start..].starts_with("\"\"\"\n"));
        let line = (from + above + e.line).saturating_sub(1);
        lines.fail(line, format!("{field}: found `{}`, expected {}", e.found, e.expected))
    })
}

/// A run and the names of its commands.
struct Labelled {
    run: Experiment,
    labels: Vec<String>,
}

struct Reader<'a> {
    lines: &'a Lines<'a>,
    worlds: SortedMap<String, Level>,
}

impl Reader<'_> {
    fn world(&self, field: &str, name: &Spanned<String>) -> Result<&Level, LevelError> {
        self.worlds.get(name.get_ref()).ok_or_else(|| {
            let names: Vec<_> = self.worlds.keys().map(String::as_str).collect();
            self.lines.fail(self.lines.of(name), one_of(field, name.get_ref(), &names))
        })
    }

    fn run(
        &self,
        field: &str,
        world: &Spanned<String>,
        session: &Spanned<String>,
    ) -> Result<Labelled, LevelError> {
        self.world(&format!("{field}.world"), world)?;
        let mut labels = Vec::new();
        for entry in entries(self.lines, &format!("{field}.lines"), session)? {
            match &entry.action {
                Action::Comment(text) => {
                    let label = text.trim().trim_start_matches("# ").strip_prefix("label:");
                    labels.extend(label.map(|label| label.trim().to_owned()));
                }
                Action::Background { name, .. } => labels.push(name.clone()),
                _other => {}
            }
        }
        let run = Experiment { world: world.get_ref().clone(), lines: session.get_ref().clone() };
        Ok(Labelled { run, labels })
    }

    /// Whether what an observable names is in the run.
    fn observable(
        &self,
        field: &str,
        line: usize,
        observable: &Observable,
        world: &Level,
        labels: &[String],
    ) -> Result<(), LevelError> {
        let (name, apps) = match observable {
            Observable::ExitCode { label } | Observable::Output { label, .. } => (label, false),
            Observable::Delivered { by } => (by, true),
            _of_the_cluster => return Ok(()),
        };
        let mut known: Vec<&str> = labels.iter().map(String::as_str).collect();
        if apps {
            known.extend(world.apps.iter().map(|app| app.name.as_str()));
        }
        match known.contains(&name.as_str()) {
            true => Ok(()),
            false => Err(self.lines.fail(line, one_of(&format!("{field}, label"), name, &known))),
        }
    }

    fn claims(
        &self,
        field: &str,
        raw: Vec<Spanned<RawClaim>>,
        world: &Level,
        labels: &[String],
    ) -> Result<Vec<Claim>, LevelError> {
        let mut claims = Vec::new();
        for spanned in raw {
            let line = self.lines.of(&spanned);
            let claim = claim(spanned.into_inner())
                .map_err(|message| self.lines.fail(line, format!("{field}: {message}")))?;
            match &claim.subject {
                Subject::Observe(observable) => {
                    self.observable(field, line, observable, world, labels)?;
                }
                Subject::Assert(id) => {
                    let known: Vec<_> = world.asserts.iter().map(|a| a.id.as_str()).collect();
                    if !known.contains(&id.as_str()) {
                        let message = one_of(&format!("{field}.assert"), id, &known);
                        return Err(self.lines.fail(line, message));
                    }
                }
            }
            claims.push(claim);
        }
        Ok(claims)
    }

    fn point(&self, spanned: Spanned<RawPoint>) -> Result<Point, LevelError> {
        let line = self.lines.of(&spanned);
        let raw = spanned.into_inner();
        let id = raw.id;
        let fail = |message: String| self.lines.fail(line, format!("point {id:?}: {message}"));
        if !(1..=2).contains(&raw.weight) {
            return Err(fail(format!("weight: found {}, expected 1 or 2", raw.weight)));
        }
        if raw.claims.is_empty() {
            return Err(fail("claims: found none, expected what its run shows".to_owned()));
        }
        if raw.counter.is_empty() {
            return Err(fail(
                "counter: found none, expected a run where a claim is false".to_owned(),
            ));
        }
        let run = self.run("point", &raw.world, &raw.lines)?;
        let world = self.world("point.world", &raw.world)?;
        let claims = self.claims("point.claims", raw.claims, world, &run.labels)?;
        let mut counters = Vec::new();
        for counter in raw.counter {
            let world = counter.world.as_ref().unwrap_or(&raw.world);
            let lines = counter.lines.as_ref().unwrap_or(&raw.lines);
            let run = self.run("counter", world, lines)?.run;
            counters.push(Counter { because: one_line(&counter.because), run });
        }
        let text = one_line(&raw.text);
        Ok(Point { id, text, weight: raw.weight, run: run.run, claims, counters })
    }

    fn predict(&self, raw: RawPredict) -> Result<Predict, LevelError> {
        let run = self.run("predict", &raw.world, &raw.lines)?;
        let world = self.world("predict.world", &raw.world)?;
        let line = self.lines.of(&raw.answer);
        self.observable("predict.answer", line, raw.answer.get_ref(), world, &run.labels)?;
        let options = raw.options.get_ref();
        if options.len() == 1 || options.len() > 5 {
            let message = format!(
                "predict.options: found {}, expected 2 to 5, or none for a number",
                options.len()
            );
            return Err(self.lines.fail(self.lines.of(&raw.options), message));
        }
        let (answer, options) = (raw.answer.into_inner(), raw.options.into_inner());
        Ok(Predict { run: run.run, answer, options })
    }

    fn diagnose(&self, raw: RawDiagnose) -> Result<Diagnose, LevelError> {
        let world = self.world("diagnose.world", &raw.world)?;
        let line = self.lines.of(&raw.world);
        let labels: Vec<String> = raw.evidence.iter().map(|e| e.id.clone()).collect();
        if raw.evidence.len() < 2 || raw.cause.len() < 3 {
            let message = format!(
                "diagnose: found {} evidence and {} causes, expected at least 2 and 3",
                raw.evidence.len(),
                raw.cause.len()
            );
            return Err(self.lines.fail(line, message));
        }
        let symptom = self.claims("diagnose.symptom", raw.symptom, world, &labels)?;
        let mut causes = Vec::new();
        for cause in raw.cause {
            let shows = self.claims("diagnose.cause.shows", cause.shows, world, &labels)?;
            let (text, because) = (one_line(&cause.text), one_line(&cause.because));
            causes.push(Cause { id: cause.id, text, shows, because });
        }
        entries(self.lines, "diagnose.remedy", &raw.remedy)?;
        let diagnose = Diagnose {
            world: raw.world.get_ref().clone(),
            symptom,
            evidence: raw.evidence,
            causes,
            remedy: raw.remedy.into_inner(),
        };
        crate::answer::parse(&diagnose.look().lines)
            .map_err(|e| self.lines.fail(line, format!("diagnose.evidence: {e}")))?;
        Ok(diagnose)
    }

    fn design(&self, raw: RawDesign) -> Result<Design, LevelError> {
        let line = self.lines.of(&raw.world);
        let fail = |message: String| self.lines.fail(line, format!("design: {message}"));
        let world = self.world("design.world", &raw.world)?;
        if world.trials.is_empty() || world.asserts.is_empty() {
            return Err(fail("the world has no trial or no assert, expected both".to_owned()));
        }
        if raw.answer.is_empty() || raw.wrong.is_empty() {
            return Err(fail("found no answer or no wrong sheet, expected both".to_owned()));
        }
        let design = Design {
            world: raw.world.get_ref().clone(),
            knobs: raw.knob,
            answers: raw.answer,
            wrong: raw.wrong,
        };
        for knob in &design.knobs {
            if !(2..=6).contains(&knob.options.len()) {
                let found = knob.options.len();
                return Err(fail(format!(
                    "knob {:?}: found {found} options, expected 2 to 6",
                    knob.id
                )));
            }
            for option in &knob.options {
                crate::answer::parse(&option.lines)
                    .map_err(|e| fail(format!("knob {:?}, {:?}: {e}", knob.id, option.is)))?;
            }
        }
        let sheets = design.answers.iter().chain(design.wrong.iter().map(|wrong| &wrong.pick));
        for sheet in sheets {
            design.lines(sheet).map_err(fail)?;
        }
        let asserts: Vec<_> = world.asserts.iter().map(|a| a.id.as_str()).collect();
        let trials: Vec<_> = world.trials.iter().map(|t| t.name.as_str()).collect();
        for wrong in &design.wrong {
            if !asserts.contains(&wrong.fails.as_str()) {
                return Err(fail(one_of("wrong.fails", &wrong.fails, &asserts)));
            }
            if let Some(trial) = wrong.trial.as_ref().filter(|t| !trials.contains(&t.as_str())) {
                return Err(fail(one_of("wrong.trial", trial, &trials)));
            }
        }
        Ok(design)
    }
}

fn claim(raw: RawClaim) -> Result<Claim, String> {
    let value = |value: raw::RawValue| match value {
        raw::RawValue::Int(n) => Value::Text(n.to_string()),
        raw::RawValue::Text(text) => match text.parse::<Observable>() {
            Ok(observable) => Value::Of(observable),
            Err(_plain_text) => Value::Text(text),
        },
    };
    let wants = [
        raw.is.map(|v| Want::Is(value(v))),
        raw.not.map(|v| Want::Not(value(v))),
        raw.at_least.map(|v| Want::AtLeast(value(v))),
        raw.at_most.map(|v| Want::AtMost(value(v))),
        raw.holds.map(|holds| if holds { Want::Holds } else { Want::Fails }),
    ];
    let mut wants = wants.into_iter().flatten();
    let (Some(want), None) = (wants.next(), wants.next()) else {
        return Err("expected one of is, not, at_least, at_most, holds".to_owned());
    };
    let judged = matches!(want, Want::Holds | Want::Fails);
    let subject = match (raw.observe, raw.assert) {
        (Some(observable), None) if !judged => Subject::Observe(observable),
        (None, Some(id)) if judged => Subject::Assert(id),
        _other => {
            let expected =
                "expected observe with is, not, at_least or at_most, or assert with holds";
            return Err(expected.to_owned());
        }
    };
    Ok(Claim { say: raw.say, subject, want })
}
