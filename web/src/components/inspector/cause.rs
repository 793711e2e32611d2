//! The chain from the root to the selected event.

use crate::components::icon::Icon;
use crate::components::rich::rich;
use crate::components::table::table;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::CauseActor;

#[component]
pub(super) fn CausePane() -> impl IntoView {
    let store = store();
    let cause = part(store.inspector, |look| look.as_ref().and_then(|look| look.cause.clone()));
    let back = part(store.timeline, |time| time.can.back);
    view! {
        {move || cause.get().map(|cause| view! {
            <h3>{cause.title.clone()}</h3>
            <ol class="chain">
                {cause.steps.iter().map(|step| {
                    let event = step.moment.event;
                    let time = step.moment.time.to_string();
                    view! {
                        <li class:is-moment=step.is_moment>
                            {match step.actor {
                                CauseActor::Broker(id) => view! { <span class="pt">{id}</span> }.into_any(),
                                CauseActor::Client(letter) => view! { <span class="pt">{letter.to_string()}</span> }.into_any(),
                                CauseActor::Fault => view! { <span class="pt fault"><Icon name="power" small=true/></span> }.into_any(),
                            }}
                            <div>
                                <div class="tm">
                                    {if back.get_untracked() {
                                        view! { <button class="bare" on:click=move |_| store.send(Event::SeekEvent(event))>{time}</button> }.into_any()
                                    } else {
                                        view! { <span>{time}</span> }.into_any()
                                    }}
                                    <span>{format!("event {event}")}</span>
                                    {step.is_moment.then_some(view! { <span>"the moment"</span> })}
                                </div>
                                <p>{rich(&step.text)}</p>
                            </div>
                        </li>
                    }
                }).collect_view()}
            </ol>
            {cause.aside.as_ref().map(|(title, rows)| view! {
                <div class="aside"><h4>{title.clone()}</h4>{table(rows, "tbl")}</div>
            })}
        })}
    }
}
