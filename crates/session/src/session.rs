//! The playground without a screen: events in, a view out.

use std::sync::Arc;

use logbrook_cluster::EventId;
use logbrook_lab::level::Level;
use logbrook_lab::verdict::Verdict as Held;
use logbrook_shell::tools;
use logbrook_sorted::SortedSet;

use crate::catalog::Catalog;
use crate::demo;
use crate::event::{Event, TermKey};
use crate::link::{self, Link, Replay};
use crate::play::Play;
use crate::progress::Progress;
use crate::project::inspector::{self, Subject};
use crate::project::{apps, comparison, home, lines, stage, task, timeline};
use crate::sandbox::World;
use crate::view::{
    Announcement, GoalStatus, Moment, Notice, Place, Rich, Selected, Stage, Task, Terminal, Time,
    Timeline, Tone, Top, Verdict, View,
};

/// The live region speaks at most so often.
const SAY_EVERY_US: i64 = 1_000_000;

/// The playground.
pub struct Session {
    catalog: Catalog,
    progress: Progress,
    place: Place,
    play: Option<Box<Play>>,
    /// The sandbox's world, while it is open.
    world: Option<World>,
    /// Whether the small cluster on Home may be seen.
    demo_is_warm: bool,
    /// The small cluster on Home; made when the first frame after the first paint asks for it.
    demo: Option<Box<Play>>,
    notices: Vec<Notice>,
    next_notice: u64,
    /// Real time since the live region last spoke.
    silent_us: i64,
    view: View,
}

impl Session {
    /// The playground at its home.
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        let progress = Progress::default();
        let view = View {
            place: Place::Home,
            top: Arc::new(Top::default()),
            home: Arc::new(home::home(&catalog, &progress)),
            task: None,
            stage: Arc::new(Stage::default()),
            timeline: Arc::new(Timeline::default()),
            terminal: Arc::new(Terminal::default()),
            apps: Arc::default(),
            lines: Arc::default(),
            inspector: None,
            announcement: Arc::new(Announcement::default()),
            notices: Arc::default(),
            keep: Arc::new(progress.write()),
            sandbox: None,
            share: None,
            unread: Arc::default(),
        };
        Self {
            catalog,
            progress,
            place: Place::Home,
            play: None,
            world: None,
            demo: None,
            demo_is_warm: false,
            notices: Vec::new(),
            next_notice: 1,
            silent_us: SAY_EVERY_US,
            view,
        }
    }

    /// Whether a level can be opened now: it may begin with a tool or a codec that has not come yet.
    #[must_use]
    pub fn can_open(level: &Level) -> bool {
        let settings = (level.cluster.config.keys())
            .chain(level.topics.iter().flat_map(|topic| topic.config.keys()))
            .chain(level.apps.iter().flat_map(|app| app.config.keys()));
        let events = level.events.iter().chain(level.trials.iter().flat_map(|trial| &trial.event));
        settings
            .chain(level.files.values())
            .chain(&level.setup)
            .chain(events.map(|event| &event.action))
            .all(|text| tools::have_come(text))
    }

    /// Goes to a level. Ask [`Session::can_open`] before.
    pub fn open(&mut self, level: Level) {
        self.place = Place::Workbench { track: level.track.clone(), slug: level.slug.clone() };
        self.world = None;
        self.set_up(level);
        self.refresh();
    }

    fn set_up(&mut self, level: Level) {
        self.play = None;
        self.demo = None;
        match Play::open(Arc::new(level)) {
            Ok(play) => self.play = Some(Box::new(play.with_travel())),
            Err(why) => self.notice(Tone::Fail, &format!("The level could not be set up: {why}")),
        }
    }

    /// Whether a world of the sandbox can be opened now: see [`Session::can_open`].
    #[must_use]
    pub fn can_open_world(spec: &str) -> bool {
        Session::can_open(&World::read(spec).0.level())
    }

    fn open_world(&mut self, spec: &str) {
        let (world, wrong) = World::read(spec);
        self.place = Place::Sandbox;
        for what in wrong {
            self.notice(Tone::Warn, &what);
        }
        self.set_up(world.level());
        self.world = Some(world);
    }

    /// Takes an act of the learner.
    pub fn update(&mut self, event: Event) {
        match event {
            Event::Go(place) => {
                // Another level is opened with `open`, which brings its content.
                self.play = None;
                self.world = None;
                self.view.share = None;
                if place != Place::Home {
                    self.demo = None;
                }
                self.place = place;
            }
            Event::Sandbox(spec) => self.open_world(&spec),
            Event::Link { fragment, lines, cut } => self.follow_link(&fragment, &lines, cut),
            Event::Share => {
                let world = self.world.as_ref().map(World::write);
                let run = self.play.as_ref().map(|play| &play.run);
                self.view.share = run.map(|run| Arc::new(link::share(run, world)));
            }
            Event::Restore(text) => match Progress::read(&text) {
                Ok(progress) => {
                    self.progress.merge(&progress);
                }
                Err(e) => {
                    let message = format!(
                        "Stored progress could not be read ({e}). It was put aside; you start with an \
                         empty path."
                    );
                    self.notice(Tone::Warn, &message);
                    self.offer("logbrook-progress-unread.txt", &text);
                    self.view.unread = Arc::new(text);
                }
            },
            Event::Import(text) => match Progress::read(&text) {
                Ok(progress) => {
                    let further = self.progress.merge(&progress);
                    let message = format!(
                        "Levels passed in the file: {}. Further there than here, and taken over: {further}.",
                        progress.passed()
                    );
                    self.notice(Tone::Ok, &message);
                }
                Err(e) => {
                    let message =
                        format!("This file could not be read ({e}). Nothing was changed.");
                    self.notice(Tone::Fail, &message);
                }
            },
            Event::NotKept => {
                self.notice(
                    Tone::Warn,
                    "This browser keeps nothing for this page: its store is full or switched off. What \
                     you do is lost when the tab closes, unless you save it as a file.",
                );
                let text = self.progress.write();
                self.offer("logbrook-progress.txt", &text);
            }
            Event::Dismiss(id) => self.notices.retain(|n| n.id != id),
            other => {
                self.update_play(other);
                // What took no time (a fault) is to be seen at once.
                if let Some(play) = self.play.as_mut().or(self.demo.as_mut()) {
                    play.observe();
                }
            }
        }
        self.note_progress();
        self.refresh();
    }

    /// Does what a link says in the level that is open.
    fn follow_link(&mut self, fragment: &str, lines: &str, cut: bool) {
        let (link, wrong) = Link::read(fragment);
        let Some(play) = &self.play else { return };
        let level = Arc::clone(play.run.level());
        // In the sandbox the seed is the world's.
        if self.world.is_none() {
            for what in wrong {
                self.notice(Tone::Warn, &what);
            }
            if let Some(rev) = link.rev.filter(|rev| *rev != level.head.rev) {
                let now = level.head.rev;
                self.notice(
                    Tone::Warn,
                    &format!(
                        "This link was made for rev {rev} of the level, which is now at rev {now}. What still \
                         applies is run."
                    ),
                );
            }
            if let Some(seed) = link.seed.filter(|seed| u64::from(*seed) != level.cluster.seed) {
                let mut level = Level::clone(&level);
                level.cluster.seed = u64::from(seed);
                self.set_up(level);
            }
        }
        let (replay, said) = Replay::read(lines, cut, link.at_us);
        if let Some(said) = said {
            self.notice(Tone::Warn, &said);
        }
        if let Some(play) = &mut self.play {
            play.replay = Some(replay);
        }
    }

    fn update_play(&mut self, event: Event) {
        let Some(play) = self.play.as_mut().or(self.demo.as_mut()) else { return };
        match event {
            Event::Submit { tab, text } => play.submit(tab, &text),
            Event::Input { tab, text, cursor } => play.input(tab, &text, cursor),
            Event::Key { tab, key } => match key {
                TermKey::Interrupt => play.interrupt(tab),
                TermKey::EndOfInput => play.end_of_input(tab),
                TermKey::Clear => {
                    if let Some(tab) = play.tabs.get(tab) {
                        tab.clear();
                    }
                }
            },
            Event::Complete { tab, index } => play.complete(tab, index),
            Event::Choose { tab, index } => {
                if let Some(tab) = play.tabs.get(tab).filter(|t| index < t.completions.len()) {
                    tab.chosen = index;
                }
            }
            Event::History { tab, older } => {
                if let Some(tab) = play.tabs.get(tab) {
                    tab.browse(older);
                }
            }
            Event::NewTab => {
                let name = play.tabs.next_name();
                play.tabs.open(name);
            }
            Event::CloseTab(tab) => {
                play.interrupt(tab);
                play.tabs.close(tab);
            }
            Event::SelectTab(tab) => {
                if play.tabs.get(tab).is_some() {
                    play.tabs.active = tab;
                }
            }
            Event::Act(line) => {
                let tab = play.free_tab();
                play.submit(tab, &line);
            }
            Event::PutIn(line) => {
                let active = play.tabs.active;
                if let Some(tab) = play.tabs.get(active) {
                    tab.put_in(&line);
                }
            }
            Event::RunBlock(label) => play.run_block(&label),
            Event::Predict { id, value } => {
                if let Err(why) = play.predict(&id, &value) {
                    self.notice(Tone::Warn, &why);
                }
            }
            Event::Check => play.check(),
            Event::StartOver => {
                let level = Arc::clone(play.run.level());
                self.set_up(Level::clone(&level));
            }
            Event::OpenHint => {
                let rungs = play.run.level().head.hints.len() + 1;
                play.hints_open = (play.hints_open + 1).min(rungs);
            }
            Event::ShowMoment(goal) => play.show_moment(&goal),
            Event::ShowSeed { trial, seed } => play.show_seed(trial, seed),
            Event::Play => play.pace.play(true),
            Event::Pause => play.pace.play(false),
            Event::Step { forward: true } => play.step(),
            Event::SeekEvent(event) => {
                let title = "How it came to this".to_owned();
                play.in_trial = None;
                play.subject = Some(Subject::Event { title, event: EventId(event) });
                play.seek_event(EventId(event));
            }
            Event::Step { forward: false } => play.step_back(),
            Event::Seek(time) => play.seek_time(time),
            Event::Latest => play.go_to_latest(),
            Event::Run(name) => play.go_to_run(&name),
            Event::Compare(name) => play.compare_with(&name),
            Event::Speed(speed) => play.pace.set_speed(speed),
            Event::Topic(topic) => {
                play.chosen.topic = Some(topic);
                play.chosen.first = None;
                play.chosen.open = SortedSet::new();
                play.chosen.layout = None;
            }
            Event::Layout(layout) => play.chosen.layout = Some(layout),
            Event::OpenPartition { partition, open: true } => {
                play.chosen.open.insert(partition);
            }
            Event::OpenPartition { partition, open: false } => {
                play.chosen.open.remove(&partition);
            }
            Event::CellText(text) => play.chosen.cell_text = text,
            Event::Axis { first, cells } => {
                play.chosen.first = first.map(|f| f.max(0));
                play.chosen.cells = cells.clamp(1, 600);
            }
            Event::Select { topic, partition, broker, offset } => {
                let selected = Selected { topic, partition, broker, offset };
                play.select(selected);
            }
            Event::SelectNeighbour { after } => {
                let there = play.chosen.selected.as_ref();
                let there = there.and_then(|s| inspector::neighbour(play.run.cluster(), s, after));
                if let Some(selected) = there {
                    play.select(selected);
                }
            }
            Event::Inspect(tab) => play.inspector_tab = tab,
            Event::Deselect => {
                play.subject = None;
                play.chosen.selected = None;
            }
            Event::Deploy { app, name, value } => {
                let tab = play.free_tab();
                play.refused.remove(&(app.clone(), name.clone()));
                play.submit(tab, &format!("@deploy {app} {name}={value}"));
            }
            // Handled before a play is needed.
            Event::Go(_)
            | Event::Sandbox(_)
            | Event::Link { .. }
            | Event::Share
            | Event::Restore(_)
            | Event::Import(_)
            | Event::NotKept
            | Event::Dismiss(_) => {}
        }
    }

    /// One frame. `elapsed_us` of real time have passed since the last; work goes on while `go_on`
    /// says so (the page stops it after a few milliseconds). True if another frame has work to do.
    pub fn advance(&mut self, elapsed_us: i64, go_on: &mut dyn FnMut() -> bool) -> bool {
        self.silent_us = self.silent_us.saturating_add(elapsed_us);
        if self.place == Place::Home {
            return self.advance_demo(elapsed_us, go_on);
        }
        let Some(play) = &mut self.play else { return false };
        if play.busy() {
            if let Err(why) = play.advance(elapsed_us, go_on) {
                play.pace.play(false);
                play.grading = None;
                self.notice(Tone::Fail, &format!("The run stopped: {why}"));
            }
            if let Some(why) = self.play.as_mut().and_then(|play| play.replay_stopped.take()) {
                self.notice(Tone::Warn, &why);
            }
            self.note_progress();
            self.refresh();
        } else if !play.said.is_empty() {
            self.refresh();
        }
        self.play.as_ref().is_some_and(|play| play.busy() || !play.said.is_empty())
    }

    fn advance_demo(&mut self, elapsed_us: i64, go_on: &mut dyn FnMut() -> bool) -> bool {
        if self.demo.as_ref().is_none_or(|demo| demo::is_old(demo)) {
            // Home is whole without it: what cannot be made is left out.
            self.demo = demo::open().ok().map(Box::new);
            self.demo_is_warm = false;
        }
        let Some(demo) = &mut self.demo else { return false };
        if !self.demo_is_warm {
            self.demo_is_warm = demo::warm_up(demo, go_on);
            if !self.demo_is_warm {
                return true;
            }
        }
        if demo.advance(elapsed_us, go_on).is_err() {
            self.demo = None;
        }
        self.refresh();
        true
    }

    /// What to draw. Parts that have not changed are the same `Arc`s as before.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Digest of the trace of the run in front: two runs that have the same are the same to the last
    /// event. None where nothing runs.
    #[must_use]
    pub fn trace_hash(&self) -> Option<u64> {
        self.play.as_ref().map(|play| play.run.cluster().trace().hash())
    }

    fn notice(&mut self, tone: Tone, text: &str) {
        self.notices.push(Notice {
            id: self.next_notice,
            tone,
            text: Rich::parse(text),
            moment: None,
            file: None,
        });
        self.next_notice += 1;
    }

    /// Lets the newest notice be kept as a file.
    fn offer(&mut self, name: &str, text: &str) {
        if let Some(notice) = self.notices.last_mut() {
            notice.file = Some((name.to_owned(), Arc::from(text)));
        }
    }

    fn note_progress(&mut self) {
        let Some(play) = self.play.as_ref().filter(|_| self.world.is_none()) else { return };
        let path = play.run.level().path();
        if !play.run.history().is_empty() {
            self.progress.begin(&path);
        }
        if play.passed {
            let lines = play.run.history().iter().filter(|l| l.action.is_changing()).count();
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            self.progress.pass(&path, number(lines), number(play.hints_open));
        }
    }

    /// Makes the view anew; equal parts keep their `Arc`.
    fn refresh(&mut self) {
        self.view.place = self.place.clone();
        let mut home = home::home(&self.catalog, &self.progress);
        home.live = self
            .demo
            .as_ref()
            .filter(|_| self.place == Place::Home && self.demo_is_warm)
            .map(|demo| demo::live(demo));
        self.view.sandbox = self.world.as_ref().map(|world| Arc::new(world.view()));
        set(&mut self.view.home, home);
        set(&mut self.view.keep, self.progress.write());
        set(&mut self.view.notices, self.notices.clone());
        let Some(play) = &mut self.play else {
            set(&mut self.view.top, Top::default());
            self.view.task = None;
            self.view.inspector = None;
            let stage = match &mut self.demo {
                Some(demo) if self.demo_is_warm => stage::stage(
                    demo.run.cluster(),
                    None,
                    &demo.follow,
                    &demo.chosen,
                    &mut demo.cache,
                ),
                Some(_) | None => Stage::default(),
            };
            set(&mut self.view.stage, stage);
            set(&mut self.view.timeline, Timeline::default());
            set(&mut self.view.terminal, Terminal::default());
            set(&mut self.view.apps, Vec::new());
            set(&mut self.view.lines, crate::view::Lines::default());
            return;
        };
        let level = Arc::clone(play.run.level());
        let track = self.catalog.tracks.iter().find(|t| t.slug == level.track);
        let named =
            || if self.world.is_some() { "Sandbox".to_owned() } else { level.track.clone() };
        let top = Top {
            track: track.map_or_else(named, |t| t.title.clone()),
            title: level.head.title.clone(),
            seed: u32::try_from(level.cluster.seed).ok(),
        };
        set(&mut self.view.top, top);
        let mut task = play.task(&self.catalog);
        play.put_trial_failures(&mut task);
        match &mut self.view.task {
            // A sandbox has none.
            task if self.world.is_some() => *task = None,
            Some(old) => set(old, task),
            none => *none = Some(Arc::new(task)),
        }
        let cluster = play.run.cluster();
        let stage =
            stage::stage(cluster, Some(&level), &play.follow, &play.chosen, &mut play.cache);
        let verdicts = play.verdict_marks();
        let timeline = timeline::timeline(timeline::Source {
            cluster,
            follow: &play.follow,
            pace: &play.pace,
            travel: play.travel.as_ref(),
            shown: play.shown,
            verdicts,
            alive: play.alive(),
        });
        set(&mut self.view.apps, apps::apps(cluster, &level, &play.follow, &play.refused));
        let mut bytes = std::mem::take(&mut play.bytes);
        let inspector = play.subject.as_ref().and_then(|subject| {
            if let Subject::Run(name) = subject {
                let there = play.travel.as_ref()?.other(name)?;
                return Some(comparison::comparison(play.run.cluster(), there.cluster(), name));
            }
            inspector::inspector(
                play.inspected(),
                &play.follow,
                subject,
                play.inspector_tab,
                &mut bytes,
            )
        });
        play.bytes = bytes;
        set(&mut self.view.stage, stage);
        set(&mut self.view.timeline, timeline);
        set(&mut self.view.terminal, play.tabs.view());
        set(&mut self.view.lines, lines::lines(&play.run, play.passed));
        match (&mut self.view.inspector, inspector) {
            (Some(old), Some(new)) => set(old, new),
            (slot, new) => *slot = new.map(Arc::new),
        }
        if self.silent_us >= SAY_EVERY_US && !play.said.is_empty() {
            let text = std::mem::take(&mut play.said).join(". ");
            let id = self.view.announcement.id + 1;
            self.view.announcement = Arc::new(Announcement { id, text });
            self.silent_us = 0;
        }
    }
}

/// Puts a new value in, unless it equals the old one.
fn set<T: PartialEq>(slot: &mut Arc<T>, new: T) {
    if **slot != new {
        *slot = Arc::new(new);
    }
}

impl Play {
    fn task(&mut self, catalog: &Catalog) -> Task {
        let running_block = self.running_block().map(str::to_owned);
        let source = task::Source {
            catalog,
            run: &self.run,
            follow: &self.follow,
            verdicts: &self.verdicts,
            grading: self.grading.as_ref(),
            report: self.checked.as_ref().map(|(_, report)| report),
            hints_open: self.hints_open,
            passed: self.passed,
            running_block: running_block.as_deref(),
        };
        task::task(&source, &mut self.cache)
    }

    /// A goal that held in the learner's own run and failed under a hidden seed fails.
    fn put_trial_failures(&self, task: &mut Task) {
        let Some((_, report)) = &self.checked else { return };
        for goal in &mut task.goals {
            let failed = report.trials.iter().flat_map(|t| t.failures.iter().map(move |f| (t, f)));
            let first = failed
                .filter_map(|(t, f)| {
                    f.failed.iter().find(|(id, _)| *id == goal.id).map(|(_, e)| (t, f, e))
                })
                .next();
            if let Some((trial, seed, failure)) = first {
                goal.status = GoalStatus::Fails;
                let evidence = format!(
                    "{} (trial \"{}\", seed {})",
                    failure.message,
                    trial.name,
                    seed.seed + 1
                );
                goal.evidence = Rich::parse(&evidence);
                goal.moment = task::moment(failure);
            }
            let because = report.first_failure.as_ref().filter(|f| f.assert == goal.id);
            if let Some(because) = because.and_then(|f| f.because.as_deref()) {
                goal.because = Rich::parse(&task::capital(because));
            }
        }
        task.goals_summary = task::summary(&task.goals);
    }

    /// Goes to the event that shows why a goal fails, in the run or in the trial that failed.
    fn show_moment(&mut self, goal: &str) {
        let level = Arc::clone(self.run.level());
        let Some(index) = level.asserts.iter().position(|a| a.id == goal) else { return };
        let title = level.asserts[index].check.sentence(level.asserts[index].when, &level);
        let title = format!("Why this fails: {title}");
        if let Some(Held::Fails(failure)) = self.verdicts.get(index)
            && let Some(event) = failure.event
        {
            let time_us = failure.time_us;
            self.seek_event(event);
            self.in_trial = None;
            self.look_at(title, event, time_us);
            return;
        }
        let Some((_, report)) = &self.checked else { return };
        for (trial, report) in report.trials.iter().enumerate() {
            let failed = report.failures.iter().flat_map(|f| &f.failed).find(|(id, _)| id == goal);
            if let Some((_, failure)) = failed
                && let Some(event) = failure.event
            {
                let time_us = failure.time_us;
                self.in_trial = Some(trial);
                self.look_at(title, event, time_us);
                return;
            }
        }
    }

    /// The first failure of a seed, in the inspector.
    fn show_seed(&mut self, trial: usize, seed: usize) {
        let Some((_, report)) = &self.checked else { return };
        let Some(report) = report.trials.get(trial) else { return };
        let failure = report.failures.iter().find(|f| usize::try_from(f.seed) == Ok(seed));
        let Some((goal, failure)) = failure.and_then(|f| f.failed.first()) else { return };
        let title = format!("Why {goal} fails in this seed");
        if let Some(event) = failure.event {
            let time_us = failure.time_us;
            self.in_trial = Some(trial);
            self.look_at(title, event, time_us);
        }
    }

    fn look_at(&mut self, title: String, event: EventId, time_us: i64) {
        self.shown = Some(Moment { event: event.0, time: Time(time_us) });
        self.subject = Some(Subject::Event { title, event });
        self.chosen.selected = None;
    }

    fn select(&mut self, selected: Selected) {
        self.in_trial = None;
        self.shown = None;
        self.subject = Some(Subject::Place(selected.clone()));
        self.chosen.selected = Some(selected);
    }

    /// The cluster that the inspector looks into: this run's, or that of a trial's failed seed.
    fn inspected(&self) -> &logbrook_cluster::Cluster {
        let run = self.in_trial.and_then(|trial| self.checked.as_ref()?.0.failed_run(trial));
        run.map_or_else(|| self.run.cluster(), |run| run.cluster())
    }

    fn verdict_marks(&self) -> Vec<Verdict> {
        let level = self.run.level();
        let mark = |(assert, verdict): (&logbrook_lab::level::Assert, &Held)| match verdict {
            Held::Fails(failure) => Some(Verdict {
                moment: task::moment(failure)?,
                holds: false,
                title: assert.check.sentence(assert.when, level),
            }),
            Held::Open { .. } | Held::Holds { .. } => None,
        };
        level.asserts.iter().zip(&self.verdicts).filter_map(mark).collect()
    }

    /// The terminal in front if nothing runs in it, else a new one.
    pub(crate) fn free_tab(&mut self) -> u32 {
        let active = self.tabs.active;
        match self.tabs.get(active) {
            Some(tab) if tab.live.is_none() => active,
            Some(_) | None => {
                let name = self.tabs.next_name();
                self.tabs.open(name)
            }
        }
    }
}
