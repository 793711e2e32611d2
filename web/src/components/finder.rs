//! One finder over levels, commands, errors, settings and fields: `Ctrl K`.

use super::app::Go;
use super::workbench::Panels;
use crate::part::Part;
use crate::places;
use crate::store::{part, store};
use crate::{dom, engine};
use leptos::html::Dialog;
use leptos::prelude::*;
use logbrook_session::view::Place;
use std::sync::Arc;

/// Results that are shown.
const MOST: usize = 12;

/// Something that can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// `level`, `command`, `error`, …
    kind: String,
    name: String,
    about: String,
    to: To,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Place(Place),
    /// A page under the root.
    Page(String),
}

#[component]
pub(crate) fn Finder() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let go = expect_context::<Go>();
    let dialog = NodeRef::<Dialog>::new();
    let query = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let reference = RwSignal::new(None::<Arc<Vec<Entry>>>);
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if panels.finder.get() {
            if !dialog.open() {
                let _ = dialog.show_modal();
                dom::focus("dialog.finder input");
            }
            // What the reference has comes when it is first asked for.
            if reference.with_untracked(Option::is_none) {
                leptos::task::spawn_local(async move {
                    let lines = engine::text("reference/find.txt").await.unwrap_or_default();
                    reference.set(Some(Arc::new(read(&lines))));
                });
            }
        } else if dialog.open() {
            dialog.close();
        }
    });
    let levels = part(store.home, |home| {
        let of = |row: &logbrook_session::view::TrackRow| {
            let entry = |cell: &logbrook_session::view::LevelCell| Entry {
                kind: cell.kind.name().to_owned(),
                name: cell.title.clone(),
                about: row.title.clone(),
                to: To::Place(Place::Workbench {
                    track: row.slug.clone(),
                    slug: cell.slug.clone(),
                }),
            };
            row.levels.iter().map(entry).collect::<Vec<_>>()
        };
        home.tracks.iter().flat_map(of).collect::<Vec<_>>()
    });
    let found = Part::new(move |_| {
        let asked = query.get().to_lowercase();
        let words: Vec<&str> = asked.split_whitespace().collect();
        let rest = reference.get();
        let all = levels.get().into_iter().chain(rest.iter().flat_map(|rest| rest.iter().cloned()));
        let mut found: Vec<(usize, Entry)> = all
            .filter_map(|entry| {
                let name = entry.name.to_lowercase();
                let about = entry.about.to_lowercase();
                let hit = words.iter().all(|word| name.contains(word) || about.contains(word));
                // A name that begins with what was asked for comes first, then one that has it.
                let rank = match () {
                    () if name.starts_with(&asked) => 0,
                    () if name.contains(&asked) => 1,
                    () => 2,
                };
                hit.then_some((rank, entry))
            })
            .collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, entry)| entry).take(MOST).collect::<Vec<_>>()
    });
    let nearest = Part::new(move |_| {
        let asked = query.get().to_lowercase();
        if asked.is_empty() || !found.with(Vec::is_empty) {
            return String::new();
        }
        let rest = reference.get();
        let names = levels.get().into_iter().map(|entry| entry.name);
        let names = names.chain(rest.iter().flat_map(|rest| rest.iter().map(|e| e.name.clone())));
        names.max_by_key(|name| likeness(&asked, &name.to_lowercase())).unwrap_or_default()
    });
    let take = move |entry: Entry| {
        panels.finder.set(false);
        match entry.to {
            To::Place(place) => go.to(place),
            To::Page(page) => {
                let _ = window().location().set_href(&places::page(&page));
            }
        }
    };
    let key = move |event: web_sys::KeyboardEvent| {
        let last = found.with_untracked(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|at| *at = (*at + 1).min(last)),
            "ArrowUp" => chosen.update(|at| *at = at.saturating_sub(1)),
            "Enter" => {
                if let Some(entry) =
                    found.with_untracked(|f| f.get(chosen.get_untracked()).cloned())
                {
                    take(entry);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <dialog node_ref=dialog class="keys finder" aria-label="Find" on:close=move |_| panels.finder.set(false)>
            <input type="text" class="find-q" aria-label="Level, command, error, setting or field" placeholder="Level, command, error, setting or field"
                autocomplete="off" spellcheck="false" role="combobox" aria-expanded="true" aria-controls="found"
                aria-activedescendant=move || format!("found-{}", chosen.get())
                prop:value=move || query.get() on:keydown=key
                on:input=move |event| { query.set(event_target_value(&event)); chosen.set(0); }/>
            <ul id="found" role="listbox" aria-label="Found">
                {move || found.get().into_iter().enumerate().map(|(i, entry)| {
                    let to = entry.clone();
                    view! {
                        <li id=format!("found-{i}") role="option" aria-selected=move || (chosen.get() == i).to_string() on:click=move |_| take(to.clone())>
                            <b>{entry.name}</b><span class="t3">{entry.about}</span><span class="chip">{entry.kind}</span>
                        </li>
                    }
                }).collect_view()}
            </ul>
            {move || { let name = nearest.get(); (!name.is_empty()).then(|| view! { <p class="none">"Nothing is called that. Nearest: "<code>{name}</code>"."</p> }) }}
        </dialog>
    }
}

/// `kind<tab>name<tab>about<tab>address`, a line each.
fn read(lines: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let mut parts = line.split('\t').map(str::to_owned);
        let (kind, name, about) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Entry { kind, name, about, to: To::Page(parts.next()?) })
    };
    lines.lines().filter_map(entry).collect()
}

/// How many pairs of neighbouring letters two names share.
fn likeness(a: &str, b: &str) -> usize {
    let pairs = |text: &str| -> Vec<[u8; 2]> {
        text.as_bytes().windows(2).map(|pair| [pair[0], pair[1]]).collect()
    };
    let theirs = pairs(b);
    // A long name shares more by chance.
    let shared = pairs(a).iter().filter(|pair| theirs.contains(pair)).count();
    shared * 100 / (theirs.len() + 4)
}
