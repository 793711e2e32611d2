//! Group tables, as `kafka-consumer-groups.sh --describe` has them, with positions.

use crate::components::each::{Show, items, text_key};
use crate::components::member;
use crate::components::notices::tone_class;
use crate::components::workbench::Panels;
use crate::part::Part;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::view::{Group, GroupRow};
use std::sync::Arc;

#[component]
pub(super) fn Groups() -> impl IntoView {
    let store = store();
    let groups = part(store.stage, |stage| stage.groups.clone());
    view! {
        {items(groups, |group| text_key(&group.name), move |group| view! { <GroupTable group=group/> }.into_any())}
    }
}

#[component]
pub(super) fn GroupTable(group: Part<Arc<Group>>) -> impl IntoView {
    let panels = expect_context::<Panels>();
    let head = Part::new(move |_| {
        group.with(|group| {
            (
                group.name.clone(),
                group.state.clone(),
                group.tone,
                group.about.clone(),
                group.total_lag,
            )
        })
    });
    let rows = Part::new(move |_| {
        group.with(|group| {
            group.rows.iter().cloned().map(|row| (key(&row), row)).collect::<Vec<_>>()
        })
    });
    view! {
        <section class="group" aria-label=move || format!("Consumer group {}", head.get().0)>
            {move || { let (name, state, tone, about, lag) = head.get(); view! {
                <div class="gh">
                    <h2>{format!("Group {name}")}</h2>
                    <span class=format!("chip {}", tone_class(tone))>{state}</span>
                    <span class="t3 not-s">{about}</span>
                    <span class="grow"></span>
                    <span class="t2">"total lag "<b class="mono">{lag}</b></span>
                </div>
            } }}
            <Show when=move || panels.narrow.get() fallback=move || view! {
                <table class="tbl" aria-label=move || format!("Group {}", head.get().0)>
                    <thead>
                        <tr>
                            <th scope="col">"Member"</th><th scope="col">"Partition"</th>
                            <th scope="col" class="n">"CURRENT-OFFSET"</th><th scope="col" class="n">"position"</th>
                            <th scope="col" class="n">"LOG-END-OFFSET"</th><th scope="col" class="n">"LAG"</th>
                            <th scope="col"><span class="sr">"LAG as a bar"</span></th>
                        </tr>
                    </thead>
                    <tbody>
                        {items(rows, |(key, _)| text_key(key), move |row| view! { <GroupLine row=row/> }.into_any())}
                    </tbody>
                </table>
            }>
                {items(rows, |(key, _)| text_key(key), move |row| view! { <NarrowLine row=row/> }.into_any())}
            </Show>
        </section>
    }
}

/// What makes a line the same line: its partition, or its member without one.
fn key(row: &GroupRow) -> String {
    if row.partition.is_empty() { format!("/{}", row.member) } else { row.partition.clone() }
}

/// A figure, or the `-` that the tool prints.
fn figure(value: Option<i64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[component]
fn GroupLine(row: Part<(String, GroupRow)>) -> impl IntoView {
    let get = move |of: fn(&GroupRow) -> Option<i64>| {
        Part::new(move |_| figure(row.with(|(_, row)| of(row))))
    };
    let member = Part::new(move |_| row.with(|(_, row)| (row.mark, row.member.clone())));
    let partition = row.with_untracked(|(_, row)| row.partition.clone());
    let title = partition.clone();
    let (current, position) = (get(|row| row.current_offset), get(|row| row.position));
    let (log_end, lag) = (get(|row| row.log_end_offset), get(|row| row.lag));
    let percent = Part::new(move |_| row.with(|(_, row)| row.lag_percent));
    view! {
        <tr>
            <td>{move || { let (mark, name) = member.get(); let (class, name) = if name.is_empty() { ("t3", "nobody".to_owned()) } else { ("mono", name) }; view! {
                {mark.map(member::badge)}" "
                <span class=class>{name}</span>
            } }}</td>
            <td><span class="nm" title=title>{partition}</span></td>
            <td class="n">{move || current.get()}</td>
            <td class="n">{move || position.get()}</td>
            <td class="n">{move || log_end.get()}</td>
            <td class="n"><b>{move || lag.get()}</b></td>
            <td><span class=move || format!("lagbar {}", member::class(member.get().0)) style:--l=move || percent.get().to_string()><b></b></span></td>
        </tr>
    }
}

#[component]
fn NarrowLine(row: Part<(String, GroupRow)>) -> impl IntoView {
    view! {
        <div class="mm">
            {move || { let (_, row) = row.get(); view! {
                {row.mark.map(member::badge)}
                <span class="mono">{if row.member.is_empty() { "nobody".to_owned() } else { row.member.clone() }}</span>
                <span class="t3">{if row.partition.is_empty() { "reads nothing".to_owned() } else { format!("reads {}", row.partition) }}</span>
                <span class="grow"></span>
                <span class="mono">{format!("{} of {}", figure(row.current_offset), figure(row.log_end_offset))}</span>
                <b class="mono">{format!("lag {}", figure(row.lag))}</b>
            } }}
        </div>
    }
}
