//! The offset ruler: one figure a cell, every fifth strong; only the fifths where cells are
//! narrower than the figures.

use crate::store::{part, store};
use leptos::prelude::*;

#[component]
pub(super) fn Ruler() -> impl IntoView {
    let store = store();
    let axis = part(store.stage, |stage| {
        (stage.axis.first, stage.axis.cells, stage.axis.first + i64::from(stage.axis.cells) > 999)
    });
    view! {
        <div class="ruler" aria-hidden="true">
            {move || {
                let (first, cells, long) = axis.get();
                (first..first + i64::from(cells)).filter(|offset| !long || offset % 5 == 0).map(|offset| view! {
                    <b class:maj=offset % 5 == 0 style:--i=offset.to_string()>{offset}</b>
                }).collect_view()
            }}
            <span class="ax">"offset"</span>
        </div>
    }
}
