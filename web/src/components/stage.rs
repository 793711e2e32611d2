//! The stage: offset ruler, one lane a broker, group tables, legend. The strips are a picture of
//! the tables beside them, which are always in the document.

mod cursor;
mod group;
mod head;
mod lane;
mod legend;
mod narrow;
mod partitions;
mod row;
mod ruler;
mod strip;
mod tables;
mod tip;

use super::icon::Icon;
use super::notices::{tone_class, tone_icon};
use super::rich::rich;
use super::workbench::Panels;
use crate::components::each::{Show, items, text_key};
use crate::dom;
use crate::part::Part;
use crate::store::{Store, part, store};
use cursor::Cursor;
use group::Groups;
use head::StageHead;
use lane::LaneView;
use legend::LegendRow;
use leptos::html::Div;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{Rich, Role, Row, StageLayout};
use narrow::NarrowStage;
use partitions::Partitions;
use ruler::Ruler;
use std::sync::Arc;
use strip::Strip;
use tables::StageTables;
use tip::Tip;

/// Where strips begin and end inside the chart, in px: the lane's head and the row's label before,
/// the figures after. The same as in stage.css.
const BEFORE_PX: f64 = 244.0;
const BEFORE_SMALL_PX: f64 = 196.0;
const AFTER_PX: f64 = 92.0;

#[component]
pub(crate) fn StagePanel() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let cursor = Cursor::new(store, panels.letters);
    provide_context(cursor);
    let lanes = part(store.stage, |stage| stage.lanes.clone());
    let first = part(store.stage, |stage| stage.axis.first);
    let empty = part(store.stage, |stage| stage.empty.clone());
    let bar = part(store.stage, |stage| stage.bar.clone());
    let groups = part(store.stage, |stage| stage.groups.clone());
    let has_group = move || !groups.with(Vec::is_empty);
    let topic = part(store.stage, |stage| stage.topic.clone());
    let cell_text = part(store.stage, |stage| stage.cell_text);

    // Cells are as wide as their text asks for.
    let longest = part(store.stage, |stage| {
        stage
            .rows()
            .filter(|row| row.role == Role::Leader)
            .flat_map(|row| &row.batches)
            .flat_map(|batch| batch.cells.iter())
            .map(|cell| cell.label.chars().count())
            .max()
            .unwrap_or_default()
    });
    let small = dom::media("(max-width: 1199px)");
    let cell_px = Part::new(move |old: Option<&(f64, _)>| {
        let of = (topic.get(), cell_text.get());
        let asked = match longest.get() {
            0..=4 if panels.narrow.get() => 22.0,
            0..=4 if small.get() => 21.0,
            0..=4 => 26.0,
            5 => 33.0,
            6 => 39.0,
            _ => 51.0,
        };
        // A little narrower is not worth a jump; much narrower shows twice the records.
        match old {
            Some((width, before)) if *before == of && asked > width * 0.7 => (width.max(asked), of),
            _ => (asked, of),
        }
    });
    let cell_px = Part::new(move |_| cell_px.get().0);

    let chart = NodeRef::<Div>::new();
    let (width, set_width) = signal(0.0);
    Effect::new(move |_| {
        if let Some(chart) = chart.get() {
            dom::on_resize(&chart, move |px| {
                let _ = set_width.try_set(px);
            });
        }
    });
    // The engine is told how many cells fit, and sends those.
    let fits = Part::new(move |_| {
        let before = if panels.narrow.get() {
            0.0
        } else if small.get() {
            BEFORE_SMALL_PX
        } else {
            BEFORE_PX
        };
        let after = if panels.narrow.get() { 28.0 } else { AFTER_PX };
        let room = width.get() - before - after;
        (width.get() > 0.0).then(|| (room / cell_px.get()).floor().clamp(4.0, 400.0) as u32)
    });
    let shown = part(store.stage, |stage| stage.axis.cells);
    Effect::new(move |_| {
        // Another level begins with a window of its own.
        shown.track();
        if let Some(cells) = fits.get() {
            let axis = store.stage.with_untracked(|stage| stage.axis);
            if axis.cells != cells {
                store.send(Event::Axis {
                    first: (!axis.follow && axis.end > 0).then_some(axis.first),
                    cells,
                });
            }
        }
    });
    let table = move || panels.table.get();
    let by_partitions = part(store.stage, |stage| stage.layout == StageLayout::Partitions);
    let left_out = part(store.stage, |stage| stage.left_out.clone());
    let long = move || cell_px.get() >= 39.0;
    view! {
        <section class="stage" id="stage" tabindex="-1" aria-label="Cluster" on:keydown=move |event| cursor.key(&event)>
            <StageHead/>
            {move || bar.get().map(|bar| view! {
                <div class=format!("msg stage-bar {}", tone_class(bar.tone))>
                    <Icon name=tone_icon(bar.tone)/>
                    <span>{rich(&bar.text)}</span>
                </div>
            })}
            <div class="chart" node_ref=chart class:as-table=table class:long=long
                style:--cell-w=move || format!("{}px", cell_px.get())
                style:--first=move || first.get().to_string()
                on:click=move |event| cursor.click(&event)>
                <Show when=move || panels.narrow.get() && !table()>
                    <NarrowStage/>
                </Show>
                <Show when=move || !panels.narrow.get() && !table()>
                    <Ruler/>
                    <div class="lanes" aria-hidden="true">
                        <Show when=move || by_partitions.get()>
                            <Partitions/>
                        </Show>
                        <Show when=move || !by_partitions.get()>
                            {items(lanes, |lane| u64::from(lane.broker.unsigned_abs()), move |lane| view! { <LaneView lane=lane/> }.into_any())}
                        </Show>
                    </div>
                    {move || { let words = left_out.get(); (!words.is_empty()).then(|| view! { <p class="left-out">{rich(&Rich::parse(&words))}</p> }) }}
                </Show>
                {move || empty.get().map(|act| {
                    let line = act.line.clone();
                    view! {
                        <div class="msg stage-empty">
                            <Icon name="stage"/>
                            <span>
                                {act.label}" "<code>{act.line}</code>" "
                                <button class="link" on:click=move |_| { store.send(Event::PutIn(line.clone())); panels.show_terminal(); }>"Put it in"</button>
                            </span>
                        </div>
                    }
                })}
                <StageTables/>
                <Show when=has_group>
                    <Groups/>
                </Show>
            </div>
            <LegendRow/>
            <Tip/>
        </section>
    }
}

/// What makes a row the same row.
fn row_key(row: &Row) -> u64 {
    text_key(&row.topic)
        .wrapping_add(u64::from(row.partition.unsigned_abs()) << 16)
        .wrapping_add(u64::from(row.broker.unsigned_abs()))
}

/// Strips inside the prose and on Home: leaders only, from offset 0 on, as wide as they are.
pub(crate) fn small_strips(rows: &[Arc<Row>]) -> AnyView {
    let longest = rows
        .iter()
        .flat_map(|row| &row.batches)
        .flat_map(|batch| batch.cells.iter())
        .map(|cell| cell.label.chars().count())
        .max()
        .unwrap_or_default();
    let cell_px = match longest {
        0..=4 => 26,
        5..=6 => 38,
        _ => 60,
    };
    view! {
        <div class="strips" style:--cell-w=format!("{cell_px}px") style:--first="0" tabindex="0" role="group" aria-label="Strips">
            {rows.iter().map(|row| {
                let name = row.name();
                let words = format!(": {} records, high watermark {}", row.log_end - row.log_start, row.high_watermark);
                let row = row.clone();
                let row = Part::new(move |_| row.clone());
                view! {
                    <div class="lr row lead">
                        <span class="nm">{name}<span class="sr">{words}</span></span>
                        <Strip row=row/>
                    </div>
                }
            }).collect_view()}
        </div>
    }
    .into_any()
}

/// The strips of the cluster on Home. They stay the same elements while their rows change: a strip
/// made anew in each frame would begin its records' entrance each time and never show them.
pub(crate) fn live_strips(rows: Part<Vec<Arc<Row>>>, first: Part<i64>) -> AnyView {
    let strip = |row: Part<Arc<Row>>| {
        let name = row.with_untracked(|row| row.name());
        let words = move || {
            row.with(|row| {
                let records = row.log_end - row.log_start;
                format!(": {records} records, high watermark {}", row.high_watermark)
            })
        };
        view! {
            <div class="lr row lead">
                <span class="nm">{name}<span class="sr">{words}</span></span>
                <Strip row=row/>
            </div>
        }
        .into_any()
    };
    let key = |row: &Arc<Row>| u64::from(row.partition.unsigned_abs());
    view! {
        <div class="strips" style:--cell-w="26px" style:--first=move || first.get().to_string() tabindex="0" role="group" aria-label="Strips">
            {items(rows, key, strip)}
        </div>
    }
    .into_any()
}

/// The strip of the selected replica, over the bytes.
pub(crate) fn small_band(store: Store) -> AnyView {
    let row = part(store.stage, |stage| {
        let at = stage.selected.as_ref()?;
        stage
            .rows()
            .find(|row| {
                row.topic == at.topic && row.partition == at.partition && row.broker == at.broker
            })
            .cloned()
    });
    let first = part(store.stage, |stage| stage.axis.first);
    let shown = Part::new(move |_| row.with(Option::is_some));
    view! {
        <div class="row lead band-s" aria-hidden="true" style:--first=move || first.get().to_string()>
            {move || shown.get().then(|| {
                let row = Part::new(move |old: Option<&Arc<Row>>| row.get().or_else(|| old.cloned()).unwrap_or_default());
                view! { <Strip row=row/> }
            })}
        </div>
    }
    .into_any()
}
