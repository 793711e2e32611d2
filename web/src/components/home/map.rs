//! The path: a track is a partition, its levels are cells, what is passed is committed.

use crate::components::app::Go;
use crate::components::icon::Icon;
use crate::dom;
use crate::places;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::view::{LevelCell, LevelKind, LevelStatus, Place, TrackRow};

#[component]
pub(super) fn Map() -> impl IntoView {
    let store = store();
    let count = part(store.home, |home| (home.passed, home.levels));
    let tracks = part(store.home, |home| home.tracks.clone());
    let next = part(store.home, |home| home.next);
    let arrows = move |event: web_sys::KeyboardEvent| {
        let forward = match event.key().as_str() {
            "ArrowRight" => true,
            "ArrowLeft" => false,
            _ => return,
        };
        let Some(cell) = dom::closest(&event, ".lv a") else { return };
        let to =
            if forward { cell.next_element_sibling() } else { cell.previous_element_sibling() };
        if let Some(id) = to.map(|to| to.id()).filter(|id| !id.is_empty()) {
            event.prevent_default();
            dom::focus(&format!("[id='{id}']"));
        }
    };
    view! {
        <section class="map" aria-labelledby="map-t" on:keydown=arrows>
            <div class="ph">
                <h2 id="map-t">"The path"</h2>
                <span class="t2"><b class="mono">{move || count.get().0}</b>{move || format!(" of {} passed", count.get().1)}</span>
                <span class="grow"></span>
                <span class="key" aria-hidden="true"><i class="lc done"></i>"passed"</span>
                <span class="key" aria-hidden="true"><i class="lc begun"></i>"begun"</span>
                <span class="key" aria-hidden="true"><i class="lc ch"></i>"challenge"</span>
                <span class="key" aria-hidden="true"><Icon name="level" small=true/>"passed up to here"</span>
            </div>
            {move || tracks.get().into_iter().enumerate().map(|(i, track)| {
                let now = next.get().filter(|(track, _)| *track == i).map(|(_, level)| level);
                track_row(i, &track, now)
            }).collect_view()}
        </section>
    }
}

fn track_row(number: usize, track: &TrackRow, now: Option<usize>) -> AnyView {
    let go = expect_context::<Go>();
    let levels = track.levels.len();
    let all = Place::Track(track.slug.clone());
    let lag = levels.saturating_sub(track.passed as usize);
    let count = match (track.passed, lag) {
        (0, _) | (_, 0) => format!(" of {levels}"),
        _ => format!(" of {levels}, lag {lag}"),
    };
    // Only the row that the learner is in names a level.
    let next = now.and_then(|level| track.levels.get(level)).map(|level| {
        let place = Place::Workbench { track: track.slug.clone(), slug: level.slug.clone() };
        let to = place.clone();
        let note = track.next.clone().unwrap_or_else(|| format!("{}, {} min", level.kind.name(), level.minutes));
        view! {
            <p class="next">
                <a href=places::href(&place) on:click=move |event| go.link(&event, to.clone())>{level.title.clone()}</a>
                <span>{note}</span>
            </p>
        }
    });
    view! {
        <div class="trk" class:here=now.is_some()>
            <h3><span>{number + 1}</span><a href=places::href(&all) on:click=move |event| go.link(&event, all.clone())>{track.title.clone()}</a></h3>
            <div class="lvw">
                <div class="lv" style:--n=levels.to_string()>
                    {track.levels.iter().enumerate().map(|(i, level)| level_cell(go, track, i, level, now == Some(i))).collect_view()}
                    {(track.high_watermark > 0).then(|| view! {
                        <span class="mk hw" style:--i=track.high_watermark.to_string()><Icon name="level"/></span>
                    })}
                </div>
            </div>
            <div class="pos"><b>{track.passed}</b>{count}</div>
            {next}
        </div>
    }
    .into_any()
}

fn level_cell(go: Go, track: &TrackRow, i: usize, level: &LevelCell, now: bool) -> AnyView {
    let place = Place::Workbench { track: track.slug.clone(), slug: level.slug.clone() };
    let to = place.clone();
    let (class, how) = match level.status {
        LevelStatus::New => ("", "not begun"),
        LevelStatus::Begun => ("begun", "begun"),
        LevelStatus::Passed => ("done", "passed"),
    };
    let after = if level.after.is_empty() {
        String::new()
    } else {
        format!(" Better after: {}.", level.after.join(", "))
    };
    let best =
        if level.best.is_empty() { String::new() } else { format!(" Your best: {}.", level.best) };
    let name =
        format!("{} {}, {}, {} min, {how}", i + 1, level.title, level.kind.name(), level.minutes);
    view! {
        <a href=places::href(&place) id=format!("lv-{}-{}", track.slug, level.slug) class=class class:now=now
            class:ch=level.kind == LevelKind::Challenge class:dr=level.kind == LevelKind::Drill style:--i=i.to_string()
            title=format!("{}: {}{after}{best}", level.title, level.idea) aria-label=name
            on:click=move |event| go.link(&event, to.clone())>{i + 1}</a>
    }
    .into_any()
}
