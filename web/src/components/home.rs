//! Home: what this is, and the path.

mod hero;
mod map;

use super::app::{Heading, Prerendered};
use super::each::Show;
use crate::store::{part, store};
use hero::Hero;
use leptos::prelude::*;
use map::Map;

#[component]
pub(crate) fn Home() -> impl IntoView {
    let store = store();
    let prerendered = expect_context::<Prerendered>();
    let ready = part(store.home, |home| !home.tracks.is_empty());
    view! {
        <div class="home">
            <Heading/>
            <main class="wrap" id="main">
                <Show when=move || ready.get() fallback=move || view! {
                    <div class="prerendered" inner_html=prerendered.0.get_value()></div>
                }>
                <Hero/>
                <div class="cols">
                    <Map/>
                    <aside class="rail" aria-label="About">
                        <section>
                            <h2>"How exact is it?"</h2>
                            <p>"Bytes, errors and tools’ output are compared with recordings of Apache Kafka 4.4. What differs and what is not modelled is listed."</p>
                            <p><a href=format!("{}reference/exact/", crate::places::base())>"See the comparison"</a></p>
                        </section>
                    </aside>
                </div>
                </Show>
            </main>
        </div>
    }
}
