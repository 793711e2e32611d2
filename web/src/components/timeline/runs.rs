//! The runs there are, once there is more than one: which is on the stage, and another beside it.

use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;

#[component]
pub(super) fn Runs() -> impl IntoView {
    let store = store();
    let runs =
        part(
            store.timeline,
            |time| {
                if time.runs.len() > 1 { time.runs.clone() } else { Vec::new() }
            },
        );
    view! {
        {move || {
            let runs = runs.get();
            (!runs.is_empty()).then(|| view! {
                <div class="run-pick" role="group" aria-label="Runs">
                    {runs.into_iter().map(|run| {
                        let since = run.since.map(|event| format!("left the other after event {event}"));
                        if run.front {
                            return view! { <span class="chip mark" aria-current="true" title=since>{run.name}</span> }.into_any();
                        }
                        let (to, beside) = (run.name.clone(), run.name.clone());
                        view! {
                            <button class="b b-bare" title=since on:click=move |_| store.send(Event::Run(to.clone()))>{run.name.clone()}</button>
                            <button class="b b-bare" aria-label=format!("Compare with {}", run.name)
                                on:click=move |_| store.send(Event::Compare(beside.clone()))>"Compare"</button>
                        }.into_any()
                    }).collect_view()}
                </div>
            })
        }}
    }
}
