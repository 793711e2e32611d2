//! The engine and the frames: events go in, slices of work are done, the view comes out.

use crate::dom;
use crate::engine::{Engine, Opened};
use crate::store::Store;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::Place;
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
    /// None until it has come.
    engine: Rc<RefCell<Option<Box<dyn Engine>>>>,
    /// What the learner did before it came.
    waiting: Rc<RefCell<Vec<Event>>>,
    /// Whether its place is there.
    open: Rc<Cell<bool>>,
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
    pub(crate) fn new() -> Driver {
        Driver {
            engine: Rc::new(RefCell::new(None)),
            waiting: Rc::default(),
            open: Rc::new(Cell::new(false)),
            scheduled: Rc::new(Cell::new(false)),
            last_frame_ms: Rc::new(Cell::new(None)),
            last_event_ms: Rc::new(Cell::new(dom::now_ms())),
            calm: dom::media("(prefers-reduced-motion: reduce)").get_untracked(),
        }
    }

    /// The engine has come.
    pub(crate) fn put(&self, engine: Box<dyn Engine>) {
        *self.engine.borrow_mut() = Some(engine);
    }

    /// Whether the engine has come.
    pub(crate) fn has_come(&self) -> bool {
        self.engine.borrow().is_some()
    }

    /// Another place is on its way: what is done until it is there waits for it.
    pub(crate) fn leave(&self) {
        self.open.set(false);
        self.waiting.borrow_mut().clear();
    }

    /// Opens a level, once the engine has come.
    pub(crate) fn open(
        &self,
        store: Store,
        level: &[u8],
        track: &str,
        slug: &str,
    ) -> Result<Opened, String> {
        let opened = match self.engine.borrow_mut().as_mut() {
            Some(engine) => engine.open(level, track, slug)?,
            None => Opened::Another,
        };
        if opened == Opened::Yes {
            self.come(store, None);
        }
        Ok(opened)
    }

    /// Opens a world of the sandbox, once the engine has come.
    pub(crate) fn sandbox(&self, store: Store, spec: &str) -> Opened {
        let opened = match self.engine.borrow_mut().as_mut() {
            Some(engine) => engine.sandbox(spec),
            None => Opened::Another,
        };
        if opened == Opened::Yes {
            self.come(store, None);
        }
        opened
    }

    /// The place is there (after `first`, if that is what leads there): what the learner did
    /// meanwhile is done now.
    pub(crate) fn come(&self, store: Store, first: Option<Event>) {
        self.open.set(true);
        self.last_frame_ms.set(None);
        let waited = self.waiting.take();
        if let Some(engine) = self.engine.borrow_mut().as_mut() {
            for event in first.into_iter().chain(waited) {
                engine.update(event);
            }
        }
        self.last_event_ms.set(dom::now_ms());
        self.show(store);
        self.schedule(store);
        dom::mark("data-ready", "true");
    }

    /// For the engine alone, whatever the place.
    pub(crate) fn tell(&self, event: Event) {
        if let Some(engine) = self.engine.borrow_mut().as_mut() {
            engine.update(event);
        }
    }

    pub(crate) fn send(&self, store: Store, event: Event) {
        if !self.open.get() {
            self.waiting.borrow_mut().push(event);
            return;
        }
        // An event that a redraw gives rise to (the focus has moved) waits for its frame.
        let Ok(mut engine) = self.engine.try_borrow_mut() else {
            let driver = self.clone();
            request_animation_frame(move || driver.send(store, event));
            return;
        };
        if let Some(engine) = engine.as_mut() {
            engine.update(event);
        }
        drop(engine);
        self.last_event_ms.set(dom::now_ms());
        self.show(store);
        self.schedule(store);
    }

    /// Takes over what the engine has to show. The engine is free again by then, for what a
    /// redraw sends.
    fn show(&self, store: Store) {
        let view = self.engine.borrow().as_ref().map(|engine| engine.view());
        if let Some(view) = view {
            store.apply(view);
        }
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
        let more = self.open.get()
            && self.engine.borrow_mut().as_mut().is_some_and(|engine| {
                engine.advance((elapsed_ms * 1_000.0) as i64, &mut || dom::now_ms() < until)
            });
        if !self.open.get() {
            return;
        }
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
