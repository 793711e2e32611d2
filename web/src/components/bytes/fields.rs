//! Every field of the batch as text, with its value. Arrows move; the hex follows.

use super::Open;
use crate::components::inspector::purpose_class;
use crate::dom;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

#[component]
pub(super) fn FieldTree() -> impl IntoView {
    let open = expect_context::<Open>();
    let len = move || open.bytes.with(|bytes| bytes.rows.len());
    let to = move |row: usize| {
        open.row.set(row);
        request_animation_frame(move || dom::focus(&format!("#field-{row}")));
    };
    let key = move |event: web_sys::KeyboardEvent| {
        let now = open.row.get_untracked();
        let last = len().saturating_sub(1);
        let next = match event.key().as_str() {
            "ArrowDown" => (now + 1).min(last),
            "ArrowUp" => now.saturating_sub(1),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        to(next);
    };
    let over = move |event: &web_sys::Event| {
        if let Some(row) =
            dom::closest(event, "[data-row]").and_then(|row| dom::data(&row, "data-row"))
        {
            open.row.set(row);
        }
    };
    view! {
        <section class="fields-w" aria-label="Decoded">
            <ul class="tree" id="fields" role="listbox" aria-label="Fields" on:keydown=key
                on:pointerover=move |event| over(event.unchecked_ref()) on:click=move |event| over(event.unchecked_ref())>
                {move || open.bytes.with(|bytes| bytes.rows.iter().enumerate().map(|(i, row)| {
                    let group = row.kind.is_empty();
                    view! {
                        <li role="option" id=format!("field-{i}") data-row=i.to_string() style:--d=row.depth.to_string()
                            tabindex=move || if open.row.get() == i { "0" } else { "-1" }
                            on:focus=move |_| open.row.set(i)
                            aria-selected=move || (open.row.get() == i).to_string() class:bad=row.error.is_some()>
                            <span>
                                {row.number.map(|number| view! { <span class=format!("num {}", purpose_class(row.purpose))>{number}</span> })}
                                <span class="fn" class:head-f=group>{row.name.clone()}</span>
                            </span>
                            <span class="v">{row.value.clone()}</span>
                        </li>
                    }
                }).collect_view())}
            </ul>
        </section>
    }
}
