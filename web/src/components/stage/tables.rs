//! The stage as tables: replicas, then the records of the window. Always in the document; seen
//! when *Table* is on. The element in focus on the stage is a cell of the second table, and the
//! strip rings it.

use super::cursor::Cursor;
use super::row::role_words;
use crate::components::each::{Show, items};
use crate::components::stage::row_key;
use crate::components::workbench::Panels;
use crate::part::Part;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{InSync, Lane, PartitionLine, ReplicaMark, Row, Up};
use std::sync::Arc;

#[component]
pub(super) fn StageTables() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let rows = part(store.stage, |stage| {
        stage.rows().map(|row| (row.clone(), stage.up(row.broker))).collect::<Vec<_>>()
    });
    let lanes = part(store.stage, |stage| stage.lanes.clone());
    let several =
        move || lanes.with(|lanes| lanes.len() > 1 || lanes.iter().any(|l| !l.acts.is_empty()));
    let lines = part(store.stage, |stage| stage.partitions.clone());
    let by_partitions = move || !lines.with(Vec::is_empty);
    let any = move || !rows.with(Vec::is_empty);
    view! {
        <div class="tables" class:sr=move || !panels.table.get()>
            <Show when=several>
                <table class="tbl">
                    <caption>"Brokers"</caption>
                    <thead><tr><th scope="col">"Broker"</th><th scope="col">"State"</th><th scope="col">"What can be done"</th></tr></thead>
                    <tbody>
                        {items(lanes, |lane| u64::from(lane.broker.unsigned_abs()), move |lane| view! { <BrokerLine lane=lane/> }.into_any())}
                    </tbody>
                </table>
            </Show>
            <Show when=by_partitions>
                <table class="tbl">
                    <caption>"Partitions"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Partition"</th><th scope="col">"Leader"</th><th scope="col">"Replicas"</th>
                            <th scope="col">"In sync"</th><th scope="col" class="n">"HW"</th><th scope="col" class="n">"LEO"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {items(lines, |line| u64::from(line.partition.unsigned_abs()), move |line| view! { <PartitionRow line=line/> }.into_any())}
                    </tbody>
                </table>
            </Show>
            <Show when=any>
                <table class="tbl">
                    <caption>"Replicas"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Replica"</th><th scope="col">"Role"</th>
                            <th scope="col" class="n">"Log start"</th><th scope="col" class="n">"HW"</th><th scope="col" class="n">"LEO"</th>
                            <th scope="col">"Differs"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {items(rows, |(row, _)| row_key(row), move |row| view! { <ReplicaLine row=row/> }.into_any())}
                    </tbody>
                </table>
                <table class="tbl cells">
                    <caption>"Records"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Replica"</th><th scope="col" class="n">"Offset"</th>
                            <th scope="col">"State"</th><th scope="col">"Record"</th>
                        </tr>
                    </thead>
                    {items(rows, |(row, _)| row_key(row), move |row| view! { <Records row=row/> }.into_any())}
                </table>
            </Show>
        </div>
    }
}

#[component]
fn BrokerLine(lane: Part<Arc<Lane>>) -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    view! {
        <tr>{move || {
            let lane = lane.get();
            let since = lane.since.map(|since| format!(" since {since}")).unwrap_or_default();
            // Behind the picture nothing takes the focus unseen.
            let seen = panels.table.get();
            view! {
                <th scope="row">{format!("Broker {}", lane.broker)}</th>
                <td>{up_word(lane.up)}{format!("{}{since}", lane.status)}</td>
                <td class="acts-c">{lane.acts.iter().chain(&lane.more).map(|act| {
                    let line = act.line.clone();
                    view! {
                        <button class="b" tabindex=if seen { "0" } else { "-1" } on:click=move |_| store.send(Event::Act(line.clone()))>{act.label.clone()}</button>
                    }
                }).collect_view()}</td>
            }
        }}</tr>
    }
}

fn up_word(up: Up) -> &'static str {
    match up {
        Up::Up => "up, ",
        Up::Down => "down, ",
        Up::Fenced | Up::Cut | Up::Slow | Up::Paused => "runs, ",
    }
}

#[component]
fn PartitionRow(line: Part<Arc<PartitionLine>>) -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    view! {
        <tr>{move || {
            let line = line.get();
            let (partition, open) = (line.partition, line.open);
            let list = |of: &dyn Fn(&ReplicaMark) -> bool| {
                let of: Vec<String> = line.replicas.iter().filter(|r| of(r)).map(|r| r.broker.to_string()).collect();
                if of.is_empty() { "none".to_owned() } else { of.join(", ") }
            };
            view! {
                <th scope="row" class="mono">
                    <button class="bare" tabindex=if panels.table.get() { "0" } else { "-1" } aria-expanded=open.to_string()
                        on:click=move |_| store.send(Event::OpenPartition { partition, open: !open })>{format!("{}-{partition}", line.topic)}</button>
                </th>
                <td>{line.leader.map_or_else(|| "none".to_owned(), |leader| format!("broker {leader}, epoch {}", line.leader_epoch))}</td>
                <td>{list(&|_| true)}</td>
                <td>{list(&|replica| replica.in_sync == InSync::In)}</td>
                <td class="n">{line.high_watermark}</td>
                <td class="n">{line.log_end}</td>
            }
        }}</tr>
    }
}

#[component]
fn ReplicaLine(row: Part<(Arc<Row>, Up)>) -> impl IntoView {
    view! {
        <tr>{move || {
            let (row, up) = row.get();
            let role = match up {
                Up::Down => format!("down, {}", role_words((row.role, row.in_sync)).1),
                _ => format!("{}, epoch {}", role_words((row.role, row.in_sync)).1, row.leader_epoch),
            };
            view! {
                <th scope="row" class="mono">{format!("{} on {}", row.name(), row.broker)}</th>
                <td>{role}</td>
                <td class="n">{row.log_start}</td>
                <td class="n">{row.high_watermark}</td>
                <td class="n">{row.log_end}</td>
                <td>{if row.differs.is_empty() { "none".to_owned() } else { row.differs.clone() }}</td>
            }
        }}</tr>
    }
}

/// The records of one replica.
#[component]
fn Records(row: Part<(Arc<Row>, Up)>) -> impl IntoView {
    let cursor = expect_context::<Cursor>();
    let of = row.with_untracked(|(row, _)| (row.topic.clone(), row.partition, row.broker));
    let name = row.with_untracked(|(row, _)| row.name());
    let replica = row.with_untracked(|(row, _)| format!("{} on {}", row.name(), row.broker));
    let records = Part::new(move |_| {
        row.with(|(row, _)| {
            row.batches
                .iter()
                .flat_map(|batch| {
                    batch.cells.iter().map(|cell| {
                        (cell.offset, batch.state.word(), cell.label.clone(), cell.about.clone())
                    })
                })
                .collect::<Vec<_>>()
        })
    });
    view! {
        <tbody>
            {items(records, |record| record.0.unsigned_abs(), move |record| {
                let offset = record.with_untracked(|record| record.0);
                let at = cursor.of(&of, offset);
                let (select, focused, id) = (at.clone(), at.clone(), at_id(&at));
                view! {
                        <tr>
                            <td class="mono">{replica.clone()}</td>
                            <td class="n">
                                <button class="bare" tabindex=move || if cursor.is_stop(&at) { "0" } else { "-1" }
                                    data-cell=id aria-label=format!("{name} offset {offset}")
                                    on:focus=move |_| cursor.enter(focused.clone())
                                    on:blur=move |_| cursor.leave()
                                    on:click=move |_| cursor.select(select.clone())>{offset}</button>
                            </td>
                            <td>{move || record.with(|record| record.1)}</td>
                            <td>{move || record.with(|(_, _, label, about)| if about.is_empty() { label.clone() } else { about.clone() })}</td>
                        </tr>
                    }.into_any()
            })}
        </tbody>
    }
}

/// The id of a record's element.
pub(super) fn at_id(at: &super::cursor::At) -> String {
    format!("{}-{}-{}-{}", at.topic, at.partition, at.broker, at.offset)
}
