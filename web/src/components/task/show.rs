//! A small live view in the prose; before the run has anything, the recorded drawing.

use crate::components::stage::small_strips;
use crate::components::table::table;
use crate::part::Part;
use leptos::prelude::*;
use logbrook_session::view::{Show, ShowLive};

#[component]
pub(crate) fn ShowBlock(show: Part<Show>) -> impl IntoView {
    view! {
        <figure class="show">
            {move || {
                let show = show.get();
                let live = match &show.live {
                    Some(ShowLive::Strips(rows)) => small_strips(rows),
                    Some(ShowLive::Table(live)) => table(live, "tbl"),
                    None => view! { <pre tabindex="0" aria-label="Drawing">{show.text.to_string()}</pre> }.into_any(),
                };
                let caption = if show.live.is_some() { "now" } else { "as recorded" };
                view! {
                    <figcaption><b>{show.title.clone()}</b>" "<span class="t3">{caption}</span></figcaption>
                    {live}
                }
            }}
        </figure>
    }
}
