//! Places that list levels: a track, on call; and the one that an address leads to that is none.

use super::app::{Go, Heading, Prerendered};
use super::each::Show;
use super::icon::Icon;
use super::rich::rich;
use crate::places;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::view::{LevelCell, LevelKind, LevelStatus, Place, Rich};

/// A level with the track that it is in.
type Listed = (String, usize, LevelCell);

/// The levels of a track with idea, kind, minutes and the best answer.
#[component]
pub(crate) fn TrackPlace(track: String) -> impl IntoView {
    let store = store();
    let slug = track.clone();
    let levels = part(store.home, move |home| {
        let row = home.tracks.iter().find(|row| row.slug == slug);
        let cells = row.into_iter().flat_map(|row| row.levels.iter().cloned().enumerate());
        cells.map(|(i, cell)| (track.clone(), i + 1, cell)).collect::<Vec<Listed>>()
    });
    let head = part(store.place, |place| match place {
        Place::Track(slug) => slug.clone(),
        _ => String::new(),
    });
    let title = part(store.home, move |home| {
        let row = home.tracks.iter().find(|row| head.with(|slug| row.slug == *slug));
        row.map(|row| (row.title.clone(), row.passed, row.levels.len()))
    });
    let known = part(store.home, |home| !home.tracks.is_empty());
    let none = move || known.get() && title.with(Option::is_none);
    view! {
        <Frame>
            <Show when=none>
                <NothingHere/>
            </Show>
            {move || title.get().map(|(title, passed, of)| view! {
                <h1>{title}</h1>
                <p class="lead-p">{format!("{passed} of {of} passed. Nothing is locked; what is better done before is said at each level.")}</p>
            })}
            {move || list(levels.get(), false)}
        </Frame>
    }
}

/// The drills.
#[component]
pub(crate) fn OnCallPlace() -> impl IntoView {
    let store = store();
    let drills = part(store.home, |home| {
        let of = |row: &logbrook_session::view::TrackRow| {
            let drills = row.levels.iter().filter(|cell| cell.kind == LevelKind::Drill);
            drills.map(|cell| (row.slug.clone(), 0, cell.clone())).collect::<Vec<Listed>>()
        };
        let mut all = home.tracks.iter().flat_map(of).collect::<Vec<_>>();
        all.iter_mut().zip(1..).for_each(|(listed, number)| listed.1 = number);
        all
    });
    let known = part(store.home, |home| !home.tracks.is_empty());
    view! {
        <Frame>
            <Show when=move || known.get()>
                <h1>"On call"</h1>
                <p class="lead-p">"A cluster that is already on fire, and a pager. Time runs; find what is wrong, and leave it so that what comes next is survived."</p>
                <Show when=move || drills.with(Vec::is_empty)>
                    <p class="msg"><Icon name="wait"/><span>"This build has no drills yet. "<a href=places::href(&Place::Home)>"The path"</a>" has challenges with faults in their trials."</span></p>
                </Show>
            </Show>
            {move || list(drills.get(), true)}
        </Frame>
    }
}

/// An address that is no place.
#[component]
pub(crate) fn Nowhere() -> impl IntoView {
    view! { <Frame><NothingHere/></Frame> }
}

#[component]
fn NothingHere() -> impl IntoView {
    let go = expect_context::<Go>();
    view! {
        <h1>"There is no such place"</h1>
        <p class="lead-p">
            "Nothing stands at "<code>{window().location().pathname().unwrap_or_default()}</code>". A level may have been renamed. "
            <a href=places::href(&Place::Home) on:click=move |event| go.link(&event, Place::Home)>"All levels"</a>" are on the first page; what you passed is kept."
        </p>
    }
}

/// Bar, and what was prerendered until the levels are known.
#[component]
fn Frame(children: ChildrenFn) -> impl IntoView {
    let store = store();
    let prerendered = expect_context::<Prerendered>();
    let ready = part(store.home, |home| !home.tracks.is_empty());
    view! {
        <div class="home">
            <Heading/>
            <main class="wrap list-place" id="main">
                <Show when=move || ready.get() fallback=move || view! {
                    <div class="prerendered" inner_html=prerendered.0.get_value()></div>
                }>
                    {children()}
                </Show>
            </main>
        </div>
    }
}

fn list(levels: Vec<Listed>, drills: bool) -> AnyView {
    let go = expect_context::<Go>();
    let item = |(track, number, cell): Listed| {
        let place = Place::Workbench { track, slug: cell.slug.clone() };
        let to = place.clone();
        let (class, how) = match cell.status {
            LevelStatus::New => ("", "not begun".to_owned()),
            LevelStatus::Begun => ("begun", "begun".to_owned()),
            LevelStatus::Passed => ("done", format!("passed: {}", cell.best)),
        };
        let after =
            (!cell.after.is_empty()).then(|| format!(" Better after: {}.", cell.after.join(", ")));
        view! {
            <li>
                <i class=format!("lc {class}") class:ch=cell.kind == LevelKind::Challenge class:dr=drills aria-hidden="true">{(number > 0).then_some(number)}</i>
                <div>
                    <h2><a href=places::href(&place) on:click=move |event| go.link(&event, to.clone())>{cell.title}</a></h2>
                    <p>{rich(&Rich::parse(&cell.idea))}</p>
                    <p class="t3">{if drills { String::new() } else { format!("{}, ", cell.kind.name()) }}{format!("{} min; {how}.", cell.minutes)}{after}</p>
                </div>
            </li>
        }
    };
    view! { <ol class="levels">{levels.into_iter().map(item).collect_view()}</ol> }.into_any()
}
