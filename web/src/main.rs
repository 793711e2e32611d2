//! The playground's page: draws a [`logbrook_session::View`], sends [`logbrook_session::Event`]s,
//! and decides nothing.

// What `#[component]` writes is `pub` whatever the function is.
#![allow(unreachable_pub)]

mod components;
mod deflate;
mod dom;
mod driver;
mod embed;
mod engine;
mod keys;
mod link;
mod part;
mod places;
mod store;
mod theme;

use components::app::App;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

fn main() {
    // A panic is our bug; say where, instead of `unreachable`.
    std::panic::set_hook(Box::new(|why| leptos::logging::error!("{why}")));
    let document = document();
    let root = document
        .get_element_by_id("app")
        .and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok())
        .or_else(|| document.body());
    let Some(root) = root else { return };
    // The text that was prerendered goes on standing inside the page until the engine has come.
    let prerendered = root
        .query_selector(".prerendered")
        .ok()
        .flatten()
        .map(|text| text.inner_html())
        .unwrap_or_default();
    root.set_inner_html("");
    mount_to(root, move || view! { <App prerendered=prerendered/> }).forget();
}
