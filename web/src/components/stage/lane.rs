//! A broker: its head with what may be done to it, and its replicas.

use super::row::RowView;
use super::row_key;
use crate::components::each::items;
use crate::components::icon::{Icon, sign};
use crate::dom;
use crate::part::Part;
use crate::store::store;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{Act, Lane, Up};
use std::sync::Arc;

#[component]
pub(super) fn LaneView(lane: Part<Arc<Lane>>) -> impl IntoView {
    let rows = Part::new(move |_| lane.with(|lane| lane.rows.clone()));
    let down = Part::new(move |_| lane.with(|lane| lane.up == Up::Down));
    view! {
        <div class="lane" class:down=move || down.get()>
            <LaneHead lane=lane/>
            <div class="rows">
                {items(rows, |row| row_key(row), move |row| view! { <RowView row=row/> }.into_any())}
            </div>
        </div>
    }
}

#[component]
fn LaneHead(lane: Part<Arc<Lane>>) -> impl IntoView {
    let store = store();
    let head = Part::new(move |_| {
        lane.with(|lane| {
            let acts = (lane.acts.clone(), lane.more.clone());
            (lane.broker, lane.up, lane.status.clone(), lane.since, acts)
        })
    });
    view! {
        <div class="lane-h">
            {move || {
                let (broker, up, status, since, (acts, more)) = head.get();
                // A broker that is down has one thing that can be done to it: it is said in words.
                let in_words = up == Up::Down;
                let failed = up != Up::Up;
                view! {
                    <h3>{led(up)}{format!("Broker {broker}")}</h3>
                    <p class="st">
                        <span class:fail=failed>{status}</span>
                        {since.map(|since| view! { " "<span class="mono">{since.to_string()}</span> })}
                    </p>
                    <div class="acts">
                        {acts.into_iter().map(|act| {
                            let line = act.line.clone();
                            let class = if in_words { "b" } else { "b b-bare b-icon" };
                            view! {
                                <button class=class tabindex="-1" title=act.label.clone()
                                    on:click=move |_| store.send(Event::Act(line.clone()))>
                                    <Icon name=sign(act.icon) small=true/>
                                    {in_words.then(|| first_word(&act.label))}
                                </button>
                            }
                        }).collect_view()}
                        {(!more.is_empty()).then(|| view! { <More acts=more/> })}
                    </div>
                }
            }}
        </div>
    }
}

/// `Start` of `Start broker 2`.
fn first_word(label: &str) -> String {
    label.split(' ').next().unwrap_or_default().to_owned()
}

/// The menu with what has no sign on the lane.
#[component]
fn More(acts: Vec<Act>) -> impl IntoView {
    let store = store();
    view! {
        <details class="more">
            <summary class="b b-bare b-icon" tabindex="-1" title="More"><Icon name="menu" small=true/></summary>
            <div class="menu">
                {acts.into_iter().map(|act| {
                    let line = act.line.clone();
                    view! {
                        <button tabindex="-1" on:click=move |event| {
                            if let Some(menu) = dom::closest(&event, "details") { let _ = menu.remove_attribute("open"); }
                            store.send(Event::Act(line.clone()));
                        }>
                            <Icon name=sign(act.icon) small=true/>{act.label}<code>{act.line}</code>
                        </button>
                    }
                }).collect_view()}
            </div>
        </details>
    }
}

/// The sign of how a broker is: its shape differs, not its colour alone.
pub(super) fn led(up: Up) -> AnyView {
    match up {
        Up::Up | Up::Fenced | Up::Down => {
            let class = if up == Up::Fenced { "led fenced" } else { "led" };
            view! { <span class=class></span> }.into_any()
        }
        Up::Paused => view! { <Icon name="pause" small=true class="warn"/> }.into_any(),
        Up::Cut => view! { <Icon name="cut" small=true class="fail"/> }.into_any(),
        Up::Slow => view! { <Icon name="slow" small=true class="warn"/> }.into_any(),
    }
}
