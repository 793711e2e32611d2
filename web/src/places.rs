//! Places by address: `/`, `/<track>/`, `/<track>/<slug>/`, `/sandbox/`, `/oncall/`, under whatever
//! base path the page was put. Moves of the playhead are no places: back and forward step through these alone.

use leptos::prelude::*;
use logbrook_session::view::Place;
use wasm_bindgen::{JsCast, JsValue};

/// The path of the site's root, such as `/` or `/playground/`. The build writes the way to it into
/// `<html data-root>`; without one the page stands at the host's root.
pub(crate) fn base() -> String {
    let html = document().document_element().and_then(|html| html.get_attribute("data-root"));
    let root = match html.as_deref() {
        None | Some("") => "/",
        Some(root) => root,
    };
    // The address of the first load is what the way is relative to; it is kept, as the address
    // changes without a load afterwards.
    thread_local! { static BASE: std::cell::OnceCell<String> = const { std::cell::OnceCell::new() } }
    BASE.with(|cell| {
        cell.get_or_init(|| {
            document()
                .base_uri()
                .ok()
                .flatten()
                .and_then(|uri| web_sys::Url::new_with_base(root, &uri).ok())
                .map_or_else(|| "/".to_owned(), |url| url.pathname())
        })
        .clone()
    })
}

/// The address of a place.
pub(crate) fn href(place: &Place) -> String {
    let base = base();
    match place {
        Place::Home => base,
        Place::Sandbox => format!("{base}sandbox/"),
        Place::OnCall => format!("{base}oncall/"),
        Place::Track(track) => format!("{base}{track}/"),
        // It has the address that it has.
        Place::Nowhere => window().location().pathname().unwrap_or(base),
        Place::Workbench { track, slug } => format!("{base}{track}/{slug}/"),
    }
}

/// Whether the page stands inside another one, by its address.
pub(crate) fn is_embedded() -> bool {
    let path = window().location().pathname().unwrap_or_default();
    path.strip_prefix(&base()).is_some_and(|rest| rest.starts_with("embed/"))
}

/// The place that the address names.
pub(crate) fn current() -> Place {
    let path = window().location().pathname().unwrap_or_default();
    let base = base();
    let rest = path.strip_prefix(&base).unwrap_or(&path);
    let parts: Vec<&str> =
        rest.split('/').filter(|part| !part.is_empty() && *part != "index.html").collect();
    match parts[..] {
        ["embed", track, slug] => {
            Place::Workbench { track: track.to_owned(), slug: slug.to_owned() }
        }
        [] => Place::Home,
        ["sandbox"] => Place::Sandbox,
        ["oncall"] => Place::OnCall,
        [track] if track.ends_with(".html") => Place::Nowhere,
        [track] => Place::Track(track.to_owned()),
        [track, slug] => Place::Workbench { track: track.to_owned(), slug: slug.to_owned() },
        _ => Place::Nowhere,
    }
}

/// A page that is only read, such as `reference/`.
pub(crate) fn page(path: &str) -> String {
    format!("{}{path}", base())
}

/// What stands behind the `#` of the address.
pub(crate) fn fragment() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.strip_prefix('#').unwrap_or(&hash).to_owned()
}

/// Writes what was done into the address, without a step.
pub(crate) fn set_fragment(text: &str) {
    if let Ok(history) = window().history() {
        let url = if text.is_empty() {
            window().location().pathname().unwrap_or_default()
        } else {
            format!("#{text}")
        };
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&url));
    }
}

/// Writes a place into the address bar as a new step.
pub(crate) fn push(place: &Place) {
    if current() != *place
        && let Ok(history) = window().history()
    {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&href(place)));
    }
}

/// Calls `then` with the place whenever the browser steps back or forward.
pub(crate) fn on_step(then: impl Fn(Place) + 'static) {
    let stepped = wasm_bindgen::closure::Closure::<dyn FnMut()>::new(move || then(current()));
    let _ = window().add_event_listener_with_callback("popstate", stepped.as_ref().unchecked_ref());
    stepped.forget();
}
