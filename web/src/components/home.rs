//! Home: what this is, and the path.

mod hero;
mod map;

use super::app::{Go, Heading, Prerendered};
use super::each::Show;
use crate::places;
use crate::store::{part, store};
use hero::Hero;
use leptos::prelude::*;
use logbrook_session::view::{LevelKind, Place};
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
                            <h2>"On call"</h2>
                            <p>"A cluster that is already on fire, and a pager."</p>
                            <Drills/>
                        </section>
                        <section>
                            <h2>"How exact is it?"</h2>
                            <p>"Every build is compared with recordings of Apache Kafka 4.4. What differs and what is not modelled is listed."</p>
                            <p><a href=places::page("reference/exact/")>"See the comparison"</a></p>
                        </section>
                    </aside>
                </div>
                </Show>
            </main>
        </div>
    }
}

/// The first three drills, and the way to all.
#[component]
fn Drills() -> impl IntoView {
    let store = store();
    let go = expect_context::<Go>();
    let drills = part(store.home, |home| {
        let of = |row: &logbrook_session::view::TrackRow| {
            let drills = row.levels.iter().filter(|cell| cell.kind == LevelKind::Drill);
            drills
                .map(|cell| (row.slug.clone(), cell.slug.clone(), cell.title.clone(), cell.minutes))
                .collect::<Vec<_>>()
        };
        home.tracks.iter().flat_map(of).collect::<Vec<_>>()
    });
    view! {
        <ul>
            {move || drills.get().into_iter().take(3).map(|(track, slug, title, minutes)| {
                let to = Place::Workbench { track, slug };
                view! { <li><a href=places::href(&to) on:click=move |event| go.link(&event, to.clone())>{title}</a><span>{format!("{minutes} min")}</span></li> }
            }).collect_view()}
        </ul>
        <p><a href=places::href(&Place::OnCall) on:click=move |event| go.link(&event, Place::OnCall)>
            {move || match drills.with(Vec::len) { 0 => "The drills to come".to_owned(), 1 => "The drill".to_owned(), n => format!("All {n} drills") }}
        </a></p>
    }
}
