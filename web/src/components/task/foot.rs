//! The foot of the task: start over, check.

use crate::components::rich::rich;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;

#[component]
pub(crate) fn Foot() -> impl IntoView {
    let store = store();
    let check = part(store.task, |task| task.as_ref().and_then(|task| task.check.clone()));
    view! {
        {move || check.get().filter(|check| !check.note.is_empty()).map(|check| view! {
            <p class="task-n">{rich(&check.note)}</p>
        })}
        <div class="task-f">
            <button class="b" on:click=move |_| store.send(Event::StartOver)>"Start over " <kbd>"R"</kbd></button>
            {move || check.get().map(|check| view! {
                <button class="b b-solid" aria-busy=check.running.to_string()
                    on:click=move |_| store.send(Event::Check)>{check.label}" "<kbd>"G"</kbd></button>
            })}
        </div>
    }
}
