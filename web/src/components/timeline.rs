//! The timeline: transport, the events on their axis, the run line.

mod plot;
mod runs;
mod transport;

use crate::store::{part, store};
use leptos::prelude::*;
use plot::Plot;
use runs::Runs;
use transport::{Clock, SpeedPick, Transport};

#[component]
pub(crate) fn TimelinePanel() -> impl IntoView {
    let store = store();
    let chip = part(store.timeline, |time| time.chip.clone());
    view! {
        <section class="time" id="time" tabindex="-1" aria-label="Timeline">
            <div class="bar">
                <Transport/>
                <Clock/>
                {move || chip.get().map(|chip| view! { <span class="chip mark">{chip}</span> })}
                <Runs/>
                <span class="grow"></span>
                <SpeedPick/>
            </div>
            <Plot/>
        </section>
    }
}

/// The thin transport under one panel, and under the bytes.
#[component]
pub(crate) fn MiniTime() -> impl IntoView {
    let store = store();
    let marks = part(store.timeline, |time| {
        let end = time.end.0.max(1);
        let percent = |us: i64| 100.0 * us.clamp(0, end) as f64 / end as f64;
        let flags: Vec<(f64, bool)> = time
            .flags
            .iter()
            .map(|flag| (percent(flag.moment.time.0), plot::is_fault(flag.kind)))
            .collect();
        (percent(time.now.time.0), flags)
    });
    view! {
        <section class="m-time" aria-label="Time">
            <div class="bar">
                <Transport/>
                <div class="mt-track" aria-hidden="true">
                    {move || { let (now, flags) = marks.get(); view! {
                        {flags.into_iter().map(|(left, fault)| view! {
                            <span class="at" style:left=format!("{left}%")><i class:f=fault class:m=!fault></i></span>
                        }).collect_view()}
                        <span class="at hd" style:left=format!("{now}%")></span>
                        <b style:width=format!("{now}%")></b>
                    } }}
                </div>
                <Clock/>
            </div>
        </section>
    }
}
