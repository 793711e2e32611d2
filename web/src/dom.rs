//! The little that the page asks of the browser.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, Storage};

/// Milliseconds since the page began. The page's only clock.
pub(crate) fn now_ms() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

/// This browser's store, where it has one and lets us.
fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// What is kept under `logbrook.<name>`.
pub(crate) fn kept(name: &str) -> Option<String> {
    storage()?.get_item(&format!("logbrook.{name}")).ok().flatten()
}

/// Keeps a value. False where the store is full or forbidden.
pub(crate) fn keep(name: &str, value: &str) -> bool {
    storage().is_some_and(|storage| storage.set_item(&format!("logbrook.{name}"), value).is_ok())
}

/// Calls `then` with a value that another tab of this browser has kept under the name.
pub(crate) fn on_kept_elsewhere(name: &'static str, then: impl Fn(String) + 'static) {
    let key = format!("logbrook.{name}");
    let stored =
        Closure::<dyn FnMut(web_sys::StorageEvent)>::new(move |event: web_sys::StorageEvent| {
            if event.key().as_deref() == Some(key.as_str())
                && let Some(value) = event.new_value()
            {
                then(value);
            }
        });
    let _ = window().add_event_listener_with_callback("storage", stored.as_ref().unchecked_ref());
    stored.forget();
}

/// Lets the reader keep a text as a file.
pub(crate) fn download(name: &str, text: &str) {
    let url = format!("data:text/plain;charset=utf-8,{}", js_sys::encode_uri_component(text));
    if let Ok(link) = document().create_element("a") {
        let _ = link.set_attribute("href", &url);
        let _ = link.set_attribute("download", name);
        if let Some(link) = link.dyn_ref::<HtmlElement>() {
            link.click();
        }
    }
}

/// Follows a media query.
pub(crate) fn media(query: &str) -> ReadSignal<bool> {
    let list = window().match_media(query).ok().flatten();
    let (matches, set) = signal(list.as_ref().is_some_and(web_sys::MediaQueryList::matches));
    if let Some(list) = list {
        let asked = list.clone();
        let changed = Closure::<dyn FnMut()>::new(move || set.set(asked.matches()));
        let _ = list.add_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
        // It lives as long as the page does.
        changed.forget();
    }
    matches
}

/// Calls `then` with the width of an element's content box now and whenever it changes.
pub(crate) fn on_resize(element: &Element, then: impl Fn(f64) + 'static) {
    let watched = element.clone();
    let changed = Closure::<dyn FnMut()>::new(move || {
        then(f64::from(watched.client_width()));
    });
    if let Ok(observer) = web_sys::ResizeObserver::new(changed.as_ref().unchecked_ref()) {
        observer.observe(element);
    }
    // The observer goes with the element that it watches.
    changed.forget();
}

/// Calls `then` with the text of the file that a field was given, and empties the field.
pub(crate) fn read_file(event: &web_sys::Event, then: impl Fn(String) + 'static) {
    let field = event.target().and_then(|t| t.dyn_into::<web_sys::HtmlInputElement>().ok());
    let Some(field) = field else { return };
    if let Some(file) = field.files().and_then(|files| files.get(0)) {
        leptos::task::spawn_local(async move {
            let text = wasm_bindgen_futures::JsFuture::from(file.text()).await;
            then(text.ok().and_then(|text| text.as_string()).unwrap_or_default());
        });
    }
    field.set_value("");
}

/// Whether a selector finds anything.
pub(crate) fn exists(selector: &str) -> bool {
    document().query_selector(selector).ok().flatten().is_some()
}

/// Puts the focus on the first element that a selector finds.
pub(crate) fn focus(selector: &str) {
    if let Some(element) = document()
        .query_selector(selector)
        .ok()
        .flatten()
        .and_then(|element| element.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

/// The nearest element, from the event's target outwards, that has an attribute.
pub(crate) fn closest(event: &web_sys::Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok().flatten()
}

/// A number from an element's `data-…` attribute.
pub(crate) fn data<T: std::str::FromStr>(element: &Element, name: &str) -> Option<T> {
    element.get_attribute(name)?.parse().ok()
}

/// Puts text on the clipboard, where the browser lets us.
pub(crate) fn copy(text: &str) {
    let _ = window().navigator().clipboard().write_text(text);
}

/// Marks the page as a whole: styles and tests read it.
pub(crate) fn mark(name: &str, value: &str) {
    if let Some(html) = document().document_element() {
        let _ = html.set_attribute(name, value);
    }
}
