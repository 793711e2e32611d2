//! The list of keys, `?`.

use super::workbench::Panels;
use crate::dom;
use crate::keys::KEYS;
use leptos::html::Dialog;
use leptos::prelude::*;

#[component]
pub(crate) fn KeyList() -> impl IntoView {
    let panels = expect_context::<Panels>();
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if panels.keys.get() {
            if !dialog.open() {
                let _ = dialog.show_modal();
            }
        } else if dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog node_ref=dialog class="keys" aria-labelledby="keys-t" on:close=move |_| panels.keys.set(false)>
            <div class="ph">
                <h2 id="keys-t">"Keys"</h2>
                <span class="grow"></span>
                <button class="b" on:click=move |_| panels.keys.set(false)>"Close " <kbd>"Esc"</kbd></button>
            </div>
            <div class="cb">
                <dl class="kv">
                    {KEYS.iter().map(|(keys, what)| view! { <dt>{kbds(keys)}</dt><dd>{*what}</dd> }).collect_view()}
                </dl>
                <label class="opt">
                    <input type="checkbox" prop:checked=move || panels.letters.get()
                        on:change=move |event| {
                            let on = event_target_checked(&event);
                            panels.letters.set(on);
                            let _ = dom::keep("letters", if on { "on" } else { "off" });
                        }/>
                    "Single letters act outside text fields"
                </label>
            </div>
        </dialog>
    }
}

/// `Left, Right` as keys; words that are no key stay words.
fn kbds(keys: &'static str) -> AnyView {
    let (place, keys) = keys.split_once(": ").map_or(("", keys), |(place, keys)| (place, keys));
    let keys = keys
        .split(", ")
        .enumerate()
        .map(|(i, key)| view! { {(i > 0).then_some(" ")} <kbd>{key}</kbd> })
        .collect_view();
    view! { {(!place.is_empty()).then(|| format!("{place} "))} {keys} }.into_any()
}
