//! Home: what this is, and the path.

mod hero;
mod map;

use super::app::Heading;
use hero::Hero;
use leptos::prelude::*;
use map::Map;

#[component]
pub(crate) fn Home() -> impl IntoView {
    view! {
        <div class="home">
            <Heading/>
            <main class="wrap" id="main">
                <Hero/>
                <div class="cols"><Map/></div>
            </main>
        </div>
    }
}
