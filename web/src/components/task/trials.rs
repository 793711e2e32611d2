//! Trials: one row each, one box a seed.

use crate::components::each::Show;
use crate::components::icon::Icon;
use crate::components::rich::rich;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{SeedState, Trial};

#[component]
pub(crate) fn Trials() -> impl IntoView {
    let store = store();
    let trials =
        part(store.task, |task| task.as_ref().map(|task| task.trials.clone()).unwrap_or_default());
    let note = part(store.task, |task| {
        task.as_ref().map(|task| task.trials_note.clone()).unwrap_or_default()
    });
    view! {
        <Show when=move || !trials.with(Vec::is_empty)>
            <section class="sec" aria-labelledby="trials-t">
                <div class="sec-h"><h2 id="trials-t">"Trials"</h2></div>
                <ul class="trials" aria-label="Trials">
                    {move || trials.get().into_iter().enumerate().map(|(i, trial)| trial_row(store, i, &trial)).collect_view()}
                </ul>
                <p class="t3 trials-n">{move || note.get()}</p>
            </section>
        </Show>
    }
}

fn trial_row(store: crate::store::Store, trial: usize, row: &Trial) -> AnyView {
    let count = |state| row.seeds.iter().filter(|seed| **seed == state).count();
    let words =
        match (count(SeedState::Passed), count(SeedState::Failed), count(SeedState::Running)) {
            (0, 0, 0) => "not checked".to_owned(),
            (passed, 0, 0) => format!("{passed} of {} passed", row.seeds.len()),
            (passed, failed, 0) => {
                format!("{failed} failed, {passed} of {} passed", row.seeds.len())
            }
            (passed, failed, _) => {
                format!("running, {failed} failed, {passed} of {} passed", row.seeds.len())
            }
        };
    let boxes = row.seeds.iter().enumerate().map(|(seed, state)| match state {
        SeedState::Empty | SeedState::Running | SeedState::Passed => {
            let (class, icon) = match state {
                SeedState::Running => ("run", None),
                SeedState::Passed => ("ok", Some("check")),
                SeedState::Empty | SeedState::Failed => ("", None),
            };
            view! { <b class=class>{icon.map(|name| view! { <Icon name=name/> })}</b> }.into_any()
        }
        SeedState::Failed => view! {
            <button class="fail" aria-label=format!("Seed {} fails: show why", seed + 1)
                on:click=move |_| store.send(Event::ShowSeed { trial, seed })>
                <Icon name="cross"/>
            </button>
        }
        .into_any(),
    });
    view! {
        <li>
            <div class="boxes"><i>{boxes.collect_view()}</i>
            <span>{row.name.clone()}<span class="sr">{format!(": {words}")}</span></span></div>
        {row.failure.as_ref().map(|failure| view! {
            <div class="goal is-fail">
                <Icon name="cross" class="fail"/>
                <div>
                    <p class="why">{rich(failure)}</p>
                    {(!row.because.is_empty()).then(|| view! { <p class="why">{rich(&row.because)}</p> })}
                </div>
            </div>
        })}
        </li>
    }
    .into_any()
}
