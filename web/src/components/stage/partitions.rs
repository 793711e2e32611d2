//! The stage by partitions: a line each, with its leader's strip, and all its replicas where it is
//! opened. Where there are very many, a bar says how full each is.

use super::row::{RowView, role_words};
use super::row_key;
use crate::components::each::{Show, items};
use crate::components::icon::Icon;
use crate::part::Part;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{PartitionLine, ReplicaMark, Role, Up};
use std::sync::Arc;

#[component]
pub(super) fn Partitions() -> impl IntoView {
    let store = store();
    let lines = part(store.stage, |stage| stage.partitions.clone());
    let key = |line: &Arc<PartitionLine>| u64::from(line.partition.unsigned_abs());
    view! {
        <div class="plines">
            {items(lines, key, move |line| view! { <Line line=line/> }.into_any())}
        </div>
    }
}

#[component]
fn Line(line: Part<Arc<PartitionLine>>) -> impl IntoView {
    let store = store();
    let partition = line.with_untracked(|line| line.partition);
    let name = line.with_untracked(|line| (line.topic.clone(), format!("-{}", line.partition)));
    let open = Part::new(move |_| line.with(|line| line.open));
    let rows = Part::new(move |_| line.with(|line| line.rows.clone()));
    let replicas = Part::new(move |_| line.with(|line| line.replicas.clone()));
    let has_rows = move || !rows.with(Vec::is_empty);
    let leader = Part::new(move |_| line.with(|line| (line.leader, line.leader_epoch)));
    view! {
        <div class="pline" class:open=move || open.get()>
            <div class="pl-h">
                <button class="bare pl-n" tabindex="-1" title="Its replicas"
                    on:click=move |_| store.send(Event::OpenPartition { partition, open: !open.get_untracked() })>
                    {move || view! { <Icon name=if open.get() { "downc" } else { "right" } small=true/> }}
                    <b class="nm"><span>{name.0}</span>{name.1}</b>
                </button>
                <span class="rms">{move || replicas.get().into_iter().map(replica_mark).collect_view()}</span>
                <span class="t3 pl-e">{move || match leader.get() {
                    (Some(_), epoch) => format!("epoch {epoch}"),
                    (None, _) => "no leader".to_owned(),
                }}</span>
            </div>
            <Show when=has_rows fallback=move || view! { <Bar line=line/> }>
                <div class="rows">
                    {items(rows, |row| row_key(row), move |row| view! { <RowView row=row by_broker=true/> }.into_any())}
                </div>
            </Show>
        </div>
    }
}

/// A replica as a sign: the broker's number; the leader's is filled, one that is out is struck.
fn replica_mark(mark: ReplicaMark) -> AnyView {
    let (icon, words) = role_words((mark.role, mark.in_sync));
    let state = if mark.up == Up::Down { ", down" } else { "" };
    view! {
        <span class="rm" class:leads=mark.role == Role::Leader class:out=icon == "outsync" class:dead=mark.up == Up::Down
            title=format!("broker {}: {words}{state}", mark.broker)>
            <Icon name=icon small=true/>{mark.broker}
        </span>
    }
    .into_any()
}

/// How full a partition is beside the fullest.
#[component]
fn Bar(line: Part<Arc<PartitionLine>>) -> impl IntoView {
    let store = store();
    let end = part(store.stage, |stage| stage.axis.end.max(1));
    let percent = move |of: fn(&PartitionLine) -> i64| {
        let value = line.with(|line| of(line));
        format!("{}%", 100.0 * value as f64 / end.get() as f64)
    };
    let marks = move || line.with(|line| (line.high_watermark, line.log_end));
    view! {
        <div class="pbar-w">
            <span class="pbar" style:--s=move || percent(|line| line.log_start)
                style:--w=move || percent(|line| line.high_watermark)
                style:--e=move || percent(|line| line.log_end)><i></i><b></b></span>
            <div class="rt">
                <span>"HW "<b>{move || marks().0}</b></span>
                <span>"LEO "<b>{move || marks().1}</b></span>
            </div>
        </div>
    }
}
