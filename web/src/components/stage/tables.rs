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
use logbrook_session::view::{Row, Up};
use std::sync::Arc;

#[component]
pub(super) fn StageTables() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let rows = part(store.stage, |stage| {
        stage
            .lanes
            .iter()
            .flat_map(|lane| lane.rows.iter().map(|row| (row.clone(), lane.up)))
            .collect::<Vec<_>>()
    });
    let any = move || !rows.with(Vec::is_empty);
    view! {
        <div class="tables" class:sr=move || !panels.table.get()>
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
