//! A level inside another page: `/embed/<track>/<slug>/#block=LABEL&view=stage,terminal,goals`. It
//! tells the page around it what happens, and answers what it asks; docs/embed.md has an example.

use crate::places;
use crate::store::Store;
use js_sys::JSON;
use leptos::prelude::*;
use logbrook_session::view::{GoalStatus, Task};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// Which views are drawn, in the words of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Embed {
    /// Of `stage`, `terminal`, `goals`, `brief`.
    pub(crate) views: String,
    /// One block of the prose instead of all.
    pub(crate) block: Option<String>,
}

impl Embed {
    /// What the address asks for; none where the page stands by itself.
    pub(crate) fn read() -> Option<Embed> {
        if !places::is_embedded() {
            return None;
        }
        let fragment = places::fragment();
        let value = |key: &str| {
            let value = fragment.split('&').find_map(|pair| pair.strip_prefix(key))?;
            js_sys::decode_uri_component(value).ok().map(String::from)
        };
        let block = value("block=").filter(|block| !block.is_empty());
        let usual = if block.is_some() { "brief stage" } else { "stage terminal goals" };
        let views = value("view=").unwrap_or_default();
        // `strip` is the stage by the name that the prose has for it.
        let views = views.replace("strip", "stage").replace(',', " ");
        let views = if views.trim().is_empty() { usual.to_owned() } else { views };
        Some(Embed { views, block })
    }
}

/// Talks with the page around this one.
pub(crate) fn talk(store: Store) {
    let held = StoredValue::new(Vec::<String>::new());
    let passed = StoredValue::new(false);
    Effect::new(move |_| {
        store.task.with(|task| {
            let Some(task) = task.as_ref().filter(|task| !task.title.is_empty()) else { return };
            let holding: Vec<String> = task
                .goals
                .iter()
                .filter(|goal| goal.status == GoalStatus::Holds)
                .map(|goal| goal.id.clone())
                .collect();
            for goal in &holding {
                if held.with_value(|held| !held.contains(goal)) {
                    post(&format!("{{\"type\":\"logbrook.goal\",\"goal\":{}}}", text(goal)));
                }
            }
            held.set_value(holding);
            if task.passed.is_some() && !passed.get_value() {
                passed.set_value(true);
                post("{\"type\":\"logbrook.passed\"}");
            }
        });
    });
    let asked =
        Closure::<dyn FnMut(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
            let kind = js_sys::Reflect::get(&event.data(), &"type".into())
                .ok()
                .and_then(|t| t.as_string());
            if kind.as_deref() == Some("logbrook.state") {
                store.task.with_untracked(|task| {
                    if let Some(task) = task {
                        post(&state(task));
                    }
                });
            }
        });
    let _ = window().add_event_listener_with_callback("message", asked.as_ref().unchecked_ref());
    asked.forget();
}

/// The level can be used.
pub(crate) fn ready() {
    post("{\"type\":\"logbrook.ready\"}");
}

fn state(task: &Task) -> String {
    let goals: Vec<String> = task
        .goals
        .iter()
        .map(|goal| {
            let status = match goal.status {
                GoalStatus::Holds => "holds",
                GoalStatus::Fails => "fails",
                GoalStatus::Open => "open",
                GoalStatus::Undecidable => "undecidable",
            };
            format!(
                "{{\"goal\":{},\"sentence\":{},\"status\":\"{status}\"}}",
                text(&goal.id),
                text(&goal.sentence.plain())
            )
        })
        .collect();
    let passed = task.passed.is_some();
    format!("{{\"type\":\"logbrook.state\",\"passed\":{passed},\"goals\":[{}]}}", goals.join(","))
}

/// A string of JSON.
fn text(text: &str) -> String {
    JSON::stringify(&JsValue::from_str(text))
        .ok()
        .map(String::from)
        .unwrap_or_else(|| "\"\"".to_owned())
}

/// Nothing secret is in it: any page may hear it.
fn post(json: &str) {
    if let (Ok(Some(parent)), Ok(message)) = (window().parent(), JSON::parse(json)) {
        let _ = parent.post_message(&message, "*");
    }
}
