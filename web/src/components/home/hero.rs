//! The heading, where to go on, and the small cluster beside it if the engine runs one.

use crate::components::app::Go;
use crate::components::icon::{Icon, sign};
use crate::components::stage::live_strips;
use crate::places;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{LevelStatus, Place};

#[component]
pub(super) fn Hero() -> impl IntoView {
    let store = store();
    let go = expect_context::<Go>();
    let next = part(store.home, |home| {
        let (track, level) = home.next?;
        let row = home.tracks.get(track)?;
        let cell = row.levels.get(level)?;
        let begun = home.passed > 0 || cell.status != LevelStatus::New;
        Some((
            Place::Workbench { track: row.slug.clone(), slug: cell.slug.clone() },
            cell.title.clone(),
            begun,
        ))
    });
    let live = part(store.home, |home| home.live.clone());
    let rows = part(store.stage, |stage| stage.rows().cloned().collect::<Vec<_>>());
    let first = part(store.stage, |stage| stage.axis.first);
    // Only what stands around the strips; the strips follow their rows by themselves.
    view! {
        <section class="hero" class:alone=move || live.with(Option::is_none)>
            <div>
                <h1>"Kafka, running in this tab."</h1>
                <p>"The broker on this page is real: its bytes, its errors and its tools’ output are compared with Apache Kafka’s. Break it, step through it, and be graded on what it did."</p>
                <div class="acts">
                    {move || next.get().map(|(place, title, begun)| {
                        let to = place.clone();
                        let word = if begun { "Continue" } else { "Begin" };
                        view! {
                            <a class="b b-solid b-l" href=places::href(&place) on:click=move |event| go.link(&event, to.clone())>
                                {format!("{word}: {title}")}<Icon name="arrow"/>
                            </a>
                        }
                    })}
                    <a class="b b-l" href=places::href(&Place::Sandbox) on:click=move |event| go.link(&event, Place::Sandbox)>"Open a sandbox"</a>
                </div>
                <p class="fine">"Works offline. Nothing you type leaves this tab."</p>
            </div>
            {move || live.get().map(|live| view! {
                <section class="live" aria-label="A cluster, running now">
                    <div class="ph">
                        <span class="led"></span><h2>"Running now"</h2><span class="t3">{live.summary}</span><span class="grow"></span>
                        {live.acts.into_iter().map(|act| {
                            let line = act.line.clone();
                            view! { <button class="b" on:click=move |_| store.send(Event::Act(line.clone()))><Icon name=sign(act.icon) small=true/>{act.label}</button> }
                        }).collect_view()}
                    </div>
                    <div class="body">{live_strips(rows, first)}</div>
                    <div class="tl"><span class="ps">"$"</span>" "{live.line}</div>
                </section>
            })}
        </section>
    }
}
