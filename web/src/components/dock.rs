//! The dock: terminal, apps, the run as lines.

mod apps;
mod completions;
mod lines;
mod prompt;
mod terminal;

use super::each::{Show, items};
use super::icon::Icon;
use crate::dom;
use crate::store::{part, store};
use apps::AppsPane;
use leptos::prelude::*;
use lines::LinesPane;
use logbrook_session::Event;
use logbrook_session::view::{TermLineKind, TermTab};
use std::sync::Arc;
use terminal::TerminalPane;

/// What is in front in the dock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pane {
    Terminal,
    Apps,
    Lines,
}

#[component]
pub(crate) fn Dock() -> impl IntoView {
    let store = store();
    let pane = RwSignal::new(Pane::Terminal);
    let tabs = part(store.terminal, |terminal| {
        let many = terminal.tabs.len() > 1;
        terminal
            .tabs
            .iter()
            .map(|tab| {
                (tab.id, if many { tab.title.clone() } else { "Terminal".to_owned() }, tab.closable)
            })
            .collect::<Vec<_>>()
    });
    let active = part(store.terminal, |terminal| terminal.active);
    let chip = part(store.apps, |apps| {
        apps.iter().map(|app| app.chip.clone()).find(|chip| !chip.is_empty())
    });
    let has_apps = part(store.apps, |apps| !apps.is_empty());
    let lines = part(store.lines, |lines| lines.lines.len());
    let selected = move |id| pane.get() == Pane::Terminal && active.get() == id;
    // A line that the engine runs in the terminal brings the terminal to the front.
    Effect::new(move |old: Option<u32>| {
        let now = active.get();
        if old.is_some_and(|old| old != now) {
            pane.set(Pane::Terminal);
        }
        now
    });
    view! {
        <section class="dock" id="dock" tabindex="-1" aria-label="Terminal">
            <div class="ph">
                <div class="tabs" role="tablist" aria-label="Terminals" on:keydown=move |event| arrow_tabs(&event)>
                    {items(tabs, |tab| u64::from(tab.0), move |tab| { let id = tab.get_untracked().0; view! {
                        <button role="tab" id=format!("tab-{id}") aria-controls="dock-pane" aria-selected=move || selected(id).to_string()
                            tabindex=move || if active.get() == id { "0" } else { "-1" }
                            on:click=move |_| { pane.set(Pane::Terminal); store.send(Event::SelectTab(id)); }>
                            <Icon name="term" small=true/>{move || tab.get().1}
                        </button>
                    }.into_any() })}
                </div>
                <div class="tabs" role="tablist" aria-label="Apps and lines" on:keydown=move |event| arrow_tabs(&event)>
                    <Show when=move || has_apps.get()>
                        <button role="tab" id="tab-apps" aria-controls="dock-pane" aria-selected=move || (pane.get() == Pane::Apps).to_string()
                            on:click=move |_| pane.set(Pane::Apps)>
                            <Icon name="box" small=true/>"Apps "
                            {move || chip.get().map(|chip| view! { <span class="chip not-s">{chip}</span> })}
                        </button>
                    </Show>
                    <button role="tab" id="tab-lines" aria-controls="dock-pane" aria-selected=move || (pane.get() == Pane::Lines).to_string()
                        on:click=move |_| pane.set(Pane::Lines)>
                        <Icon name="menu" small=true/>"Lines " <span class="chip">{move || lines.get()}</span>
                    </button>
                </div>
                <button class="b b-bare b-icon" aria-label="New terminal" title="New terminal"
                    on:click=move |_| { pane.set(Pane::Terminal); store.send(Event::NewTab); }><Icon name="plus" small=true/></button>
                {move || tabs.with(|tabs| tabs.iter().find(|tab| tab.0 == active.get() && tab.2).map(|tab| {
                    let id = tab.0;
                    view! {
                        <button class="b b-bare b-icon" aria-label="Close this terminal" title="Close this terminal"
                            on:click=move |_| store.send(Event::CloseTab(id))><Icon name="cross" small=true/></button>
                    }
                }))}
                <span class="grow"></span>
                <button class="b b-bare b-icon" aria-label="Copy transcript" title="Copy transcript"
                    on:click=move |_| copy_transcript(&store.terminal.get_untracked().tabs, active.get_untracked())>
                    <Icon name="copy" small=true/>
                </button>
            </div>
            <div class="pane" id="dock-pane" role="tabpanel" aria-labelledby=move || match pane.get() {
                Pane::Terminal => format!("tab-{}", active.get()),
                Pane::Apps => "tab-apps".to_owned(),
                Pane::Lines => "tab-lines".to_owned(),
            }>
                {move || match pane.get() {
                    Pane::Terminal => view! { <TerminalPane/> }.into_any(),
                    Pane::Apps => view! { <AppsPane/> }.into_any(),
                    Pane::Lines => view! { <LinesPane/> }.into_any(),
                }}
            </div>
        </section>
    }
}

/// Left and Right move along the tabs.
pub(crate) fn arrow_tabs(event: &web_sys::KeyboardEvent) {
    let forward = match event.key().as_str() {
        "ArrowRight" => true,
        "ArrowLeft" => false,
        _ => return,
    };
    let Some(tab) = dom::closest(event, "[role=tab]") else { return };
    let next = if forward { tab.next_element_sibling() } else { tab.previous_element_sibling() };
    if let Some(id) = next.map(|next| next.id()) {
        event.prevent_default();
        dom::focus(&format!("#{id}"));
    }
}

/// The transcript of a tab in the language of session files.
fn copy_transcript(tabs: &[Arc<TermTab>], active: u32) {
    let Some(tab) = tabs.iter().find(|tab| tab.id == active) else { return };
    let mut text = String::new();
    for line in tab.lines.iter() {
        let mark = match line.kind {
            TermLineKind::Command => "$ ",
            TermLineKind::Lab => "@",
            TermLineKind::Stdin => "< ",
            TermLineKind::Stdout => "| ",
            TermLineKind::Stderr => "! ",
            TermLineKind::Exit => "= ",
            TermLineKind::Hint => "# ",
        };
        text.push_str(mark);
        let exit = line.kind == TermLineKind::Exit;
        text.push_str(if exit { line.text.trim_start_matches("exit ") } else { &line.text });
        text.push('\n');
    }
    dom::copy(&text);
}
