//! Events on their axis: ticks by actor, flags, the playhead, verdicts on the run line.

use crate::components::icon::Icon;
use crate::dom;
use crate::store::{part, store};
use leptos::html::Div;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{FlagKind, Time};
use std::fmt::Write;

/// Height of an actor's row, in px.
const ROW_PX: usize = 13;

pub(super) fn is_fault(kind: FlagKind) -> bool {
    match kind {
        FlagKind::Fault | FlagKind::Cut => true,
        FlagKind::Election | FlagKind::Rebalance => false,
    }
}

fn flag_icon(kind: FlagKind) -> &'static str {
    match kind {
        FlagKind::Fault => "power",
        FlagKind::Cut => "cut",
        FlagKind::Election => "flag",
        FlagKind::Rebalance => "fork",
    }
}

/// Round times for the axis: about six of them.
fn marks(end: Time) -> Vec<i64> {
    const STEPS_S: [i64; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600];
    let end_s = end.0 / 1_000_000;
    let step = STEPS_S.into_iter().find(|step| end_s / step <= 7).unwrap_or(end_s / 6 + 1);
    (0..=end_s / step).map(|i| i * step).collect()
}

#[component]
pub(super) fn Plot() -> impl IntoView {
    let store = store();
    let end = part(store.timeline, |time| Time(time.end.0.max(1_000_000)));
    let percent =
        move |time: Time| 100.0 * time.0.clamp(0, end.get().0) as f64 / end.get().0 as f64;
    let actors = part(store.timeline, |time| time.actors.clone());
    let ticks = part(store.timeline, |time| time.ticks.clone());
    let flags = part(store.timeline, |time| time.flags.clone());
    let now = part(store.timeline, |time| time.now.time);
    let latest = part(store.timeline, |time| time.latest.time);
    let moment = part(store.timeline, |time| time.moment);
    let verdicts = part(store.timeline, |time| time.verdicts.clone());
    let back = part(store.timeline, |time| time.can.back);
    let height = move || (actors.with(Vec::len).max(1) * ROW_PX).to_string();

    // One path for the clients, one for the brokers.
    let path = move |brokers: bool| {
        let end = end.get().0 as f64;
        ticks.with(|ticks| {
            let mut path = String::with_capacity(ticks.len() * 16);
            for tick in ticks.iter().filter(|tick| (tick.actor > 0) == brokers) {
                let x = 1_000.0 * tick.time.0 as f64 / end;
                let y = (usize::from(tick.actor) + 1) * ROW_PX - 1;
                let _ = write!(path, "M{x:.1} {y}v-{}", if tick.tall { 10 } else { 6 });
            }
            path
        })
    };
    let area = NodeRef::<Div>::new();
    let dragging = RwSignal::new(false);
    let seek = move |event: &web_sys::PointerEvent| {
        let Some(area) = area.get_untracked() else { return };
        let place = area.get_bounding_client_rect();
        let share = ((f64::from(event.client_x()) - place.left()) / place.width()).clamp(0.0, 1.0);
        let time = (share * end.get_untracked().0 as f64) as i64;
        store.send(Event::Seek(Time(time.min(latest.get_untracked().0))));
    };
    view! {
        <div class="plot" class:can-seek=move || back.get()>
            <div></div>
            <div class="ax" aria-hidden="true">
                {move || { let end_us = end.get().0; marks(end.get()).into_iter().map(|s| (s, s * 1_030_000 > end_us)).map(|(s, last)| view! {
                    <span class:last=last style:left=format!("{}%", 100.0 * (s * 1_000_000) as f64 / end_us as f64)>{format!("{:02}:{:02}", s / 60, s % 60)}</span>
                }).collect_view() }}
            </div>
            <div class="lb">{move || actors.get().into_iter().map(|actor| {
                let down = actor.down.iter().any(|(_, to)| to.is_none());
                view! { <div class:fail=down>{actor.name}</div> }
            }).collect_view()}</div>
            <div class="ev" node_ref=area style:height=move || format!("{}px", height())
                on:pointerdown=move |event| {
                    if back.get_untracked() && dom::closest(&event, "button").is_none() {
                        dragging.set(true);
                        if let Some(area) = area.get_untracked() { let _ = area.set_pointer_capture(event.pointer_id()); }
                        seek(&event);
                    }
                }
                on:pointermove=move |event| if dragging.get_untracked() { seek(&event) }
                on:pointerup=move |_| dragging.set(false)
                on:pointercancel=move |_| dragging.set(false)>
                <svg viewBox=move || format!("0 0 1000 {}", height()) preserveAspectRatio="none" aria-hidden="true">
                    {move || actors.get().into_iter().enumerate().flat_map(|(i, actor)| {
                        actor.down.into_iter().map(move |(from, to)| (i, from, to))
                    }).map(|(i, from, to)| {
                        let (from, to) = (percent(from) * 10.0, to.map_or(1_000.0, |to| percent(to) * 10.0));
                        view! { <rect x=from.to_string() y=(i * ROW_PX).to_string() width=(to - from).to_string() height=ROW_PX.to_string() fill="var(--dry)"/> }
                    }).collect_view()}
                    <path stroke="var(--line)" d=move || (1..actors.with(Vec::len)).fold(String::new(), |mut path, i| { let _ = write!(path, "M0 {}H1000", i * ROW_PX); path })/>
                    <path stroke="var(--edge)" d=move || path(false)/>
                    <path stroke="var(--water-edge)" d=move || path(true)/>
                </svg>
                {move || (now.get() < latest.get()).then(|| view! { <span class="after" style:left=format!("{}%", percent(now.get()))></span> })}
                {move || flags.get().into_iter().map(|flag| {
                    let moment = flag.moment;
                    let title = format!("{} {}", moment.time, flag.title);
                    view! {
                        <button class="at flag" class:own=!is_fault(flag.kind) tabindex="-1" title=title.clone() aria-label=title
                            style:left=format!("{}%", percent(moment.time)) style:top=format!("{}px", usize::from(flag.actor) * ROW_PX)
                            on:click=move |_| store.send(Event::SeekEvent(moment.event))>
                            <Icon name=flag_icon(flag.kind)/>
                        </button>
                    }
                }).collect_view()}
                {move || moment.get().map(|moment| view! { <span class="at moment" style:left=format!("{}%", percent(moment.time))></span> })}
                <span class="at head" style:left=move || format!("{}%", percent(now.get()))></span>
            </div>
            <div class="lb run-l"><div>"run"</div></div>
            <div class="runs">
                <span class="run-line" style:width=move || format!("{}%", percent(latest.get()))></span>
                {move || verdicts.get().into_iter().map(|verdict| {
                    let moment = verdict.moment;
                    let title = format!("{} {}", moment.time, verdict.title);
                    view! {
                        <button class="vd" class:ok=verdict.holds tabindex="-1" title=title.clone() aria-label=title style:left=format!("{}%", percent(moment.time))
                            on:click=move |_| store.send(Event::SeekEvent(moment.event))>
                            <Icon name=if verdict.holds { "check" } else { "cross" }/>
                        </button>
                    }
                }).collect_view()}
            </div>
        </div>
    }
}
