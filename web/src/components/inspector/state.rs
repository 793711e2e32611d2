//! The object around the selection.

use crate::store::{part, store};
use leptos::prelude::*;

#[component]
pub(super) fn StatePane() -> impl IntoView {
    let store = store();
    let card = part(store.inspector, |look| look.as_ref().and_then(|look| look.state.clone()));
    view! {
        {move || card.get().map(|card| view! {
            <h3>{card.title.clone()}</h3>
            <dl class="kv">
                {card.rows.iter().map(|row| view! { <dt>{row.name.clone()}</dt><dd><code>{row.value.clone()}</code></dd> }).collect_view()}
            </dl>
        })}
    }
}
