//! What stands in place of a task in the sandbox: templates, brokers, apps.

use crate::components::rich::rich;
use crate::places;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::Rich;

#[component]
pub(super) fn SandboxPanel() -> impl IntoView {
    let store = store();
    let sandbox = part(store.sandbox, |sandbox| sandbox.clone());
    let to = move |spec: &str| {
        places::set_fragment(spec);
        store.send(Event::Sandbox(spec.to_owned()));
    };
    view! {
        {move || sandbox.get().map(|sandbox| view! {
            <div class="brief">
                <h1 class="not-s">"Sandbox"</h1>
                <p>"A world of your own. Every command and every fault is allowed. What you choose here starts it anew; the address keeps the choice."</p>
            </div>
            <section class="sec" aria-labelledby="sb-t">
                <div class="sec-h"><h2 id="sb-t">"Begin with"</h2></div>
                <ul class="templates">
                    {sandbox.templates.iter().map(|template| {
                        let spec = template.spec.clone();
                        view! {
                            <li><button class="tpl" aria-pressed=template.chosen.to_string() on:click=move |_| to(&spec)>
                                <b>{template.title.clone()}</b><span>{rich(&Rich::parse(&template.about))}</span>
                            </button></li>
                        }
                    }).collect_view()}
                </ul>
            </section>
            <section class="sec" aria-labelledby="sb-b">
                <div class="sec-h"><h2 id="sb-b">"Brokers"</h2></div>
                <div class="seg" role="group" aria-labelledby="sb-b">
                    {sandbox.brokers_to.iter().map(|(count, spec)| {
                        let spec = spec.clone();
                        let on = *count == sandbox.brokers;
                        view! { <button aria-pressed=on.to_string() on:click=move |_| to(&spec)>{*count}</button> }
                    }).collect_view()}
                </div>
            </section>
            <section class="sec" aria-labelledby="sb-a">
                <div class="sec-h"><h2 id="sb-a">"Apps"</h2><span class="t3">"their settings are under Apps"</span></div>
                {sandbox.apps.iter().map(|app| {
                    let spec = app.spec.clone();
                    view! {
                        <label class="opt">
                            <input type="checkbox" prop:checked=app.on on:change=move |_| to(&spec)/>
                            <span><code>{app.name.clone()}</code>" "{rich(&Rich::parse(&app.about))}</span>
                        </label>
                    }
                }).collect_view()}
            </section>
        })}
    }
}
