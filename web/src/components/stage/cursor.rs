//! Which record the stage's keyboard is on. One tab stop: arrows move, Enter inspects.

use super::tables::at_id;
use crate::dom;
use crate::part::Part;
use crate::store::Store;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::Row;
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// A record on a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) broker: i32,
    pub(crate) offset: i64,
}

/// The stage's keyboard.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    store: Store,
    at: RwSignal<Option<At>>,
    /// Whether the focus is there now: then the strip rings it.
    on: RwSignal<bool>,
    /// Whether single letters act.
    letters: RwSignal<bool>,
    /// The tab stop: where the cursor is, else the first record of the stage.
    stop: Part<Option<At>>,
}

impl Cursor {
    pub(super) fn new(store: Store, letters: RwSignal<bool>) -> Cursor {
        let at = RwSignal::new(None::<At>);
        let stop = Part::new(move |_| {
            store.stage.with(|stage| {
                let rows = || stage.rows();
                let here = at.get().filter(|at| rows().any(|row| holds(row, at)));
                here.or_else(|| {
                    rows().find_map(|row| {
                        let cell = row.batches.first()?.cells.first()?;
                        Some(at_of(row, cell.offset))
                    })
                })
            })
        });
        Cursor { store, at, on: RwSignal::new(false), letters, stop }
    }

    pub(super) fn of(&self, row: &(String, i32, i32), offset: i64) -> At {
        At { topic: row.0.clone(), partition: row.1, broker: row.2, offset }
    }

    pub(super) fn is_stop(&self, at: &At) -> bool {
        self.stop.with(|stop| stop.as_ref() == Some(at))
    }

    /// The record that is ringed, while the keyboard is on the stage.
    pub(super) fn ring(&self) -> Option<At> {
        self.on.get().then(|| self.at.get()).flatten()
    }

    pub(super) fn enter(&self, at: At) {
        self.at.set(Some(at));
        self.on.set(true);
    }

    pub(super) fn leave(&self) {
        // The focus also leaves when the stage goes, and the signal with it.
        let _ = self.on.try_set(false);
    }

    pub(super) fn select(&self, at: At) {
        self.store.send(Event::Select {
            topic: at.topic,
            partition: at.partition,
            broker: at.broker,
            offset: Some(at.offset),
        });
    }

    /// A click on a strip selects the record under it, or the replica.
    pub(super) fn click(&self, event: &web_sys::MouseEvent) {
        let Some(strip) = dom::closest(event, ".strip") else { return };
        let Some((topic, partition, broker)) = replica(&strip) else { return };
        let offset = dom::closest(event, "[data-o]").and_then(|cell| dom::data(&cell, "data-o"));
        if let Some(offset) = offset {
            self.at.set(Some(At { topic: topic.clone(), partition, broker, offset }));
        }
        self.store.send(Event::Select { topic, partition, broker, offset });
    }

    /// Kill, stop or start, cut: what the letter stands for, if the level lets it be done.
    fn fault(&self, at: &At, key: &str) -> bool {
        let verbs = verbs(key);
        if verbs.is_empty() || !self.letters.get_untracked() {
            return false;
        }
        let line = self.store.stage.with_untracked(|stage| {
            let lane = stage.lanes.iter().find(|lane| lane.broker == at.broker)?;
            let acts = || lane.acts.iter().chain(&lane.more);
            verbs
                .iter()
                .find_map(|verb| acts().find(|act| act.line.starts_with(verb)))
                .map(|act| act.line.clone())
        });
        let does = line.is_some();
        if let Some(line) = line {
            self.store.send(Event::Act(line));
        }
        does
    }

    /// Arrows on the stage.
    pub(super) fn key(&self, event: &web_sys::KeyboardEvent) {
        let from_cells = dom::closest(event, ".cells").is_some();
        let on_panel = dom::closest(event, "#stage").is_some_and(|stage| {
            event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
                == Some(stage)
        });
        if event.default_prevented()
            || !(from_cells || on_panel)
            || event.ctrl_key()
            || event.alt_key()
            || event.meta_key()
        {
            return;
        }
        let Some(at) = self.stop.get_untracked() else { return };
        if self.fault(&at, &event.key()) {
            event.prevent_default();
            event.stop_propagation();
            return;
        }
        let to = self.store.stage.with_untracked(|stage| {
            let rows: Vec<&Arc<Row>> = stage.rows().collect();
            let here = rows.iter().position(|row| same(row, &at))?;
            match event.key().as_str() {
                "ArrowRight" => next(rows[here], at.offset, true),
                "ArrowLeft" => next(rows[here], at.offset, false),
                "Home" => offsets(rows[here]).next().map(|offset| at_of(rows[here], offset)),
                "End" => offsets(rows[here]).last().map(|offset| at_of(rows[here], offset)),
                "ArrowDown" => rows[here + 1..].iter().find_map(|row| nearest(row, at.offset)),
                "ArrowUp" => rows[..here].iter().rev().find_map(|row| nearest(row, at.offset)),
                _ => None,
            }
        });
        if let Some(to) = to {
            event.prevent_default();
            event.stop_propagation();
            self.at.set(Some(to.clone()));
            request_animation_frame(move || dom::focus(&format!("[data-cell=\"{}\"]", at_id(&to))));
        }
    }
}

/// The verbs that a letter stands for, on the broker whose record has the focus.
fn verbs(key: &str) -> &'static [&'static str] {
    match key {
        "k" | "K" => &["@kill "],
        "s" | "S" => &["@start ", "@term "],
        "x" | "X" => &["@cut ", "@heal"],
        _ => &[],
    }
}

/// Which replica a strip is of.
pub(super) fn replica(strip: &web_sys::Element) -> Option<(String, i32, i32)> {
    Some((
        strip.get_attribute("data-topic")?,
        dom::data(strip, "data-partition")?,
        dom::data(strip, "data-broker")?,
    ))
}

fn at_of(row: &Row, offset: i64) -> At {
    At { topic: row.topic.clone(), partition: row.partition, broker: row.broker, offset }
}

fn same(row: &Row, at: &At) -> bool {
    row.topic == at.topic && row.partition == at.partition && row.broker == at.broker
}

fn holds(row: &Row, at: &At) -> bool {
    same(row, at) && offsets(row).any(|offset| offset == at.offset)
}

fn offsets(row: &Row) -> impl DoubleEndedIterator<Item = i64> + '_ {
    row.batches.iter().flat_map(|batch| batch.cells.iter().map(|cell| cell.offset))
}

fn next(row: &Row, from: i64, forward: bool) -> Option<At> {
    let offset = if forward {
        offsets(row).find(|offset| *offset > from)
    } else {
        offsets(row).rev().find(|offset| *offset < from)
    };
    offset.map(|offset| at_of(row, offset))
}

fn nearest(row: &Row, to: i64) -> Option<At> {
    offsets(row).min_by_key(|offset| (offset - to).abs()).map(|offset| at_of(row, offset))
}
