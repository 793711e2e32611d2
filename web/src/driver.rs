//! The engine and the frames: events go in, slices of work are done, the view comes out.

use crate::dom;
use crate::engine::Engine;
use crate::store::Store;
use leptos::prelude::*;
use logbrook_session::{Event, View};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Longest slice of engine work in a frame. The rest of the 16 ms is the browser's.
const SLICE_MS: f64 = 8.0;

/// A frame after a longer pause (a hidden tab) counts as this much, so that nothing leaps.
const LONGEST_FRAME_MS: f64 = 100.0;

/// Owns the engine. Cheap to clone: the page has one.
#[derive(Clone)]
pub(crate) struct Driver {
    engine: Rc<RefCell<Engine>>,
    /// Whether a frame is asked for already.
    scheduled: Rc<Cell<bool>>,
    /// When the last frame was, while time runs.
    last_frame_ms: Rc<Cell<Option<f64>>>,
}

impl Driver {
    pub(crate) fn new(engine: Engine) -> Driver {
        Driver {
            engine: Rc::new(RefCell::new(engine)),
            scheduled: Rc::new(Cell::new(false)),
            last_frame_ms: Rc::new(Cell::new(None)),
        }
    }

    pub(crate) fn view(&self) -> View {
        self.engine.borrow_mut().view()
    }

    /// Another engine, for another place.
    pub(crate) fn replace(&self, store: Store, engine: Engine) {
        *self.engine.borrow_mut() = engine;
        self.last_frame_ms.set(None);
        store.apply(self.view());
        self.schedule(store);
    }

    pub(crate) fn send(&self, store: Store, event: Event) {
        // An event that arrives while one is being handled (focus moved by a redraw) waits.
        let Ok(mut engine) = self.engine.try_borrow_mut() else {
            let driver = self.clone();
            request_animation_frame(move || driver.send(store, event));
            return;
        };
        engine.update(event);
        let view = engine.view();
        drop(engine);
        store.apply(view);
        self.schedule(store);
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
        let playing = store.timeline.with_untracked(|timeline| timeline.playing);
        let elapsed_ms = match self.last_frame_ms.get() {
            Some(last) if playing => (now - last).clamp(0.0, LONGEST_FRAME_MS),
            _ => 0.0,
        };
        let (more, view) = {
            let mut engine = self.engine.borrow_mut();
            if elapsed_ms > 0.0 {
                engine.tick((elapsed_ms * 1_000.0) as i64);
            }
            let until = now + SLICE_MS;
            let more = engine.advance(&mut || dom::now_ms() < until);
            (more, engine.view())
        };
        let playing = view.timeline.playing;
        self.last_frame_ms.set(playing.then_some(now));
        store.apply(view);
        if more || playing {
            self.schedule(store);
        }
    }
}
