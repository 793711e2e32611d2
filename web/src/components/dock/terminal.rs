//! A terminal: what was written, the prompt, the completions.

use super::completions::Completions;
use super::prompt::Prompt;
use crate::components::each::each;
use crate::part::Part;
use crate::store::{Store, store};
use leptos::html::Div;
use leptos::prelude::*;
use logbrook_session::view::{TermLine, TermLineKind, TermTab};
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// The tab in front.
pub(super) fn tab(store: Store) -> Part<Arc<TermTab>> {
    Part::new(move |_| {
        store.terminal.with(|terminal| {
            terminal.tabs.iter().find(|tab| tab.id == terminal.active).cloned().unwrap_or_default()
        })
    })
}

#[component]
pub(super) fn TerminalPane() -> impl IntoView {
    let store = store();
    let tab = tab(store);
    let id = Part::new(move |_| tab.with(|tab| tab.id));
    view! { {move || { id.get(); view! { <Screen tab=tab/> } }} }
}

/// One tab's screen. Made anew for another tab, so that each keeps to its own scroll.
#[component]
fn Screen(tab: Part<Arc<TermTab>>) -> impl IntoView {
    let lines = Part::new(move |_| tab.with(|tab| (tab.dropped, tab.lines.clone())));
    let numbers =
        move || lines.with(|(dropped, lines)| (*dropped..*dropped + lines.len() as u64).collect());
    let screen = NodeRef::<Div>::new();
    // The end stays in view, unless the learner has scrolled up to read.
    let at_end = StoredValue::new(true);
    Effect::new(move |_| {
        lines.track();
        tab.with(|tab| tab.input.rev);
        request_animation_frame(move || {
            // The tab may be gone by then.
            if let Some(screen) = screen.try_get_untracked().flatten()
                && at_end.try_get_value() == Some(true)
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
                    let _ = at_end.try_set_value(screen.scroll_top() + screen.client_height() >= screen.scroll_height() - 24);
                }
            }>
            <div class="out-all" role="log" aria-label="Output" aria-live="off" tabindex="0">
                {each(numbers, move |number| line_at(lines, number))}
            </div>
            <Prompt tab=tab/>
        </div>
        <Completions tab=tab/>
    }
}

/// The line with a number; lines do not change once written.
fn line_at(lines: Part<(u64, Arc<Vec<TermLine>>)>, number: u64) -> AnyView {
    lines.with_untracked(|(dropped, lines)| {
        let line = number.checked_sub(*dropped).and_then(|i| lines.get(usize::try_from(i).ok()?));
        line.map_or_else(|| ().into_any(), term_line)
    })
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
        TermLineKind::Exit => view! { <div class="out hot">{text}</div> }.into_any(),
    }
}
