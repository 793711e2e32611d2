//! A terminal: what was written, the prompt, the completions.

use super::completions::Completions;
use super::prompt::Prompt;
use crate::store::{Store, store};
use leptos::html::Div;
use leptos::prelude::*;
use logbrook_session::view::{TermLine, TermLineKind, TermTab};
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// The tab in front.
pub(super) fn tab(store: Store) -> Memo<Arc<TermTab>> {
    Memo::new(move |_| {
        store.terminal.with(|terminal| {
            terminal.tabs.iter().find(|tab| tab.id == terminal.active).cloned().unwrap_or_default()
        })
    })
}

#[component]
pub(super) fn TerminalPane() -> impl IntoView {
    let store = store();
    let tab = tab(store);
    let id = Memo::new(move |_| tab.with(|tab| tab.id));
    view! { {move || { id.get(); view! { <Screen tab=tab/> } }} }
}

/// One tab's screen. Made anew for another tab, so that each keeps to its own scroll.
#[component]
fn Screen(tab: Memo<Arc<TermTab>>) -> impl IntoView {
    let lines = Memo::new(move |_| tab.with(|tab| (tab.dropped, tab.lines.clone())));
    let numbered = move || {
        let (dropped, lines) = lines.get();
        (0..lines.len()).map(move |i| (dropped + i as u64, lines[i].clone())).collect::<Vec<_>>()
    };
    let screen = NodeRef::<Div>::new();
    // The end stays in view, unless the learner has scrolled up to read.
    let at_end = StoredValue::new(true);
    Effect::new(move |_| {
        lines.track();
        tab.with(|tab| tab.input.rev);
        request_animation_frame(move || {
            if let Some(screen) = screen.get_untracked()
                && at_end.get_value()
            {
                screen.set_scroll_top(screen.scroll_height());
            }
        });
    });
    let to_prompt = move |event: web_sys::MouseEvent| {
        // A click anywhere on the screen types, unless it marks text or presses something.
        let marked = window()
            .get_selection()
            .ok()
            .flatten()
            .is_some_and(|selection| !selection.is_collapsed());
        let pressed = crate::dom::closest(&event, "a, button, input").is_some();
        if !marked && !pressed {
            crate::dom::focus("#dock .prompt input");
        }
    };
    view! {
        <div class="term" node_ref=screen on:click=to_prompt
            on:scroll=move |event| {
                if let Some(screen) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) {
                    at_end.set_value(screen.scroll_top() + screen.client_height() >= screen.scroll_height() - 24);
                }
            }>
            <div class="out-all" role="log" aria-label="Output" aria-live="off" tabindex="0">
                <For each=numbered key=|(number, _)| *number let:line>
                    {term_line(&line.1)}
                </For>
            </div>
            <Prompt tab=tab/>
        </div>
        <Completions tab=tab/>
    }
}

/// A line, by what it is.
fn term_line(line: &TermLine) -> AnyView {
    let text = line.text.clone();
    match line.kind {
        TermLineKind::Command | TermLineKind::Lab => {
            let mark = if line.kind == TermLineKind::Lab { "@" } else { "$" };
            view! {
                <div class="ln">
                    <span><span class="ps">{mark}</span>" "<span class="cmd">{text}</span></span>
                    <span class="at-t">{line.time.to_string()}</span>
                </div>
            }
            .into_any()
        }
        TermLineKind::Stdin => view! { <div class="out in">{text}</div> }.into_any(),
        TermLineKind::Stdout => view! { <div class="out">{text}</div> }.into_any(),
        TermLineKind::Stderr => view! { <div class="out err">{text}</div> }.into_any(),
        TermLineKind::Hint => view! { <div class="out hint-l">{text}</div> }.into_any(),
        TermLineKind::Exit => {
            view! { <div class="out hot">{format!("exit {text}")}</div> }.into_any()
        }
    }
}
