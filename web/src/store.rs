//! The View as signals: one a part, set only when the part has changed, so that a frame redraws
//! what changed and nothing else.

use crate::driver::Driver;
use crate::part::{Part, State};
use leptos::prelude::*;
use logbrook_session::view::*;
use logbrook_session::{Event, View};
use std::sync::Arc;

/// The parts of the view, and the way back to the engine.
#[derive(Clone, Copy)]
pub(crate) struct Store {
    pub(crate) place: State<Place>,
    pub(crate) top: State<Arc<Top>>,
    pub(crate) home: State<Arc<Home>>,
    pub(crate) task: State<Option<Arc<Task>>>,
    pub(crate) stage: State<Arc<Stage>>,
    pub(crate) timeline: State<Arc<Timeline>>,
    pub(crate) terminal: State<Arc<Terminal>>,
    pub(crate) apps: State<Arc<Vec<App>>>,
    pub(crate) lines: State<Arc<Lines>>,
    pub(crate) inspector: State<Option<Arc<Inspector>>>,
    pub(crate) announcement: State<Arc<Announcement>>,
    pub(crate) notices: State<Arc<Vec<Notice>>>,
    pub(crate) keep: State<Arc<String>>,
    pub(crate) share: State<Option<Arc<Shared>>>,
    pub(crate) unread: State<Arc<String>>,
    pub(crate) sandbox: State<Option<Arc<Sandbox>>>,
    driver: StoredValue<Driver, LocalStorage>,
}

impl Store {
    pub(crate) fn new(view: View, driver: Driver) -> Store {
        Store {
            place: State::new(view.place),
            top: State::new(view.top),
            home: State::new(view.home),
            task: State::new(view.task),
            stage: State::new(view.stage),
            timeline: State::new(view.timeline),
            terminal: State::new(view.terminal),
            apps: State::new(view.apps),
            lines: State::new(view.lines),
            inspector: State::new(view.inspector),
            announcement: State::new(view.announcement),
            notices: State::new(view.notices),
            keep: State::new(view.keep),
            share: State::new(view.share),
            unread: State::new(view.unread),
            sandbox: State::new(view.sandbox),
            driver: StoredValue::new_local(driver),
        }
    }

    /// Takes over what changed.
    pub(crate) fn apply(&self, view: View) {
        self.place.put(view.place);
        self.top.put(view.top);
        self.home.put(view.home);
        self.task.put(view.task);
        self.stage.put(view.stage);
        self.timeline.put(view.timeline);
        self.terminal.put(view.terminal);
        self.apps.put(view.apps);
        self.lines.put(view.lines);
        self.inspector.put(view.inspector);
        self.announcement.put(view.announcement);
        self.notices.put(view.notices);
        self.keep.put(view.keep);
        self.share.put(view.share);
        self.unread.put(view.unread);
        self.sandbox.put(view.sandbox);
    }

    /// Tells the engine what the learner did.
    pub(crate) fn send(&self, event: Event) {
        self.driver.with_value(|driver| driver.send(*self, event));
    }
}

/// The store of this page.
pub(crate) fn store() -> Store {
    expect_context::<Store>()
}

/// A part of a signal that tells only of its own changes.
pub(crate) fn part<T, U>(signal: State<T>, of: impl Fn(&T) -> U + Send + Sync + 'static) -> Part<U>
where
    T: PartialEq + Clone + Send + Sync + 'static,
    U: PartialEq + Clone + Send + Sync + 'static,
{
    Part::new(move |_| signal.with(&of))
}
