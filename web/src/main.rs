//! The playground's page: draws a [`logbrook_session::View`], sends [`logbrook_session::Event`]s,
//! and decides nothing.

mod components;
mod dom;
mod driver;
mod engine;
mod keys;
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
    wasm_bindgen_futures::spawn_local(start());
}

/// What was prerendered stands until the engine has read the path and the level.
async fn start() {
    let document = document();
    let root = document
        .get_element_by_id("app")
        .and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok())
        .or_else(|| document.body());
    let Some(root) = root else { return };
    let loaded = async {
        let engine = engine::Engine::load().await?;
        Ok::<_, String>((engine, engine::fetch_place(&places::current()).await))
    };
    let (engine, level) = match loaded.await {
        Ok(loaded) => loaded,
        Err(why) => {
            leptos::logging::error!("{why}");
            return;
        }
    };
    root.set_inner_html("");
    mount_to(root, move || view! { <App engine=engine level=level/> }).forget();
    if let Some(html) = document.document_element() {
        let _ = html.set_attribute("data-ready", "true");
    }
}
