//! The inspector: why, bytes, request, state of what is selected.

mod cause;
mod record;
mod request;
mod state;

use super::dock::arrow_tabs;
use super::icon::Icon;
use super::workbench::Panels;
use crate::part::Part;
use crate::store::{part, store};
use cause::CausePane;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{Inspector, InspectorTab};
use record::RecordPane;
pub(crate) use record::{purpose_class, record_card};
use request::RequestPane;
use state::StatePane;

const TABS: [(InspectorTab, &str, &str); 4] = [
    (InspectorTab::Cause, "Cause", "look-cause"),
    (InspectorTab::Bytes, "Bytes", "look-bytes"),
    (InspectorTab::Request, "Request", "look-request"),
    (InspectorTab::State, "State", "look-state"),
];

fn has(look: &Inspector, tab: InspectorTab) -> bool {
    match tab {
        InspectorTab::Cause => look.cause.is_some(),
        InspectorTab::Bytes => look.bytes.is_some(),
        InspectorTab::Request => look.request.is_some(),
        InspectorTab::State => look.state.is_some(),
    }
}

#[component]
pub(crate) fn Look() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let title = part(store.inspector, |look| look.as_ref().map(|look| look.title.clone()));
    let tabs = part(store.inspector, |look| {
        TABS.into_iter()
            .filter(|(tab, ..)| look.as_ref().is_some_and(|look| has(look, *tab)))
            .collect::<Vec<_>>()
    });
    // The engine names a tab; what it has nothing for gives way to the first that it has.
    let tab = Part::new(move |_| {
        let wanted = store.inspector.with(|look| look.as_ref().map(|look| look.tab));
        tabs.with(|tabs| {
            tabs.iter()
                .find(|(tab, ..)| Some(*tab) == wanted)
                .or(tabs.first())
                .map(|(tab, ..)| *tab)
        })
    });
    view! {
        <aside class="look" id="look" tabindex="-1" aria-label="Inspector">
            <div class="ph">
                <div class="tabs" role="tablist" aria-label="Inspector" on:keydown=move |event| arrow_tabs(&event) hidden=move || tabs.with(Vec::is_empty)>
                    {move || tabs.get().into_iter().map(|(this, label, id)| view! {
                        <button role="tab" id=id aria-controls="look-pane" aria-selected=move || (tab.get() == Some(this)).to_string()
                            tabindex=move || if tab.get() == Some(this) { "0" } else { "-1" }
                            on:click=move |_| store.send(Event::Inspect(this))>{label}</button>
                    }).collect_view()}
                </div>
                <span class="grow"></span>
                <button class="b b-bare b-icon not-s" aria-label="Close the inspector" title="Close (\\)" on:click=move |_| panels.inspector.set(false)>
                    <Icon name="cross" small=true/>
                </button>
            </div>
            <div class="in" id="look-pane" role=move || tab.get().map(|_| "tabpanel") tabindex="0"
                aria-labelledby=move || tab.get().and_then(|now| TABS.iter().find(|(tab, ..)| *tab == now)).map(|(_, _, id)| *id)>
                {move || match tab.get() {
                    None => view! { <p class="t3">"Select a record, a request or an event."</p> }.into_any(),
                    Some(now) => view! {
                        <h2 class="look-t mono">{move || title.get()}</h2>
                        {match now {
                            InspectorTab::Cause => view! { <CausePane/> }.into_any(),
                            InspectorTab::Bytes => view! { <RecordPane/> }.into_any(),
                            InspectorTab::Request => view! { <RequestPane/> }.into_any(),
                            InspectorTab::State => view! { <StatePane/> }.into_any(),
                        }}
                    }.into_any(),
                }}
            </div>
        </aside>
    }
}
