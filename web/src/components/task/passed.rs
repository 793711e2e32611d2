//! The card of a passed level.

use crate::components::app::Go;
use crate::components::icon::Icon;
use crate::components::rich::rich;
use crate::places;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::view::Place;

#[component]
pub(crate) fn PassedCard() -> impl IntoView {
    let store = store();
    let go = expect_context::<Go>();
    let passed = part(store.task, |task| task.as_ref().and_then(|task| task.passed.clone()));
    view! {
        {move || passed.get().map(|passed| view! {
            <section class="solved sec" aria-label="Passed">
                <h3 class="ok"><Icon name="check"/>" "{passed.headline}</h3>
                <p class="t2">{rich(&passed.text)}</p>
                {(passed.seeds > 0).then(|| view! {
                    <div class="seeds" aria-hidden="true"><i>{(0..passed.seeds).map(|_| view! { <b></b> }).collect_view()}</i></div>
                })}
                {passed.debrief.map(|html| view! { <div class="prose"><div class="md" inner_html=html.to_string()></div></div> })}
                {passed.next.map(|(track, slug, title)| {
                    let place = Place::Workbench { track, slug };
                    let to = place.clone();
                    view! {
                        <div class="acts">
                            <a class="b b-solid" href=places::href(&place) on:click=move |event| go.link(&event, to.clone())>
                                {format!("Next: {title}")}<Icon name="arrow"/>
                            </a>
                        </div>
                    }
                })}
            </section>
        })}
    }
}
