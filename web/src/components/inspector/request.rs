//! A request and its response as a decode tree.

use crate::store::{part, store};
use leptos::prelude::*;

#[component]
pub(super) fn RequestPane() -> impl IntoView {
    let store = store();
    let tree = part(store.inspector, |look| look.as_ref().and_then(|look| look.request.clone()));
    view! {
        {move || tree.get().map(|tree| view! {
            <h3>{tree.title.clone()}</h3>
            <ul class="tree">
                {tree.rows.iter().map(|row| view! {
                    <li style:--d=row.depth.to_string()><span><span class="fn">{row.name.clone()}</span></span><span class="v">{row.value.clone()}</span></li>
                }).collect_view()}
            </ul>
        })}
    }
}
