//! The stage where there is room for one partition: its replicas under each other.

use super::head::{Pan, TopicPick};
use super::lane::led;
use super::row::role_words;
use super::ruler::Ruler;
use super::strip::Strip;
use crate::components::each::{Show, items};
use crate::components::icon::Icon;
use crate::components::rich::rich;
use crate::components::stage::row_key;
use crate::components::workbench::Panels;
use crate::part::Part;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{GoalStatus, Role, Row, Up};
use std::sync::Arc;

/// So many partitions have a button each.
const FEW: i32 = 5;

#[component]
pub(super) fn NarrowStage() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let chosen = RwSignal::new(0);
    let partitions = part(store.stage, |stage| {
        let topic = stage.topics.iter().find(|topic| Some(&topic.name) == stage.topic.as_ref());
        topic.map_or(0, |topic| i32::try_from(topic.partitions).unwrap_or(i32::MAX))
    });
    // One partition with all its replicas: the engine is asked for it where it draws not all.
    let drawn = Part::new(move |_| {
        let partition = chosen.get();
        store.stage.with(|stage| {
            let any = stage.rows().any(|row| row.partition == partition);
            let line = stage.partitions.iter().find(|line| line.partition == partition);
            stage.topic.is_none() || line.map_or(any, |line| line.open)
        })
    });
    Effect::new(move |_| {
        let partition = chosen.get();
        if !drawn.get() {
            store.send(Event::OpenPartition { partition, open: true });
        }
    });
    // Where the window begins after this partition's end there would be nothing to see.
    Effect::new(move |old: Option<i32>| {
        let partition = chosen.get();
        if old.is_some_and(|old| old != partition) {
            let (axis, end) = store.stage.with_untracked(|stage| {
                let rows = stage.rows().filter(|row| row.partition == partition);
                (stage.axis, rows.map(|row| row.log_end).max().unwrap_or_default())
            });
            if end > 0 && end <= axis.first {
                let first = (end + 1 - i64::from(axis.cells)).max(0) / 5 * 5;
                store.send(Event::Axis { first: Some(first), cells: axis.cells });
            }
        }
        partition
    });
    let rows = Part::new(move |_| {
        let partition = chosen.get();
        store.stage.with(|stage| {
            let rows = stage.rows().filter(|row| row.partition == partition);
            rows.map(|row| (row.clone(), stage.up(row.broker))).collect::<Vec<_>>()
        })
    });
    let few = move || (2..=FEW).contains(&partitions.get());
    let many = move || partitions.get() > FEW;
    let failed = part(store.task, |task| {
        task.as_ref().and_then(|task| {
            task.goals.iter().find(|goal| goal.status == GoalStatus::Fails).cloned()
        })
    });
    view! {
        {move || failed.get().map(|goal| {
            let id = goal.id.clone();
            view! {
                <div class="m-goal">
                    <Icon name="cross" class="fail"/>
                    <div>
                        <p><b>{rich(&goal.sentence)}</b></p>
                        <p class="why">{rich(&goal.evidence)}</p>
                        {goal.moment.map(|moment| view! {
                            <button class="b b-mark" on:click=move |_| store.send(Event::ShowMoment(id.clone()))>
                                <Icon name="aim"/>"Show the moment "<span class="mono">{moment.time.to_string()}</span>
                            </button>
                        })}
                    </div>
                </div>
            }
        })}
        <div class="m-pick">
            <TopicPick/>
            <Show when=few>
                <div class="seg" role="group" aria-label="Partition">
                    {move || (0..partitions.get()).map(|partition| view! {
                        <button aria-pressed=move || (chosen.get() == partition).to_string() on:click=move |_| chosen.set(partition)>{partition}</button>
                    }).collect_view()}
                </div>
            </Show>
            <Show when=many>
                <label class="pick">
                    <span class="sr">"Partition"</span>
                    <select on:change=move |event| if let Ok(partition) = event_target_value(&event).parse() { chosen.set(partition) }>
                        {move || (0..partitions.get()).map(|partition| view! {
                            <option value=partition.to_string() selected=move || chosen.get() == partition>{partition}</option>
                        }).collect_view()}
                    </select>
                    <Icon name="downc" small=true/>
                </label>
            </Show>
            <span class="grow"></span>
            <Pan/>
            <button class="b b-icon" aria-label="As a table" on:click=move |_| panels.table.set(true)><Icon name="menu"/></button>
        </div>
        <div class="m-rows" aria-hidden="true">
            <Show when=move || !rows.with(Vec::is_empty)>
                <Ruler/>
            </Show>
            {items(rows, |(row, _)| row_key(row), move |row| view! { <NarrowRow row=row/> }.into_any())}
        </div>
    }
}

#[component]
fn NarrowRow(row: Part<(Arc<Row>, Up)>) -> impl IntoView {
    let strip = Part::new(move |_| row.with(|(row, _)| row.clone()));
    let down = Part::new(move |_| row.with(|(_, up)| *up == Up::Down));
    view! {
        <div class="mrow" class:down=move || down.get()>
            {move || { let (row, up) = row.get(); let (icon, words) = role_words((row.role, row.in_sync)); let leads = row.role == Role::Leader; view! {
                <div class="mh">
                    {led(up)}<b>{format!("Broker {}", row.broker)}</b>{(up == Up::Down).then(|| view! { <span class="fail">"down"</span> })}
                    <span class:brook=leads class:t3=!leads><Icon name=icon small=true/>{words}</span>
                    <span class="grow"></span>
                    <span class="mono t2">{format!("HW {} LEO {}", row.high_watermark, row.log_end)}</span>
                </div>
            } }}
            <div class="row lead"><Strip row=strip/></div>
            {move || row.with(|(row, _)| (!row.differs.is_empty()).then(|| view! { <p class="note">{row.differs.clone()}</p> }))}
        </div>
    }
}
