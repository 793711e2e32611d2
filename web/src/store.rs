//! The View as signals: one a part, set only when the part has changed, so that a frame redraws
//! what changed and nothing else.

use crate::driver::Driver;
use leptos::prelude::*;
use logbrook_session::view::*;
use logbrook_session::{Event, View};
use std::sync::Arc;

/// The parts of the view, and the way back to the engine.
#[derive(Clone, Copy)]
pub(crate) struct Store {
    pub(crate) place: RwSignal<Place>,
    pub(crate) top: RwSignal<Arc<Top>>,
    pub(crate) home: RwSignal<Arc<Home>>,
    pub(crate) task: RwSignal<Option<Arc<Task>>>,
    pub(crate) stage: RwSignal<Arc<Stage>>,
    pub(crate) timeline: RwSignal<Arc<Timeline>>,
    pub(crate) terminal: RwSignal<Arc<Terminal>>,
    pub(crate) apps: RwSignal<Arc<Vec<App>>>,
    pub(crate) lines: RwSignal<Arc<Lines>>,
    pub(crate) inspector: RwSignal<Option<Arc<Inspector>>>,
    pub(crate) announcement: RwSignal<Arc<Announcement>>,
    pub(crate) notices: RwSignal<Arc<Vec<Notice>>>,
    pub(crate) keep: RwSignal<Arc<String>>,
    driver: StoredValue<Driver, LocalStorage>,
}

/// Sets a signal only if that changes it.
fn put<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

impl Store {
    pub(crate) fn new(view: View, driver: Driver) -> Store {
        Store {
            place: RwSignal::new(view.place),
            top: RwSignal::new(view.top),
            home: RwSignal::new(view.home),
            task: RwSignal::new(view.task),
            stage: RwSignal::new(view.stage),
            timeline: RwSignal::new(view.timeline),
            terminal: RwSignal::new(view.terminal),
            apps: RwSignal::new(view.apps),
            lines: RwSignal::new(view.lines),
            inspector: RwSignal::new(view.inspector),
            announcement: RwSignal::new(view.announcement),
            notices: RwSignal::new(view.notices),
            keep: RwSignal::new(view.keep),
            driver: StoredValue::new_local(driver),
        }
    }

    /// Takes over what changed.
    pub(crate) fn apply(&self, view: View) {
        put(self.place, view.place);
        put(self.top, view.top);
        put(self.home, view.home);
        put(self.task, view.task);
        put(self.stage, view.stage);
        put(self.timeline, view.timeline);
        put(self.terminal, view.terminal);
        put(self.apps, view.apps);
        put(self.lines, view.lines);
        put(self.inspector, view.inspector);
        put(self.announcement, view.announcement);
        put(self.notices, view.notices);
        put(self.keep, view.keep);
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
pub(crate) fn part<T, U>(
    signal: RwSignal<T>,
    of: impl Fn(&T) -> U + Send + Sync + 'static,
) -> Memo<U>
where
    T: Send + Sync + 'static,
    U: PartialEq + Send + Sync + 'static,
{
    Memo::new(move |_| signal.with(&of))
}

/// One item of a list by its key, for the child of a `For`: it follows the item, and keeps the
/// last it saw while the item is on its way out.
pub(crate) fn item<T, K>(
    list: Memo<Vec<T>>,
    first: T,
    key: impl Fn(&T) -> K + Send + Sync + 'static,
) -> Memo<T>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    K: PartialEq + Send + Sync + 'static,
{
    let wanted = key(&first);
    Memo::new(move |old: Option<&T>| {
        list.with(|list| list.iter().find(|item| key(item) == wanted).cloned())
            .or_else(|| old.cloned())
            .unwrap_or_else(|| first.clone())
    })
}
