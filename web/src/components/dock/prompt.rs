//! The prompt: a field, the grey rest of the completion behind it, and a terminal's keys.

use crate::dom;
use crate::part::Part;
use crate::store::store;
use leptos::html::Input;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::event::TermKey;
use logbrook_session::view::{Foreground, TermTab};
use std::sync::Arc;

#[component]
pub(super) fn Prompt(tab: Part<Arc<TermTab>>) -> impl IntoView {
    let store = store();
    let id = tab.with_untracked(|tab| tab.id);
    let field = NodeRef::<Input>::new();
    // What is typed, for the ghost that stands behind it.
    let typed = RwSignal::new(tab.with_untracked(|tab| tab.input.text.clone()));
    let rev = Part::new(move |_| tab.with(|tab| tab.input.rev));
    let ghost = Part::new(move |_| tab.with(|tab| tab.ghost.clone()));
    let prompt = Part::new(move |_| tab.with(|tab| tab.prompt.clone()));
    let exit = Part::new(move |_| tab.with(|tab| tab.exit.filter(|code| *code != 0)));
    let running = Part::new(move |_| {
        tab.with(|tab| match &tab.foreground {
            Foreground::Idle => None,
            Foreground::Running { name, reads } => Some((name.clone(), *reads)),
        })
    });
    // The engine has set the text (history, completion, a run block): the field takes it over.
    Effect::new(move |_| {
        rev.track();
        let Some(field) = field.get() else { return };
        let (text, cursor) = tab.with_untracked(|tab| (tab.input.text.clone(), tab.input.cursor));
        if field.value() != text {
            field.set_value(&text);
        }
        let at = u32::try_from(text.chars().take(cursor).map(char::len_utf16).sum::<usize>())
            .unwrap_or_default();
        if document().active_element().as_ref() == Some(field.as_ref()) {
            let _ = field.set_selection_range(at, at);
        }
        typed.set(text);
    });
    let tell = move |field: &web_sys::HtmlInputElement| {
        let text = field.value();
        let at = field.selection_start().ok().flatten().unwrap_or_default() as usize;
        let cursor = text.encode_utf16().take(at).collect::<Vec<_>>();
        let cursor = String::from_utf16_lossy(&cursor).chars().count();
        typed.set(text.clone());
        store.send(Event::Input { tab: id, text, cursor });
    };
    let submit = move |text: String| {
        if let Some(field) = field.get_untracked() {
            field.set_value("");
        }
        typed.set(String::new());
        store.send(Event::Submit { tab: id, text });
    };
    let key = move |event: web_sys::KeyboardEvent| {
        let Some(field) = field.get_untracked() else { return };
        let (at, to) =
            (field.selection_start().ok().flatten(), field.selection_end().ok().flatten());
        let at_end = at == to
            && at == Some(u32::try_from(field.value().encode_utf16().count()).unwrap_or_default());
        let (options, chosen) = tab.with_untracked(|tab| (tab.completions.len(), tab.chosen));
        let ctrl = event.ctrl_key() && !event.alt_key() && !event.meta_key();
        let act = match event.key().as_str() {
            "Enter" => {
                submit(field.value());
                true
            }
            "Tab" if !event.shift_key() && options > 0 => {
                store.send(Event::Complete { tab: id, index: None });
                true
            }
            "ArrowUp" => {
                store.send(Event::History { tab: id, older: true });
                true
            }
            "ArrowDown" => {
                store.send(Event::History { tab: id, older: false });
                true
            }
            "ArrowRight" if at_end && chosen + 1 < options => {
                store.send(Event::Choose { tab: id, index: chosen + 1 });
                true
            }
            "ArrowLeft" if at_end && chosen > 0 => {
                store.send(Event::Choose { tab: id, index: chosen - 1 });
                true
            }
            // Marked text is copied, as everywhere; else it is an interrupt.
            "c" if ctrl && at == to && nothing_marked() => {
                field.set_value("");
                typed.set(String::new());
                store.send(Event::Key { tab: id, key: TermKey::Interrupt });
                true
            }
            "d" if ctrl => {
                store.send(Event::Key { tab: id, key: TermKey::EndOfInput });
                true
            }
            "l" if ctrl => {
                store.send(Event::Key { tab: id, key: TermKey::Clear });
                true
            }
            "Escape" => {
                dom::focus("#dock");
                true
            }
            _ => false,
        };
        if act {
            event.prevent_default();
            event.stop_propagation();
        }
    };
    // Lines that are pasted are run one after the other; the last stays in the field.
    let paste = move |event: web_sys::ClipboardEvent| {
        let text =
            event.clipboard_data().and_then(|data| data.get_data("text").ok()).unwrap_or_default();
        if !text.contains('\n') {
            return;
        }
        event.prevent_default();
        let mut lines: Vec<&str> = text.lines().collect();
        let rest = if text.ends_with('\n') { "" } else { lines.pop().unwrap_or_default() };
        let before = field.get_untracked().map(|field| field.value()).unwrap_or_default();
        for (i, line) in lines.iter().enumerate() {
            submit(if i == 0 { format!("{before}{line}") } else { (*line).to_owned() });
        }
        if let Some(field) = field.get_untracked() {
            field.set_value(rest);
            tell(&field);
        }
    };
    let reads = move || running.get().is_none_or(|(_, reads)| reads);
    view! {
        <div class="prompt">
            {move || exit.get().map(|code| view! { <span class="hot">{format!("{code} ")}</span> })}
            <span class="ps">{move || prompt.get()}</span>
            <span class="field-w">
                <span class="behind" aria-hidden="true"><span class="typed">{typed}</span><span class="ghost">{move || ghost.get()}</span></span>
                <input node_ref=field type="text" spellcheck="false" autocomplete="off" autocapitalize="off" enterkeyhint="send"
                    aria-label="Command line" aria-controls="completions" aria-describedby="jobs"
                    prop:readOnly=move || !reads()
                    on:input=move |_| if let Some(field) = field.get_untracked() { tell(&field) }
                    on:keydown=key
                    on:paste=paste/>
            </span>
            {move || running.get().map(|(name, reads)| view! {
                <span class="jobs" id="jobs">
                    <span class:t3=!reads class:sr=reads>{format!("{name} is running")}</span>
                    {reads.then(|| view! {
                        <button class="b" title="End of input" on:click=move |_| store.send(Event::Key { tab: id, key: TermKey::EndOfInput })>
                            <kbd>"Ctrl D"</kbd>" end"
                        </button>
                    })}
                    <button class="b" title="Interrupt" on:click=move |_| store.send(Event::Key { tab: id, key: TermKey::Interrupt })>
                        <kbd>"Ctrl C"</kbd>" stop"
                    </button>
                </span>
            })}
        </div>
    }
}

fn nothing_marked() -> bool {
    window().get_selection().ok().flatten().is_none_or(|selection| selection.is_collapsed())
}
