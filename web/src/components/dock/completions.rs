//! The row of completions under the prompt; on touch, the keyboard that composes commands.

use crate::part::Part;
use crate::store::store;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::TermTab;
use std::sync::Arc;

/// More than these do not fit a row; typing narrows.
const SHOWN: usize = 14;

#[component]
pub(super) fn Completions(tab: Part<Arc<TermTab>>) -> impl IntoView {
    let store = store();
    let id = tab.with_untracked(|tab| tab.id);
    let row = Part::new(move |_| tab.with(|tab| (tab.completions.clone(), tab.chosen)));
    view! {
        <div class="comp">
            <div class="opts" id="completions" role="listbox" aria-label="Completions">
                {move || {
                    let (options, chosen) = row.get();
                    let from = (chosen + 1).saturating_sub(SHOWN);
                    options.into_iter().enumerate().skip(from).take(SHOWN).map(|(i, option)| {
                        let denied = option.denied.clone();
                        view! {
                            <span class="o" role="option" aria-selected=(i == chosen).to_string() aria-disabled=denied.is_some().to_string()
                                title=denied.unwrap_or(option.about)
                                on:pointerdown=move |event| {
                                    // The field keeps the focus.
                                    event.prevent_default();
                                    store.send(Event::Complete { tab: id, index: Some(i) });
                                }>{option.text}</span>
                        }
                    }).collect_view()
                }}
            </div>
            {move || {
                let (options, chosen) = row.get();
                let option = options.get(chosen)?;
                let about = option.denied.clone().unwrap_or_else(|| option.about.clone());
                Some(view! { <span class="d">{about}</span><span class="hint"><kbd>"Tab"</kbd>" accept"</span> })
            }}
        </div>
    }
}
