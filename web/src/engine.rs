//! The engine behind the page: the session, and the levels as the build has written them.

use crate::places;
use leptos::prelude::*;
use logbrook_session::catalog::Catalog;
use logbrook_session::view::Place;
use logbrook_session::{Event, Level, View};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

#[cfg(not(feature = "fixture"))]
use logbrook_session::Session as Runs;
#[cfg(feature = "fixture")]
use logbrook_session::fixtures::MadeUp as Runs;

/// What runs the place that the learner is in.
pub(crate) struct Engine(Runs);

impl Engine {
    /// The engine at home, with the path that the build has written.
    pub(crate) async fn load() -> Result<Engine, String> {
        let catalog: Catalog = match inlined("catalog") {
            Some(text) => read("the path", &text)?,
            None => read("lessons/catalog.json", &fetch("lessons/catalog.json").await?)?,
        };
        Ok(Engine(Runs::new(catalog)))
    }

    pub(crate) fn open(&mut self, level: Level) {
        self.0.open(level);
    }

    pub(crate) fn update(&mut self, event: Event) {
        self.0.update(event);
    }

    pub(crate) fn advance(&mut self, elapsed_us: i64, go_on: &mut dyn FnMut() -> bool) -> bool {
        self.0.advance(elapsed_us, go_on)
    }

    pub(crate) fn view(&self) -> &View {
        self.0.view()
    }
}

/// The level of a place, from the page itself or from beside it.
pub(crate) async fn level(track: &str, slug: &str) -> Result<Level, String> {
    // After a step to another level the inlined one is of the level before.
    if let Some(text) = inlined("level") {
        let level: Level = read("the level in this page", &text)?;
        if level.track == track && level.slug == slug {
            return Ok(level);
        }
    }
    let path = format!("lessons/{track}/{slug}.json");
    read(&path, &fetch(&path).await?)
}

/// Data that the build has put into the page.
fn inlined(id: &str) -> Option<String> {
    let text = document().get_element_by_id(id)?.text_content()?;
    (!text.trim().is_empty()).then_some(text)
}

fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|why| format!("`{what}` could not be read: {why}."))
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

/// What an engine is told to show a place, once its level is there.
pub(crate) async fn fetch_place(place: &Place) -> Result<Option<Level>, String> {
    match place {
        Place::Home | Place::Sandbox => Ok(None),
        Place::Workbench { track, slug } => level(track, slug).await.map(Some),
    }
}
