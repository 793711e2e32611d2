//! Run, pause, step, speed. A control that does not exist now is not drawn.

use crate::components::each::Show;
use crate::components::icon::Icon;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::Speed;

#[component]
pub(super) fn Transport() -> impl IntoView {
    let store = store();
    let can = part(store.timeline, |time| time.can);
    let playing = part(store.timeline, |time| time.playing);
    let bare = move |name: &'static str,
                     label: &'static str,
                     title: &'static str,
                     event: fn() -> Event| {
        view! {
            <button class="b b-bare b-icon" aria-label=label title=title on:click=move |_| store.send(event())>
                <Icon name=name/>
            </button>
        }
        .into_any()
    };
    view! {
        {move || can.get().back.then(|| view! {
            {bare("first", "To the start", "Home", || Event::SeekEvent(0))}
            {bare("back", "One event back", "Left", || Event::Step { forward: false })}
        })}
        {move || can.get().play.then(|| view! {
            <button class="b b-solid b-icon play" title="Space" aria-label=move || if playing.get() { "Pause" } else { "Play" }
                on:click=move |_| store.send(if playing.get_untracked() { Event::Pause } else { Event::Play })>
                {move || if playing.get() { view! { <Icon name="pause"/> } } else { view! { <Icon name="play"/> } }}
            </button>
        })}
        {move || can.get().step.then(|| bare("fwd", "One event on", "Right", || Event::Step { forward: true }))}
        {move || can.get().back.then(|| bare("last", "To the latest event", "End", || Event::Latest))}
    }
}

#[component]
pub(super) fn Clock() -> impl IntoView {
    let store = store();
    let now = part(store.timeline, |time| time.now.time);
    let end = part(store.timeline, |time| time.bounded.then_some(time.end));
    view! {
        <span class="clock" role="timer">
            {move || now.get().to_string()}
            {move || end.get().map(|end| view! { <small>{format!(" of {end}")}</small> })}
        </span>
    }
}

#[component]
pub(super) fn SpeedPick() -> impl IntoView {
    let store = store();
    let speeds = part(store.timeline, |time| time.speeds.clone());
    let speed = part(store.timeline, |time| time.speed);
    let many = move || speeds.with(Vec::len) > 1;
    view! {
        <Show when=many>
            <label class="pick">
                <span class="sr">"Speed"</span>
                <select on:change=move |event| {
                    if let Ok(tenths) = event_target_value(&event).parse() {
                        store.send(Event::Speed(Speed(tenths)));
                    }
                }>
                    {move || speeds.get().into_iter().map(|choice| view! {
                        <option value=choice.0.to_string() selected=move || speed.get() == choice>{choice.name()}</option>
                    }).collect_view()}
                </select>
                <Icon name="downc" small=true/>
            </label>
        </Show>
    }
}
