//! The engine behind the page: the session, and the levels as the build has written them.
//!
//! With the feature `split` the page is loaded in three steps, each a file of its own:
//!
//! 1. the page: text and frame stand, and take input, before the broker has come. What is said to
//!    the engine until then waits in the driver;
//! 2. the engine, behind [`load`], after the first paint;
//! 3. the tools that a lesson does not begin with, and the codecs, behind [`load_rest`], once a place
//!    is open. A line that calls for them waits in the session until they have come.

use crate::places;
use leptos::prelude::*;
use logbrook_session::catalog::Catalog;
use logbrook_session::view::{Block, LevelKind, Place, Task, TermTab, Terminal, Top};
use logbrook_session::{Event, Level, View};
use std::sync::Arc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// What runs the place that the learner is in.
pub(crate) trait Engine {
    /// Opens the level that a file holds.
    fn open(&mut self, level: &[u8], track: &str, slug: &str) -> Result<Opened, String>;
    /// Opens a world of the sandbox.
    fn sandbox(&mut self, spec: &str) -> Opened;
    fn update(&mut self, event: Event);
    /// One frame: see `Session::advance`.
    fn advance(&mut self, elapsed_us: i64, go_on: &mut dyn FnMut() -> bool) -> bool;
    /// The view; its parts are shared.
    fn view(&self) -> View;
}

/// What came of opening a level.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    Yes,
    /// The file is of another level than the one asked for.
    Another,
    /// It needs [`load_rest`] first.
    NeedsRest,
}

/// The way into the engine's file: the engine at home, with the path that the build has written.
pub(crate) type Start = fn(catalog: &[u8]) -> Result<Box<dyn Engine>, String>;

/// Brings the engine.
pub(crate) async fn load() -> Result<Start, String> {
    let start = files::engine();
    #[cfg(feature = "split")]
    let start = start.await;
    start.map_err(|Lost(why)| why)
}

/// Brings the tools that a lesson does not begin with, and the codecs. Once they are here, nothing more
/// is done.
pub(crate) async fn load_rest() -> Result<(), String> {
    #[cfg(feature = "split")]
    files::rest().await.map_err(|Lost(why)| why)?;
    Ok(())
}

/// Why a file could not be used.
struct Lost(String);

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for Lost {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self("A part of the engine could not be loaded. Load the page again to get it.".to_owned())
    }
}

/// Where the files part: what is reached through one of these alone is in its file.
mod files {
    use super::{Lost, Start, real};
    #[cfg(feature = "split")]
    use leptos::wasm_split::{self, wasm_split};

    #[cfg_attr(feature = "split", wasm_split(engine, wasm_split_path = wasm_split, fallible))]
    pub(super) fn engine() -> Result<Start, Lost> {
        Ok(real::engine)
    }

    #[cfg(feature = "split")]
    #[wasm_split(rest, wasm_split_path = wasm_split, fallible)]
    pub(super) fn rest() -> Result<(), Lost> {
        logbrook_session::rest_has_come();
        Ok(())
    }
}

/// What is reached through [`load`] alone.
mod real {
    use super::*;
    #[cfg(not(feature = "fixture"))]
    use logbrook_session::Session as Runs;
    #[cfg(feature = "fixture")]
    use logbrook_session::fixtures::MadeUp as Runs;
    use logbrook_session::{Packed, Session};

    pub(super) fn engine(catalog: &[u8]) -> Result<Box<dyn Engine>, String> {
        let catalog: Catalog = read("lessons/catalog.bin", catalog)?;
        Ok(Box::new(Running(Runs::new(catalog))))
    }

    struct Running(Runs);

    impl Engine for Running {
        fn open(&mut self, level: &[u8], track: &str, slug: &str) -> Result<Opened, String> {
            let level: Level = read(&format!("{track}/{slug}"), level)?;
            if level.track != track || level.slug != slug {
                return Ok(Opened::Another);
            }
            if !Session::can_open(&level) {
                return Ok(Opened::NeedsRest);
            }
            self.0.open(level);
            Ok(Opened::Yes)
        }

        fn sandbox(&mut self, spec: &str) -> Opened {
            if !Session::can_open_world(spec) {
                return Opened::NeedsRest;
            }
            self.0.update(Event::Sandbox(spec.to_owned()));
            Opened::Yes
        }

        fn update(&mut self, event: Event) {
            self.0.update(event);
        }

        fn advance(&mut self, elapsed_us: i64, go_on: &mut dyn FnMut() -> bool) -> bool {
            self.0.advance(elapsed_us, go_on)
        }

        fn view(&self) -> View {
            self.0.view().clone()
        }
    }

    fn read<T: Packed>(what: &str, bytes: &[u8]) -> Result<T, String> {
        T::unpack(bytes).map_err(|why| format!("`{what}` {why}."))
    }
}

/// The path as the build has written it.
pub(crate) fn catalog() -> impl Future<Output = Result<Vec<u8>, String>> {
    fetch("lessons/catalog.bin".to_owned())
}

/// The level of a place.
pub(crate) fn level(track: &str, slug: &str) -> impl Future<Output = Result<Vec<u8>, String>> {
    fetch(format!("lessons/{track}/{slug}.bin"))
}

/// A text of the site, such as what the finder looks through.
pub(crate) async fn text(path: &str) -> Result<String, String> {
    let bytes = fetch(path.to_owned()).await?;
    String::from_utf8(bytes).map_err(|_| format!("`{path}` is no text."))
}

/// A file under the site's root. It is asked for when this is called, not only when it is awaited.
fn fetch(path: String) -> impl Future<Output = Result<Vec<u8>, String>> {
    let url = format!("{}{path}", places::base());
    let asked = JsFuture::from(window().fetch_with_str(&url));
    async move {
        let lost = |_| format!("`{path}` could not be loaded. The levels loaded before still run.");
        let answer: web_sys::Response = asked.await.map_err(lost)?.dyn_into().map_err(lost)?;
        if !answer.ok() {
            return Err(format!("There is no `{path}`: the host answered {}.", answer.status()));
        }
        let bytes = JsFuture::from(answer.array_buffer().map_err(lost)?).await.map_err(lost)?;
        Ok(js_sys::Uint8Array::new(&bytes).to_vec())
    }
}

/// What stands there until the engine has come: the frame, and the text that was prerendered.
pub(crate) fn waiting(place: &Place, prerendered: &str) -> View {
    let bench = matches!(place, Place::Workbench { .. } | Place::Sandbox);
    let title = document().title();
    let title = title.split(" · ").next().unwrap_or_default();
    View {
        place: place.clone(),
        top: Arc::new(Top {
            title: if bench { title.to_owned() } else { String::new() },
            ..Top::default()
        }),
        home: Arc::default(),
        task: bench.then(|| {
            Arc::new(Task {
                place: String::new(),
                kind: LevelKind::Lesson,
                minutes: 0,
                title: String::new(),
                blocks: vec![Block::Html(prerendered.into())],
                goals: Vec::new(),
                goals_summary: String::new(),
                as_of: None,
                trials: Vec::new(),
                trials_note: String::new(),
                hints: Vec::new(),
                check: None,
                passed: None,
            })
        }),
        stage: Arc::default(),
        timeline: Arc::default(),
        // The session's first tab has the same id: what is typed meanwhile stays in its field.
        terminal: Arc::new(Terminal {
            tabs: vec![Arc::new(TermTab {
                id: 1,
                title: "Terminal".to_owned(),
                prompt: "$".to_owned(),
                ..TermTab::default()
            })],
            active: 1,
        }),
        apps: Arc::default(),
        lines: Arc::default(),
        inspector: None,
        announcement: Arc::default(),
        notices: Arc::default(),
        keep: Arc::default(),
        sandbox: None,
        share: None,
        unread: Arc::default(),
    }
}
