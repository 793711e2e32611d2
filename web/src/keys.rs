//! Keys of the workbench. Single letters act outside text fields only (WCAG 2.1.4), and can be
//! switched off in the list of keys.

use crate::components::workbench::Panels;
use crate::dom;
use crate::store::Store;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{GoalStatus, InspectorTab};
use wasm_bindgen::JsCast;

/// What the list of keys shows: keys, and what they do.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("Space", "play or pause"),
    ("Left, Right", "one event back, one on"),
    ("Home, End", "start, latest"),
    ("[ , ]", "show the moment of the previous, next failed goal"),
    ("M", "show the moment of the first failed goal"),
    ("1 to 5", "go to task, stage, inspector, timeline, terminal"),
    ("F6", "next panel"),
    ("`", "terminal"),
    ("\\", "inspector on or off"),
    ("arrows on the stage", "record, replica"),
    ("K, S, X", "on a broker's record: kill, stop or start, cut from the others"),
    ("Enter, Esc", "inspect, back out"),
    ("T", "stage as a table"),
    ("B", "bytes of the selection"),
    ("R, G", "start over, check"),
    ("H", "next hint"),
    ("P", "next question"),
    ("?", "this list"),
    ("in the terminal: Tab", "take the completion"),
    ("in the terminal: Up, Down", "history"),
    ("in the terminal: Ctrl C, Ctrl D, Ctrl L", "interrupt, end of input, clear"),
    ("in the terminal: Esc", "leave the field"),
];

/// The panels in the order of the focus.
const PANELS: [&str; 5] = ["#task", "#stage", "#look", "#time", "#dock"];

/// Whether the event comes from where letters are text.
fn in_text(event: &web_sys::KeyboardEvent) -> bool {
    dom::closest(event, "input:not([type=radio]), textarea, select, [contenteditable]").is_some()
}

/// Whether the key is the element's own: a button takes Space and Enter, the stage takes arrows.
fn taken(event: &web_sys::KeyboardEvent, key: &str) -> bool {
    match key {
        " " | "Enter" => {
            dom::closest(event, "button, a, summary, [role=tab], label, input").is_some()
        }
        "ArrowLeft" | "ArrowRight" | "Home" | "End" => dom::closest(
            event,
            "[role=grid], [role=tablist], [role=radiogroup], input, .cells, .tree, [role=group]",
        )
        .is_some(),
        _ => false,
    }
}

/// Acts on a key; says whether it did.
pub(crate) fn workbench(store: Store, panels: Panels, event: &web_sys::KeyboardEvent) -> bool {
    // The list of keys is a dialog: the browser closes it, and nothing behind it acts.
    if panels.keys.get_untracked() {
        return false;
    }
    if event.default_prevented() || event.ctrl_key() || event.alt_key() || event.meta_key() {
        return false;
    }
    let key = event.key();
    if key == "F6" {
        next_panel(event.shift_key());
        return true;
    }
    if in_text(event) || taken(event, &key) || !panels.letters.get_untracked() {
        return false;
    }
    let can = store.timeline.with_untracked(|timeline| timeline.can);
    match key.as_str() {
        " " if can.play => {
            let playing = store.timeline.with_untracked(|timeline| timeline.playing);
            store.send(if playing { Event::Pause } else { Event::Play });
        }
        "ArrowRight" if can.step => store.send(Event::Step { forward: true }),
        "ArrowLeft" if can.back => store.send(Event::Step { forward: false }),
        "Home" if can.back => store.send(Event::SeekEvent(0)),
        "End" if can.back => store.send(Event::Latest),
        "]" => failed_goal(store, panels, true),
        "[" => failed_goal(store, panels, false),
        "m" | "M" => {
            panels.failed.set(None);
            failed_goal(store, panels, true);
        }
        "1" => dom::focus(PANELS[0]),
        "2" => panels.show_stage(),
        "3" => dom::focus(PANELS[2]),
        "4" => dom::focus(PANELS[3]),
        "5" | "`" => panels.show_terminal(),
        "\\" => panels.inspector.update(|open| *open = !*open),
        "t" | "T" => panels.table.update(|on| *on = !*on),
        "b" | "B" => {
            let has = store
                .inspector
                .with_untracked(|look| look.as_ref().is_some_and(|look| look.bytes.is_some()));
            if has {
                store.send(Event::Inspect(InspectorTab::Bytes));
                panels.bytes.update(|open| *open = !*open);
            }
        }
        "r" | "R" => store.send(Event::StartOver),
        "g" | "G" => {
            if store
                .task
                .with_untracked(|task| task.as_ref().is_some_and(|task| task.check.is_some()))
            {
                store.send(Event::Check);
            }
        }
        "h" | "H" => store.send(Event::OpenHint),
        "p" | "P" => dom::focus(".pred input, .pred button"),
        "?" => panels.keys.set(true),
        "Escape" => {
            if panels.bytes.get_untracked() {
                panels.bytes.set(false);
            } else if store.inspector.with_untracked(Option::is_some) {
                store.send(Event::Deselect);
            } else {
                return false;
            }
        }
        _ => return false,
    }
    true
}

/// Puts the focus on the next panel, or the one before.
fn next_panel(back: bool) {
    let document = document();
    let active = document.active_element();
    let at = PANELS.iter().position(|panel| {
        let panel = document.query_selector(panel).ok().flatten();
        panel.is_some_and(|panel| {
            panel.contains(active.as_ref().map(|node| node.unchecked_ref::<web_sys::Node>()))
        })
    });
    let len = PANELS.len();
    let step = if back { len - 1 } else { 1 };
    let mut next = at.map_or(0, |at| (at + step) % len);
    // A panel that is not drawn is passed over.
    for _ in 0..len {
        dom::focus(PANELS[next]);
        if document.active_element() != active {
            break;
        }
        next = (next + step) % len;
    }
}

/// Shows the moment of the next failed goal, or the one before.
fn failed_goal(store: Store, panels: Panels, forward: bool) {
    let failed: Vec<String> = store.task.with_untracked(|task| {
        task.iter()
            .flat_map(|task| &task.goals)
            .filter(|goal| goal.status == GoalStatus::Fails && goal.moment.is_some())
            .map(|goal| goal.id.clone())
            .collect()
    });
    if failed.is_empty() {
        return;
    }
    let at =
        panels.failed.get_untracked().and_then(|id| failed.iter().position(|goal| *goal == id));
    let next = match (at, forward) {
        (None, true) => 0,
        (None, false) => failed.len() - 1,
        (Some(at), true) => (at + 1) % failed.len(),
        (Some(at), false) => (at + failed.len() - 1) % failed.len(),
    };
    panels.failed.set(Some(failed[next].clone()));
    store.send(Event::ShowMoment(failed[next].clone()));
}
