//! The engine and the frames: events go in, slices of work are done, the view comes out.

use crate::dom;
use crate::engine::Engine;
use crate::store::Store;
use leptos::prelude::*;
use logbrook_session::view::Place;
use logbrook_session::{Event, Level, View};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Longest slice of engine work in a frame. The rest of the 16 ms is the browser's.
const SLICE_MS: f64 = 8.0;

/// A frame after a longer pause (a hidden tab) counts as this much, so that nothing leaps.
const LONGEST_FRAME_MS: f64 = 100.0;

/// How long Home's cluster moves after an act where motion is off.
const STILL_AFTER_MS: f64 = 1_500.0;

/// Owns the engine. Cheap to clone: the page has one.
#[derive(Clone)]
pub(crate) struct Driver {
    engine: Rc<RefCell<Engine>>,
    /// Whether a frame is asked for already.
    scheduled: Rc<Cell<bool>>,
    /// When the last frame was, while frames follow each other.
    last_frame_ms: Rc<Cell<Option<f64>>>,
    /// When the learner last did something.
    last_event_ms: Rc<Cell<f64>>,
    /// Whether the system asks for little motion.
    calm: bool,
}

impl Driver {
    pub(crate) fn new(engine: Engine) -> Driver {
        Driver {
            engine: Rc::new(RefCell::new(engine)),
            scheduled: Rc::new(Cell::new(false)),
            last_frame_ms: Rc::new(Cell::new(None)),
            last_event_ms: Rc::new(Cell::new(dom::now_ms())),
            calm: dom::media("(prefers-reduced-motion: reduce)").get_untracked(),
        }
    }

    pub(crate) fn view(&self) -> View {
        self.engine.borrow().view().clone()
    }

    /// Opens a level.
    pub(crate) fn open(&self, store: Store, level: Level) {
        self.engine.borrow_mut().open(level);
        self.last_frame_ms.set(None);
        self.show(store);
        self.schedule(store);
    }

    pub(crate) fn send(&self, store: Store, event: Event) {
        // An event that a redraw gives rise to (the focus has moved) waits for its frame.
        let Ok(mut engine) = self.engine.try_borrow_mut() else {
            let driver = self.clone();
            request_animation_frame(move || driver.send(store, event));
            return;
        };
        engine.update(event);
        self.last_event_ms.set(dom::now_ms());
        drop(engine);
        self.show(store);
        self.schedule(store);
    }

    /// Takes over what the engine has to show. The view is cloned (some pointers) so that what a
    /// redraw sends finds the engine free.
    fn show(&self, store: Store) {
        store.apply(self.view());
    }

    /// Asks for a frame, once.
    pub(crate) fn schedule(&self, store: Store) {
        if self.scheduled.replace(true) {
            return;
        }
        let driver = self.clone();
        request_animation_frame(move || driver.frame(store));
    }

    fn frame(&self, store: Store) {
        self.scheduled.set(false);
        let now = dom::now_ms();
        let elapsed_ms =
            self.last_frame_ms.get().map_or(0.0, |last| (now - last).clamp(0.0, LONGEST_FRAME_MS));
        let until = now + SLICE_MS;
        let more = self
            .engine
            .borrow_mut()
            .advance((elapsed_ms * 1_000.0) as i64, &mut || dom::now_ms() < until);
        self.last_frame_ms.set(more.then_some(now));
        self.show(store);
        if more && !self.still(store, now) {
            self.schedule(store);
        }
    }

    /// Home's small cluster with motion off: it moves for a moment after an act, then stands.
    fn still(&self, store: Store, now: f64) -> bool {
        self.calm
            && store.place.with_untracked(|place| *place == Place::Home)
            && now - self.last_event_ms.get() > STILL_AFTER_MS
    }
}
