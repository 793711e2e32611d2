//! The simulated applications and their knobs. A change shows its line before it runs.

use crate::components::each::{items, text_key};
use crate::components::icon::{Icon, sign};
use crate::components::member;
use crate::components::notices::tone_class;
use crate::components::rich::rich;
use crate::part::Part;
use crate::store::{Store, part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{App, Knob, KnobControl};

#[component]
pub(super) fn AppsPane() -> impl IntoView {
    let store = store();
    let apps = part(store.apps, |apps| apps.to_vec());
    view! {
        <div class="apps">
            {items(apps, |app| text_key(&app.name), move |app| view! { <AppCard app=app/> }.into_any())}
        </div>
    }
}

#[component]
fn AppCard(app: Part<App>) -> impl IntoView {
    let store = store();
    let name = app.with_untracked(|app| app.name.clone());
    let (label, heading) = (name.clone(), name.clone());
    let knobs = Part::new(move |_| app.with(|app| app.knobs.clone()));
    let acts = Part::new(move |_| app.with(|app| app.acts.clone()));
    view! {
        <section class="card app" aria-label=label>
            <div class="ph">
                <h2 class="mono">{heading}</h2>
                <span class="t3">{move || app.with(|app| app.about.clone())}</span>
                <span class="grow"></span>
                {move || acts.get().into_iter().map(|act| {
                    let line = act.line.clone();
                    view! { <button class="b" title=act.line on:click=move |_| store.send(Event::Act(line.clone()))><Icon name=sign(act.icon) small=true/>{act.label}</button> }
                }).collect_view()}
            </div>
            <div class="cb">
                <p class="insts">
                    {move || app.with(|app| app.instances.iter().map(|(name, mark, tone, how)| view! {
                        <span class="inst">{mark.map(member::badge)}<span class="mono">{name.clone()}</span>" "<span class=format!("chip {}", tone_class(*tone))>{how.clone()}</span></span>
                    }).collect_view())}
                </p>
                <p class="t3">{move || app.with(|app| if app.rate.is_empty() { format!("errors: {}", app.errors) } else { format!("{}; errors: {}", app.rate, app.errors) })}</p>
                {items(knobs, |knob| text_key(&knob.name), move |knob| view! { <KnobRow app=name.clone() knob=knob/> }.into_any())}
            </div>
        </section>
    }
}

#[component]
fn KnobRow(app: String, knob: Part<Knob>) -> impl IntoView {
    let store = store();
    // What was chosen and not run yet.
    let pending = RwSignal::new(None::<String>);
    let name = knob.with_untracked(|knob| knob.name.clone());
    let of = StoredValue::new((app, name.clone()));
    let value = Part::new(move |_| knob.with(|knob| knob.value.clone()));
    Effect::new(move |_| {
        value.track();
        pending.set(None);
    });
    let control = Part::new(move |_| knob.with(|knob| (knob.control.clone(), knob.why.clone())));
    let line = move || {
        let (app, name) = of.get_value();
        pending.get().map(|value| format!("@deploy {app} {name}={value}"))
    };
    view! {
        <div class="knob" class:off=move || control.get().0 == KnobControl::Fixed>
            <code>{name.clone()}</code>
            {move || { let (control, why) = control.get(); match control {
                KnobControl::Choice(options) => view! {
                    <div class="seg" role="group" aria-label=format!("{} {}", of.get_value().0, of.get_value().1)>
                        {options.into_iter().map(|option| {
                            let (here, mine) = (option.clone(), option.clone());
                            view! {
                                <button aria-pressed=move || (pending.get().unwrap_or_else(|| value.get()) == here).to_string()
                                    on:click=move |_| pending.set((value.get_untracked() != mine).then(|| mine.clone()))>{option}</button>
                            }
                        }).collect_view()}
                    </div>
                }.into_any(),
                KnobControl::Text => view! {
                    <input class="field" type="text" aria-label=format!("{} {}", of.get_value().0, of.get_value().1) prop:value=move || value.get()
                        on:change=move |event| {
                            let text = event_target_value(&event);
                            pending.set((value.get_untracked() != text).then_some(text));
                        }/>
                }.into_any(),
                KnobControl::Fixed => view! { <span>{value.get()}{(!why.is_empty()).then(|| format!(", fixed: {why}"))}</span> }.into_any(),
            } }}
        </div>
        {move || line().map(|line| view! {
            <div class="knob-line"><code>{line}</code><button class="b" on:click=move |_| deploy(store, of, pending)>"Run this line"</button></div>
        })}
        {move || knob.with(|knob| knob.error.as_ref().map(|error| view! { <p class="fail">{rich(error)}</p> }))}
    }
}

fn deploy(store: Store, of: StoredValue<(String, String)>, pending: RwSignal<Option<String>>) {
    if let Some(value) = pending.get_untracked() {
        let (app, name) = of.get_value();
        pending.set(None);
        store.send(Event::Deploy { app, name, value });
    }
}
