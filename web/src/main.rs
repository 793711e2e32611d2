//! The playground's page: draws a [`logbrook_session::View`], sends [`logbrook_session::Event`]s,
//! and decides nothing.

mod components;
mod dom;
mod driver;
mod engine;
mod keys;
mod places;
mod store;
mod theme;

use components::app::App;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

fn main() {
    let document = document();
    let root = document
        .get_element_by_id("app")
        .and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok())
        .or_else(|| document.body());
    let Some(root) = root else { return };
    // What was prerendered gives way to the running page.
    root.set_inner_html("");
    mount_to(root, App).forget();
    if let Some(html) = document.document_element() {
        let _ = html.set_attribute("data-ready", "true");
    }
}
