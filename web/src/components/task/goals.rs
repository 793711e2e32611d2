//! The goals: the assertions that grade the level, in their order.

use crate::components::each::{items, text_key};
use crate::components::icon::Icon;
use crate::components::rich::rich;
use crate::part::Part;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{Goal, GoalStatus};

#[component]
pub(crate) fn Goals() -> impl IntoView {
    let store = store();
    let goals =
        part(store.task, |task| task.as_ref().map(|task| task.goals.clone()).unwrap_or_default());
    let summary = part(store.task, |task| {
        task.as_ref().map(|task| match task.as_of {
            Some(time) => format!("{}, as of {time}", task.goals_summary),
            None => task.goals_summary.clone(),
        })
    });
    // The first that fails stands open; the others open on demand.
    let first_failed = Part::new(move |_| {
        goals.with(|goals| {
            goals.iter().find(|goal| goal.status == GoalStatus::Fails).map(|goal| goal.id.clone())
        })
    });
    view! {
        <section class="sec" id="goals" aria-labelledby="goals-t">
            <div class="sec-h"><h2 id="goals-t">"Goals"</h2><span class="t3">{move || summary.get()}</span></div>
            <ul aria-label="Goals">
                {items(goals, |goal| text_key(&goal.id), move |goal| view! { <GoalRow goal=goal first_failed=first_failed/> }.into_any())}
            </ul>
        </section>
    }
}

#[component]
fn GoalRow(goal: Part<Goal>, first_failed: Part<Option<String>>) -> impl IntoView {
    let store = store();
    let opened = RwSignal::new(None::<bool>);
    let fails = move || goal.with(|goal| goal.status == GoalStatus::Fails);
    let open = move || {
        opened
            .get()
            .unwrap_or_else(|| goal.with(|goal| first_failed.get().as_ref() == Some(&goal.id)))
    };
    let body = move || {
        let goal = goal.get();
        let status = goal.status;
        let sentence = rich(&goal.sentence);
        let words = view! { <span class="sr">{format!("{}: ", status.word())}</span> };
        let evidence = (!goal.evidence.is_empty())
            .then(|| view! { <p class="why">{rich(&goal.evidence)}</p> });
        if status != GoalStatus::Fails {
            return view! { <p>{words}{sentence}</p> {evidence} }.into_any();
        }
        let id = goal.id.clone();
        view! {
            <p>
                <button class="bare" aria-expanded=move || open().to_string()
                    on:click=move |_| opened.set(Some(!open()))>
                    {words}<b>{sentence}</b>
                </button>
            </p>
            <div class="more" hidden=move || !open()>
                {evidence}
                {(!goal.because.is_empty()).then(|| view! { <p class="why">{rich(&goal.because)}</p> })}
                {goal.moment.map(|moment| view! {
                    <div class="acts">
                        <button class="b b-mark" on:click=move |_| store.send(Event::ShowMoment(id.clone()))>
                            <Icon name="aim"/>"Show the moment "<span class="mono">{moment.time.to_string()}</span>
                        </button>
                    </div>
                })}
            </div>
        }
        .into_any()
    };
    view! {
        <li class="goal" class:is-fail=move || fails() && open()>
            {move || match goal.with(|goal| goal.status) {
                GoalStatus::Holds => view! { <Icon name="check" class="ok"/> },
                GoalStatus::Fails => view! { <Icon name="cross" class="fail"/> },
                GoalStatus::Open => view! { <Icon name="wait" class="t3"/> },
                GoalStatus::Undecidable => view! { <Icon name="alert" class="warn"/> },
            }}
            <div>{body}</div>
        </li>
    }
}
