//! The stage's head: topic, picture or table, text in the cells.

use crate::components::each::Show;
use crate::components::icon::Icon;
use crate::components::workbench::Panels;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{CellText, StageLayout};

#[component]
pub(super) fn StageHead() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let summary = part(store.stage, |stage| stage.summary.clone());
    let cell_text = part(store.stage, |stage| stage.cell_text);
    let layout = part(store.stage, |stage| stage.layout);
    view! {
        <div class="ph">
            <h2>"Cluster"</h2>
            <span class="t3 w-wide">{move || summary.get()}</span>
            <TopicPick/>
            <span class="grow"></span>
            <Pan/>
            <div class="seg" role="group" aria-label="View">
                {[("Brokers", StageLayout::Brokers), ("Partitions", StageLayout::Partitions)].map(|(name, of)| view! {
                    <button aria-pressed=move || (!panels.table.get() && layout.get() == of).to_string()
                        on:click=move |_| { panels.table.set(false); store.send(Event::Layout(of)); }>{name}</button>
                }).collect_view()}
                <button aria-pressed=move || panels.table.get().to_string() title="T" on:click=move |_| panels.table.set(true)>"Table"</button>
            </div>
            <label class="pick w-wide">
                <span>"Label: "</span>
                <select on:change=move |event| {
                    let name = event_target_value(&event);
                    if let Some(text) = CellText::ALL.into_iter().find(|text| text.name() == name) {
                        store.send(Event::CellText(text));
                    }
                }>
                    {CellText::ALL.map(|text| view! {
                        <option value=text.name() selected=move || cell_text.get() == text>{text.name()}</option>
                    }).collect_view()}
                </select>
                <Icon name="downc" small=true/>
            </label>
        </div>
    }
}

/// Moves the window by most of its width.
pub(super) fn pan(store: crate::store::Store, direction: i64) {
    let axis = store.stage.with_untracked(|stage| stage.axis);
    let step = i64::from(axis.cells.max(5)) * 4 / 5 / 5 * 5;
    let first = (axis.first + direction * step.max(5)).max(0);
    let follow = first + i64::from(axis.cells) > axis.end;
    store.send(Event::Axis { first: (!follow).then_some(first), cells: axis.cells });
}

/// Which topic.
#[component]
pub(super) fn TopicPick() -> impl IntoView {
    let store = store();
    let topics = part(store.stage, |stage| stage.topics.clone());
    let topic = part(store.stage, |stage| stage.topic.clone());
    view! {
            <Show when=move || !topics.with(Vec::is_empty)>
                <label class="pick">
                    <span class="sr">"Topic"</span>
                    <select on:change=move |event| store.send(Event::Topic(event_target_value(&event)))>
                        {move || topics.get().into_iter().map(|choice| {
                            let name = choice.name.clone();
                            view! {
                                <option value=choice.name.clone() selected=move || topic.get().as_ref() == Some(&name)>{choice.name.clone()}</option>
                            }
                        }).collect_view()}
                    </select>
                    <Icon name="downc" small=true/>
                </label>
            </Show>
    }
}

/// The window over the offsets.
#[component]
pub(super) fn Pan() -> impl IntoView {
    let store = store();
    let axis = part(store.stage, |stage| stage.axis);
    let more = move || axis.with(|axis| axis.end > i64::from(axis.cells) || axis.first > 0);
    view! {
            // Where more offsets exist than fit, the window can be moved.
            <Show when=more>
                <div class="pan" role="group" aria-label="Offsets shown">
                    <button class="b b-bare b-icon" aria-label="Earlier offsets" on:click=move |_| pan(store, -1)><Icon name="left" small=true/></button>
                    <button class="b b-bare b-icon" aria-label="Later offsets" on:click=move |_| pan(store, 1)><Icon name="right" small=true/></button>
                    <button class="b b-bare b-icon" aria-label="Follow the end" title="Follow the end" aria-pressed=move || axis.get().follow.to_string()
                        on:click=move |_| store.send(Event::Axis { first: None, cells: axis.get_untracked().cells })><Icon name="last" small=true/></button>
                </div>
            </Show>
    }
}
