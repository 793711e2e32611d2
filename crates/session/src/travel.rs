//! Looking back, and runs beside each other.
//!
//! A run is kept at its inputs and now and then between them ([`Checkpoints`]); the playhead goes to any
//! event by stepping on from the copy before it. What is done while looking back begins another run from
//! there: the one that was left stays, and both can be compared.

use logbrook_cluster::{Checkpoints, EventId, Forward};
use logbrook_lab::run::Run;

use crate::follow::Follow;
use crate::play::{Play, poll};
use crate::project::inspector::{BytesCache, Subject};
use crate::project::stage::CellCache;
use crate::tabs::Tabs;
use crate::view::{Moment, RunName, Time};

/// Runs kept beside the one in front; with one more the oldest goes.
const MOST_RUNS: usize = 8;

/// What is kept of a moment: everything but what can be read again from the trace.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) run: Run,
    pub(crate) tabs: Tabs,
}

impl Forward for Scene {
    fn events(&self) -> u64 {
        self.run.cluster().trace().len() as u64
    }

    fn steps(&self) -> u64 {
        self.run.cluster().steps()
    }

    fn now_us(&self) -> i64 {
        self.run.cluster().now_us()
    }

    fn next_event_us(&self) -> Option<i64> {
        self.run.cluster().next_event_us()
    }

    fn step(&mut self) -> bool {
        poll(&mut self.run, &mut self.tabs);
        self.run.step_once()
    }

    fn pass_until_us(&mut self, time_us: i64) {
        self.run.pass_until_us(time_us);
    }

    fn seal(&mut self) {
        self.run.seal();
    }
}

/// A run as far as it has come, and the way back into it.
#[derive(Clone)]
struct Branch {
    name: String,
    /// The event after which it left the run that it came from; none for the first.
    since: Option<EventId>,
    checkpoints: Checkpoints<Scene>,
    /// The newest moment; none while the playhead is there.
    newest: Option<Scene>,
    /// What the trace tells up to there, once it was needed.
    newest_follow: Option<Follow>,
}

/// The runs of a level being played.
pub(crate) struct Travel {
    /// The run where history begins to count, with what its watches had seen.
    beginning: Run,
    /// The run in front.
    here: Branch,
    others: Vec<Branch>,
    begun: usize,
}

impl Travel {
    pub(crate) fn new(run: &mut Run, tabs: &Tabs) -> Self {
        run.seal();
        let beginning = run.clone();
        let mut scene = Scene { run: run.bare(), tabs: tabs.clone() };
        let checkpoints = Checkpoints::new(&mut scene);
        let here = Branch {
            name: "run A".to_owned(),
            since: None,
            checkpoints,
            newest: None,
            newest_follow: None,
        };
        Self { beginning, here, others: Vec::new(), begun: 1 }
    }

    /// Whether the playhead stands before the newest moment.
    pub(crate) fn looks_back(&self) -> bool {
        self.here.newest.is_some()
    }

    /// The newest moment, while the playhead is elsewhere.
    pub(crate) fn latest(&self) -> Option<Moment> {
        let newest = self.here.newest.as_ref()?;
        let event = newest.events().saturating_sub(1);
        Some(Moment { event, time: Time(newest.now_us()) })
    }

    /// The event after those of a run that stands before the newest moment.
    pub(crate) fn next_event(&self, run: &Run) -> Option<EventId> {
        let events = run.cluster().trace().len() as u64;
        self.here.newest.as_ref().filter(|newest| newest.events() > events).map(|_| EventId(events))
    }

    /// What the whole trace tells, while the playhead is elsewhere.
    pub(crate) fn newest_follow(&self) -> Option<&Follow> {
        self.here.newest_follow.as_ref().filter(|_| self.looks_back())
    }

    /// All runs, the one in front first.
    pub(crate) fn names(&self) -> Vec<RunName> {
        let name = |branch: &Branch, front: bool| RunName {
            name: branch.name.clone(),
            since: branch.since.map(|event| event.0),
            front,
        };
        let others = self.others.iter().map(|branch| name(branch, false));
        core::iter::once(name(&self.here, true)).chain(others).collect()
    }

    /// Another run by its name, at its newest moment.
    pub(crate) fn other(&self, name: &str) -> Option<&Run> {
        let branch = self.others.iter().find(|branch| branch.name == name)?;
        branch.newest.as_ref().map(|scene| &scene.run)
    }
}

impl Play {
    /// Something has come from outside.
    pub(crate) fn note_input(&mut self) {
        self.keep(true);
    }

    /// Time has passed.
    pub(crate) fn note_step(&mut self) {
        let events = self.run.cluster().trace().len() as u64;
        if self.travel.as_ref().is_some_and(|travel| travel.here.checkpoints.is_due(events)) {
            self.keep(false);
        }
    }

    fn keep(&mut self, after_input: bool) {
        let Some(travel) = self.travel.as_mut().filter(|travel| !travel.looks_back()) else {
            return;
        };
        self.run.seal();
        let mut scene = Scene { run: self.run.bare(), tabs: self.tabs.clone() };
        if after_input {
            travel.here.checkpoints.after_input(&mut scene);
        } else {
            travel.here.checkpoints.on_the_way(&mut scene);
        }
    }

    /// The playhead to the moment after an event.
    pub(crate) fn seek_event(&mut self, event: EventId) {
        self.seek(|checkpoints, newest| {
            // Before the beginning there is the beginning.
            checkpoints.at_event(newest, event).or_else(|| {
                checkpoints.at_time_us(newest, i64::MIN).filter(|first| first.events() > event.0)
            })
        });
    }

    /// The playhead to a time.
    pub(crate) fn seek_time(&mut self, time: Time) {
        self.seek(|checkpoints, newest| checkpoints.at_time_us(newest, time.0));
    }

    /// The playhead one event back.
    pub(crate) fn step_back(&mut self) {
        let now = self.scene();
        self.seek(|checkpoints, _| checkpoints.step_back(&now));
    }

    /// The playhead to the newest moment.
    pub(crate) fn go_to_latest(&mut self) {
        let Some(newest) = self.travel.as_mut().and_then(|travel| travel.here.newest.take()) else {
            return;
        };
        self.put(newest);
    }

    fn scene(&self) -> Scene {
        Scene { run: self.run.bare(), tabs: self.tabs.clone() }
    }

    fn seek(&mut self, find: impl FnOnce(&Checkpoints<Scene>, &Scene) -> Option<Scene>) {
        self.pace.play(false);
        let now = self.scene();
        let Some(travel) = &mut self.travel else { return };
        if travel.here.newest.is_none() {
            travel.here.newest_follow = Some(self.follow.clone());
        }
        let newest = travel.here.newest.take().unwrap_or(now);
        let found = find(&travel.here.checkpoints, &newest);
        let is_newest = found.as_ref().is_some_and(|found| {
            found.events() >= newest.events() && found.now_us() >= newest.now_us()
        });
        match found {
            Some(found) if !is_newest => {
                travel.here.newest = Some(newest);
                self.put(found);
            }
            // Nothing like it: the playhead goes to where the run has come to.
            Some(_) | None => self.put(newest),
        }
    }

    /// Shows a moment: what its trace tells is read from the beginning.
    fn put(&mut self, scene: Scene) {
        let Some(travel) = &self.travel else { return };
        let Scene { mut run, mut tabs } = scene;
        run.see_again(&travel.beginning);
        for tab in &mut tabs.tabs {
            tab.pump(run.cluster());
        }
        // What is being typed is the person's, not the run's.
        tabs.keep_inputs(&self.tabs);
        let mut follow = Follow::default();
        follow.observe(run.cluster());
        follow.said.clear();
        self.run = run;
        self.tabs = tabs;
        self.follow = follow;
        self.verdicts = self.run.verdicts(false);
        self.forget_drawn();
    }

    fn forget_drawn(&mut self) {
        self.cache = CellCache::default();
        self.bytes = BytesCache::default();
        self.in_trial = None;
        self.checked = None;
    }

    /// Before something is done: while looking back it begins another run from here.
    pub(crate) fn fork_if_looking_back(&mut self) {
        let now = self.scene();
        let events = now.events();
        let Some(travel) = self.travel.as_mut().filter(|travel| travel.looks_back()) else {
            return;
        };
        let mut checkpoints = travel.here.checkpoints.clone();
        checkpoints.begin_anew_from(&now);
        let name = format!("run {}", letter(travel.begun));
        travel.begun += 1;
        let since = Some(EventId(events.saturating_sub(1)));
        let here =
            Branch { name: name.clone(), since, checkpoints, newest: None, newest_follow: None };
        let left = core::mem::replace(&mut travel.here, here);
        travel.others.insert(0, left);
        travel.others.truncate(MOST_RUNS);
        self.checked = None;
        // Lines that waited for their turn were of the run that was left.
        self.forget_queue();
        self.said.push(format!("{name} begins here"));
    }

    /// Brings another run to the front, at its newest moment.
    pub(crate) fn go_to_run(&mut self, name: &str) {
        let now = self.scene();
        self.pace.play(false);
        let Some(travel) = &mut self.travel else { return };
        let Some(at) = travel.others.iter().position(|branch| branch.name == name) else { return };
        travel.here.newest.get_or_insert(now);
        travel.here.newest_follow = None;
        let mut front = travel.others.remove(at);
        let newest = front.newest.take();
        let left = core::mem::replace(&mut travel.here, front);
        travel.others.insert(0, left);
        if let Some(newest) = newest {
            self.put(newest);
        }
    }

    /// Puts another run beside the one in front.
    pub(crate) fn compare_with(&mut self, name: &str) {
        if self.travel.as_ref().is_some_and(|travel| travel.other(name).is_some()) {
            self.chosen.selected = None;
            self.subject = Some(Subject::Run(name.to_owned()));
        }
    }

    /// Lets recorded time pass to a time, in µs: what was done in it is done again. True at its end.
    pub(crate) fn replay_until(&mut self, until_us: i64) -> bool {
        let now = self.scene();
        let Some(travel) = &self.travel else { return true };
        let Some(newest) = &travel.here.newest else { return true };
        if until_us >= newest.now_us() {
            self.go_to_latest();
            return true;
        }
        let input_us = travel.here.checkpoints.next_input_us(&now);
        if input_us.is_some_and(|input_us| input_us <= until_us) {
            let playing = self.pace.playing();
            self.seek_time(Time(until_us));
            self.pace.play(playing);
            return false;
        }
        while self.run.cluster().next_event_us().is_some_and(|next| next <= until_us) {
            poll(&mut self.run, &mut self.tabs);
            if !self.run.step_once() {
                break;
            }
        }
        self.run.pass_until_us(until_us);
        poll(&mut self.run, &mut self.tabs);
        false
    }
}

/// A, B, …, Z, A2, B2, …
fn letter(number: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(number % 26).unwrap_or(0));
    match number / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{}", round + 1),
    }
}
