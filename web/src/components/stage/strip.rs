//! A strip: batches as joined cells, the marks over them, the tracks of readers under them.

use crate::components::each::{items, text_key};
use crate::components::icon::Icon;
use crate::components::member;
use crate::part::Part;
use crate::store::store;
use leptos::prelude::*;
use logbrook_session::view::{Batch, BatchState, CellKind, ReadTrack, Row};
use std::sync::Arc;

#[component]
pub(crate) fn Strip(row: Part<Arc<Row>>) -> impl IntoView {
    let of = row.with_untracked(|row| (row.topic.clone(), row.partition, row.broker));
    let (topic, partition, broker) = (of.0.clone(), of.1.to_string(), of.2.to_string());
    let batches = Part::new(move |_| row.with(|row| row.batches.clone()));
    let gone = Part::new(move |_| row.with(|row| row.gone.clone()));
    let epochs = Part::new(move |_| row.with(|row| row.epochs.clone()));
    let tracks = Part::new(move |_| row.with(|row| row.tracks.clone()));
    let hw = Part::new(move |_| row.with(|row| row.high_watermark));
    let end = Part::new(move |_| row.with(|row| row.log_end));
    let lso = Part::new(move |_| {
        row.with(|row| (row.last_stable < row.high_watermark).then_some(row.last_stable))
    });
    let start = Part::new(move |_| row.with(|row| row.log_start));
    view! {
        <div class="strip" data-topic=topic data-partition=partition data-broker=broker>
            <div class="clip">
                {move || (start.get() > 0).then(|| view! {
                    <span class="del" style:--i="0" style:--n=start.get().to_string()></span>
                })}
                {move || gone.get().into_iter().map(|(first, count)| view! {
                    <span class="gone" style:--i=first.to_string() style:--n=count.to_string()></span>
                }).collect_view()}
                {items(batches, |batch| batch.base_offset.unsigned_abs(), move |batch| view! { <BatchView batch=batch of=of.clone()/> }.into_any())}
                {move || (start.get() > 0).then(|| view! { <span class="mk st" style:--i=start.get().to_string()></span> })}
                {move || lso.get().map(|lso| view! {
                    <span class="mk lso" style:--i=lso.to_string()><Icon name="lso"/></span>
                })}
                <span class="mk hw" style:--i=move || hw.get().to_string()><Icon name="level"/></span>
                <span class="mk end" style:--i=move || end.get().to_string()></span>
                {move || epochs.get().into_iter().map(|(offset, epoch)| view! {
                    <span class="ep" style:--i=offset.to_string()>{format!("epoch {epoch}")}</span>
                }).collect_view()}
                {items(tracks, |track| text_key(&track.group), move |track| view! { <TrackView track=track tracks=tracks/> }.into_any())}
            </div>
        </div>
    }
}

#[component]
fn BatchView(batch: Part<Arc<Batch>>, of: (String, i32, i32)) -> impl IntoView {
    let store = store();
    let cells = Part::new(move |_| batch.with(|batch| batch.cells.clone()));
    let state = Part::new(move |_| batch.with(|batch| batch.state));
    let place = batch
        .with_untracked(|batch| (batch.base_offset, batch.last_offset - batch.base_offset + 1));
    let compression = batch.with_untracked(|batch| batch.compression);
    let last = place.0 + place.1 - 1;
    let selected = Part::new(move |_| {
        store.stage.with(|stage| {
            stage
                .selected
                .as_ref()
                .filter(|at| at.topic == of.0 && at.partition == of.1 && at.broker == of.2)
                .and_then(|at| at.offset)
                .filter(|offset| (place.0..=last).contains(offset))
        })
    });
    view! {
        <span class=move || format!("batch {}", state_class(state.get())) class:sel=move || selected.get().is_some()
            style:--i=place.0.to_string() style:--n=place.1.to_string()>
            {move || cells.get().iter().map(|cell| {
                let offset = cell.offset;
                let label = match cell.kind {
                    CellKind::Tombstone => "∅".to_owned(),
                    CellKind::Poison => "!".to_owned(),
                    CellKind::Commit => "C".to_owned(),
                    CellKind::Abort => "A".to_owned(),
                    CellKind::Data => cell.label.clone(),
                };
                view! {
                    <span data-o=offset.to_string() class=kind_class(cell.kind)
                        class:on=move || selected.get() == Some(offset)><i>{label}</i></span>
                }
            }).collect_view()}
            {compression.map(|name| view! { <em>{name}</em> })}
        </span>
    }
}

fn state_class(state: BatchState) -> &'static str {
    match state {
        BatchState::Committed => "",
        BatchState::Uncommitted => "shoal",
        BatchState::Open => "open",
        BatchState::Aborted => "aborted",
        BatchState::Control => "ctl",
        BatchState::Lost => "lost",
    }
}

fn kind_class(kind: CellKind) -> &'static str {
    match kind {
        CellKind::Tombstone => "tomb",
        CellKind::Poison => "bad",
        CellKind::Data | CellKind::Commit | CellKind::Abort => "",
    }
}

#[component]
fn TrackView(track: Part<ReadTrack>, tracks: Part<Vec<ReadTrack>>) -> impl IntoView {
    let place = move || {
        tracks
            .with(|all| all.iter().position(|other| track.with(|track| track.group == other.group)))
            .unwrap_or_default()
    };
    let committed = move || track.with(|track| track.committed.unwrap_or_default());
    let position =
        move || track.with(|track| track.position.or(track.committed).unwrap_or_default());
    let mark = Part::new(move |_| track.with(|track| track.member));
    view! {
        <span class=move || format!("gt {}", member::class(mark.get()))
            style:--com=move || committed().to_string()
            style:--pos=move || position().max(committed()).to_string()
            style:--end=move || track.with(|track| track.end).to_string()
            style:--row=move || place().to_string()>
            <b></b><i></i>
            {move || track.with(|track| track.committed.is_some()).then(|| view! { <span class="com"></span> })}
            {move || mark.get().map(member::badge)}
        </span>
    }
}
