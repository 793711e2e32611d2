//! A batch at full size: tree | hex | field. One field is chosen, by pointer or key, and stands
//! out in all three. Which one is the page's own: the engine decoded them all.

mod field;
mod fields;
mod hex;

use super::icon::Icon;
use super::stage::small_band;
use super::timeline::MiniTime;
use super::workbench::Panels;
use crate::dom;
use crate::part::Part;
use crate::store::{part, store};
use field::FieldPane;
use fields::FieldTree;
use hex::HexGrid;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::Bytes;
use std::sync::Arc;

/// The batch that is open, and which of its rows is chosen.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) bytes: Part<Arc<Bytes>>,
    pub(super) row: RwSignal<usize>,
}

#[component]
pub(crate) fn BytesPage() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let bytes = part(store.inspector, |look| {
        look.as_ref().and_then(|look| look.bytes.clone()).unwrap_or_default()
    });
    let row = RwSignal::new(bytes.with_untracked(|bytes| bytes.start));
    Effect::new(move |old: Option<usize>| {
        let start = bytes.with(|bytes| bytes.start);
        if old.is_some_and(|old| old != start) {
            row.set(start);
        }
        start
    });
    provide_context(Open { bytes, row });
    let hex = move |_| {
        let text = bytes.with(|bytes| {
            bytes.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
        });
        dom::copy(&text);
    };
    Effect::new(move |_| dom::focus("#fields [tabindex='0']"));
    view! {
        <main class="by" id="main">
            <section class="band" aria-label="Batch">
                <div>
                    <h1 class="sr">{move || bytes.with(|bytes| format!("Bytes of {} {}", bytes.partition, bytes.place))}</h1>
                    <div class="band-t"><b class="mono">{move || bytes.with(|bytes| bytes.partition.clone())}</b></div>
                    <div class="t3">{move || bytes.with(|bytes| bytes.place.clone())}</div>
                </div>
                {small_band(store)}
                <div class="acts">
                    <button class="b b-bare not-s" on:click=hex><Icon name="copy" small=true/>"Copy as hex"</button>
                    <button class="b b-icon" aria-label="Batch before" prop:disabled=move || bytes.with(|bytes| !bytes.neighbours.0)
                        on:click=move |_| store.send(Event::SelectNeighbour { after: false })><Icon name="left"/></button>
                    <button class="b b-icon" aria-label="Batch after" prop:disabled=move || bytes.with(|bytes| !bytes.neighbours.1)
                        on:click=move |_| store.send(Event::SelectNeighbour { after: true })><Icon name="right"/></button>
                    <button class="b" on:click=move |_| panels.bytes.set(false)>"Back to the stage "<kbd>"Esc"</kbd></button>
                </div>
            </section>
            <div class="by3">
                <FieldTree/>
                <HexGrid/>
                <FieldPane/>
            </div>
            <MiniTime/>
        </main>
    }
}
