//! The engine behind the page: the session, and the levels as the build has written them.
//!
//! With the feature `split` everything behind [`load`] is a file of its own, fetched after the
//! first paint: text and frame stand, and take input, before the broker has come. What is said to
//! the engine until then waits in the driver.

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
    /// Opens the level that a text holds; false if it is another than the one asked for.
    fn open(&mut self, level: &str, track: &str, slug: &str) -> Result<bool, String>;
    fn update(&mut self, event: Event);
    /// One frame: see `Session::advance`.
    fn advance(&mut self, elapsed_us: i64, go_on: &mut dyn FnMut() -> bool) -> bool;
    /// The view; its parts are shared.
    fn view(&self) -> View;
}

/// The engine at home, with the path that the build has written.
#[cfg_attr(feature = "split", lazy)]
pub(crate) async fn load(catalog: String) -> Result<Box<dyn Engine>, String> {
    real::engine(&catalog)
}

/// What is reached through [`load`] alone.
mod real {
    use super::*;
    use serde::de::DeserializeOwned;

    #[cfg(not(feature = "fixture"))]
    use logbrook_session::Session as Runs;
    #[cfg(feature = "fixture")]
    use logbrook_session::fixtures::MadeUp as Runs;

    pub(super) fn engine(catalog: &str) -> Result<Box<dyn Engine>, String> {
        let catalog: Catalog = read("lessons/catalog.json", catalog)?;
        Ok(Box::new(Running(Runs::new(catalog))))
    }

    struct Running(Runs);

    impl Engine for Running {
        fn open(&mut self, level: &str, track: &str, slug: &str) -> Result<bool, String> {
            let level: Level = read(&format!("{track}/{slug}"), level)?;
            let asked = level.track == track && level.slug == slug;
            if asked {
                self.0.open(level);
            }
            Ok(asked)
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

    fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, String> {
        serde_json::from_slice(text.as_bytes())
            .map_err(|why| format!("`{what}` could not be read: {why}."))
    }
}

/// The path as the build has written it, from the page itself or from beside it.
pub(crate) async fn catalog() -> Result<String, String> {
    match inlined("catalog") {
        Some(text) => Ok(text),
        None => fetch("lessons/catalog.json").await,
    }
}

/// The level that the build has put into this page. After a step to another level it is of the
/// level before.
pub(crate) fn level_here() -> Option<String> {
    inlined("level")
}

/// The level of a place, from beside the page.
pub(crate) async fn level(track: &str, slug: &str) -> Result<String, String> {
    fetch(&format!("lessons/{track}/{slug}.json")).await
}

/// Data that the build has put into the page.
fn inlined(id: &str) -> Option<String> {
    let text = document().get_element_by_id(id)?.text_content()?;
    (!text.trim().is_empty()).then_some(text)
}

/// A file under the site's root.
async fn fetch(path: &str) -> Result<String, String> {
    let lost = |_| format!("`{path}` could not be loaded. The levels loaded before still run.");
    let url = format!("{}{path}", places::base());
    let answer = JsFuture::from(window().fetch_with_str(&url)).await.map_err(lost)?;
    let answer: web_sys::Response = answer.dyn_into().map_err(lost)?;
    if !answer.ok() {
        return Err(format!("There is no `{path}`: the host answered {}.", answer.status()));
    }
    let text = JsFuture::from(answer.text().map_err(lost)?).await.map_err(lost)?;
    text.as_string().ok_or_else(|| format!("`{path}` is not text."))
}

/// What stands there until the engine has come: the frame, and the text that was prerendered.
pub(crate) fn waiting(place: &Place, prerendered: &str) -> View {
    let bench = *place != Place::Home;
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
    }
}
