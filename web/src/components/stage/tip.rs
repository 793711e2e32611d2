//! What stands at the record under the pointer or the keyboard, and the ring of the keyboard.

use super::cursor::{At, Cursor, replica};
use crate::dom;
use crate::part::Part;
use crate::store::store;
use leptos::prelude::*;

#[component]
pub(super) fn Tip() -> impl IntoView {
    let store = store();
    let cursor = expect_context::<Cursor>();
    let hovered = RwSignal::new(None::<(At, f64, f64)>);
    let handle = window_event_listener(leptos::ev::pointerover, move |event| {
        let found = dom::closest(&event, "#stage .strip [data-o]").and_then(|cell| {
            let (topic, partition, broker) = replica(&cell.closest(".strip").ok().flatten()?)?;
            let offset = dom::data(&cell, "data-o")?;
            let place = cell.get_bounding_client_rect();
            Some((
                At { topic, partition, broker, offset },
                place.left() + place.width() / 2.0,
                place.bottom(),
            ))
        });
        if found.is_some() || hovered.with_untracked(Option::is_some) {
            hovered.set(found);
        }
    });
    on_cleanup(move || handle.remove());
    let at = move || hovered.get().map(|(at, ..)| at).or_else(|| cursor.ring());
    let words = Part::new(move |_| {
        let at = at()?;
        store.stage.with(|stage| {
            let row = stage.rows().find(|row| {
                row.topic == at.topic && row.partition == at.partition && row.broker == at.broker
            })?;
            row.batches.iter().find_map(|batch| {
                let cell = batch.cells.iter().find(|cell| cell.offset == at.offset)?;
                Some((
                    format!("{}, offset {}", row.name(), at.offset),
                    cell.about.clone(),
                    batch.state.word(),
                ))
            })
        })
    });
    view! {
        // The keyboard's ring on the strip: one rule, no element for each cell.
        <style>{move || cursor.ring().map(|at| format!(
            ".strip[data-topic='{}'][data-partition='{}'][data-broker='{}'] [data-o='{}']{{outline:2px solid var(--focus);outline-offset:1px;z-index:3;position:relative}}",
            at.topic, at.partition, at.broker, at.offset
        ))}</style>
        {move || {
            let (_, x, y) = hovered.get()?;
            let (place, about, state) = words.get()?;
            Some(view! {
                <div class="tip" aria-hidden="true" style:left=format!("{x}px") style:top=format!("{y}px")>
                    <b class="mono">{place}</b><span>{state}</span><span>{about}</span>
                </div>
            })
        }}
    }
}
