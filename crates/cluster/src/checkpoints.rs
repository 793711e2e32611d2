//! Time travel: copies of a run on its way, and from them any moment again.
//!
//! ```text
//!   inputs      v               v                     a line typed, a fault, a knob turned
//!   events   ---+-----.-----.---+-----.-----.----->   deterministic between inputs
//!   kept        *     *     *   *     *     *         after each input, and every so many events
//! ```
//! To come to an event or a time, the last copy before it is cloned and stepped on. No input has to be
//! given again, because the copy after the last input before that moment is kept. Copies share what they
//! have in common (see [`Cluster::fork`]).

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::trace::EventId;

/// What can be gone back in: it goes on by itself, event by event, and equal copies go on equally.
pub trait Forward: Clone {
    /// How many events its trace has.
    fn events(&self) -> u64;
    /// How many steps it has taken: what comes from outside is none.
    fn steps(&self) -> u64;
    /// Its virtual time, in µs.
    fn now_us(&self) -> i64;
    /// When the next event happens, in µs.
    fn next_event_us(&self) -> Option<i64>;
    /// Carries out the next event; `false` where there is none.
    fn step(&mut self) -> bool;
    /// Lets the clock come to a time before the next event, in µs.
    fn pass_until_us(&mut self, time_us: i64);
    /// Makes the next clone cheap. Nothing else changes.
    fn seal(&mut self);
}

impl Forward for Cluster {
    fn events(&self) -> u64 {
        self.trace().len() as u64
    }

    fn steps(&self) -> u64 {
        Cluster::steps(self)
    }

    fn now_us(&self) -> i64 {
        Cluster::now_us(self)
    }

    fn next_event_us(&self) -> Option<i64> {
        Cluster::next_event_us(self)
    }

    fn step(&mut self) -> bool {
        Cluster::step(self)
    }

    fn pass_until_us(&mut self, time_us: i64) {
        self.run_until_us(time_us);
    }

    fn seal(&mut self) {
        Cluster::seal(self);
    }
}

/// Events between two copies to begin with: stepping over them takes a few milliseconds.
const EVERY: u64 = 1_000;
/// So many copies between inputs are kept; then every second of them goes, and the distance doubles.
const MOST_BETWEEN: usize = 100;
/// So many in all: with more inputs than these the oldest moments cannot be gone back to any more.
const MOST: usize = 500;

/// The copies of one run.
#[derive(Clone, Debug)]
pub struct Checkpoints<S> {
    /// In order of events and time.
    kept: Vec<Arc<Checkpoint<S>>>,
    every: u64,
    /// How many of them are not after an input.
    between: usize,
}

#[derive(Clone, Debug)]
struct Checkpoint<S> {
    state: S,
    after_input: bool,
}

impl<S: Forward> Checkpoints<S> {
    /// Of a run at its beginning. Nothing before it can be gone back to.
    pub fn new(state: &mut S) -> Self {
        let mut checkpoints = Self { kept: Vec::new(), every: EVERY, between: 0 };
        checkpoints.after_input(state);
        checkpoints
    }

    /// To be called after everything that came from outside: a line, a key, a fault.
    pub fn after_input(&mut self, state: &mut S) {
        self.keep(state, true);
    }

    /// To be called now and then on the way; keeps a copy if enough has happened since the last.
    pub fn on_the_way(&mut self, state: &mut S) {
        if self.is_due(state.events()) {
            self.keep(state, false);
        }
    }

    /// Whether a run with so many events is so far on its way that a copy is to be kept.
    pub fn is_due(&self, events: u64) -> bool {
        let last = self.kept.last().map_or(0, |last| last.state.events());
        events >= last.saturating_add(self.every)
    }

    fn keep(&mut self, state: &mut S, after_input: bool) {
        state.seal();
        self.kept.push(Arc::new(Checkpoint { state: state.clone(), after_input }));
        self.between += usize::from(!after_input);
        if self.between > MOST_BETWEEN {
            self.thin();
        }
        if self.kept.len() > MOST {
            self.kept.remove(0);
            self.count();
        }
    }

    fn thin(&mut self) {
        let mut odd = false;
        self.kept.retain(|checkpoint| {
            odd ^= !checkpoint.after_input;
            checkpoint.after_input || odd
        });
        self.count();
        self.every *= 2;
    }

    fn count(&mut self) {
        self.between = self.kept.iter().filter(|checkpoint| !checkpoint.after_input).count();
    }

    /// The run when so much had just happened: after the step that wrote this event into the trace.
    /// `newest` is the run as far as it has come. `None` for an event that it has not come to, or that lies
    /// before the beginning.
    pub fn at_event(&self, newest: &S, event: EventId) -> Option<S> {
        let wanted = event.0.saturating_add(1);
        if wanted > newest.events() {
            return None;
        }
        let (mut state, next) = self.last_with(|state| state.events() <= wanted)?;
        while state.events() < wanted {
            let is_over = next.is_some_and(|next| state.steps() >= next.steps());
            if is_over || !state.step() {
                // It is the input's own event.
                return next.cloned();
            }
        }
        Some(state)
    }

    /// The run at a time, in µs, with everything done that happened until then: at the beginning for an
    /// earlier time, as it is for one that it has not come to.
    pub fn at_time_us(&self, newest: &S, time_us: i64) -> Option<S> {
        if time_us >= newest.now_us() {
            return Some(newest.clone());
        }
        let mut state = self
            .last_with(|state| state.now_us() <= time_us)
            .map(|(state, _)| state)
            .or_else(|| self.kept.first().map(|first| first.state.clone()))?;
        while state.next_event_us().is_some_and(|next| next <= time_us) {
            if !state.step() {
                return Some(state);
            }
        }
        if state.now_us() < time_us {
            state.pass_until_us(time_us);
        }
        Some(state)
    }

    /// The run one step before `now`; `None` at the beginning.
    pub fn step_back(&self, now: &S) -> Option<S> {
        let (from, next) = self.last_with(|state| state.events() < now.events())?;
        let before_input = |ahead: &S| next.is_none_or(|next| ahead.steps() < next.steps());
        // A step may write several events, or none: so many steps are too many by one.
        let mut ahead = from.clone();
        let mut steps = 0_u64;
        while before_input(&ahead) && ahead.step() && ahead.events() < now.events() {
            steps += 1;
        }
        let mut state = from;
        for _ in 0..steps {
            state.step();
        }
        Some(state)
    }

    /// A new future begins at this state: what was kept of the old one is forgotten.
    pub fn begin_anew_from(&mut self, state: &S) {
        let (events, now_us) = (state.events(), state.now_us());
        self.kept.retain(|kept| kept.state.events() <= events && kept.state.now_us() <= now_us);
        self.count();
    }

    /// When the next input came after so many events, in µs; none where the run has only gone on.
    pub fn next_input_us(&self, state: &S) -> Option<i64> {
        let (events, now_us) = (state.events(), state.now_us());
        let later = |kept: &&Arc<Checkpoint<S>>| {
            kept.after_input && (kept.state.events() > events || kept.state.now_us() > now_us)
        };
        self.kept.iter().find(later).map(|kept| kept.state.now_us())
    }

    /// Since when it can be gone back, in µs.
    pub fn since_us(&self) -> i64 {
        self.kept.first().map_or(0, |first| first.state.now_us())
    }

    /// How many copies there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The last copy that is so, and the one after it.
    fn last_with(&self, is_so: impl Fn(&S) -> bool) -> Option<(S, Option<&S>)> {
        let after = self.kept.partition_point(|checkpoint| is_so(&checkpoint.state));
        let last = self.kept.get(after.checked_sub(1)?)?;
        Some((last.state.clone(), self.kept.get(after).map(|next| &next.state)))
    }
}
