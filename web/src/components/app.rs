//! The root: which place, its engine, the parts that every place has.

use super::home::Home;
use super::icon::Icon;
use super::key_list::KeyList;
use super::live_region::LiveRegion;
use super::notices::Notices;
use super::rich::rich;
use super::top_bar::TopBar;
use super::workbench::{Panels, Workbench};
use crate::driver::Driver;
use crate::engine::{self, Engine};
use crate::store::{Store, part};
use crate::{dom, places};
use leptos::prelude::*;
use logbrook_session::view::{Place, Rich};
use logbrook_session::{Event, Level};

/// Why a place could not be shown.
#[derive(Clone, Copy)]
pub(crate) struct Trouble(RwSignal<Option<String>>);

/// Goes to another place.
#[derive(Clone, Copy)]
pub(crate) struct Go {
    place: RwSignal<Place>,
}

impl Go {
    pub(crate) fn to(self, place: Place) {
        places::push(&place);
        self.place.set(place);
        window().scroll_to_with_x_and_y(0.0, 0.0);
    }

    /// For a link: goes there without a load, unless the learner asked for another tab.
    pub(crate) fn link(self, event: &web_sys::MouseEvent, place: Place) {
        if event.ctrl_key() || event.meta_key() || event.shift_key() || event.button() != 0 {
            return;
        }
        event.prevent_default();
        self.to(place);
    }
}

/// The page on an engine that has been loaded, with the level of the first place if it has one.
#[component]
pub(crate) fn App(engine: Engine, level: Result<Option<Level>, String>) -> impl IntoView {
    let place = RwSignal::new(places::current());
    let driver = Driver::new(engine);
    let store = Store::new(driver.view(), driver.clone());
    let panels = Panels::new();
    let trouble = Trouble(RwSignal::new(None));
    provide_context(store);
    provide_context(panels);
    provide_context(trouble);
    provide_context(Go { place });
    places::on_step(move |to| place.set(to));
    if let Some(kept) = dom::kept("progress") {
        store.send(Event::Restore(kept));
    }
    let show = move |to: &Place, driver: &Driver, level: Result<Option<Level>, String>| {
        panels.leave();
        trouble.0.set(None);
        match level {
            Ok(Some(level)) => driver.open(store, level),
            Ok(None) => store.send(Event::Go(to.clone())),
            Err(why) => {
                trouble.0.set(Some(why));
                store.send(Event::Go(Place::Home));
            }
        }
    };
    show(&place.get_untracked(), &driver, level);

    // Another place: its level is fetched and opened.
    Effect::new(move |old: Option<Place>| {
        let to = place.get();
        if old.is_some() {
            let (driver, asked) = (driver.clone(), to.clone());
            leptos::task::spawn_local(async move {
                let level = engine::fetch_place(&asked).await;
                // The learner may have gone on meanwhile.
                if place.get_untracked() == asked {
                    show(&asked, &driver, level);
                }
            });
        }
        to
    });

    // What is to be kept is kept whenever it changes.
    Effect::new(move |_| {
        let keep = store.keep.get();
        if !keep.is_empty() {
            dom::keep("progress", &keep);
        }
    });
    let title = part(store.top, |top| top.title.clone());
    Effect::new(move |_| {
        let title = title.get();
        document().set_title(&match title.as_str() {
            "" => "Logbrook: Apache Kafka in a browser tab".to_owned(),
            title => format!("{title} · Logbrook"),
        });
    });

    let home = part(store.place, |place| *place == Place::Home);
    view! {
        {move || if home.get() {
            view! { <Home/> }.into_any()
        } else {
            view! { <Workbench/> }.into_any()
        }}
        <KeyList/>
        <LiveRegion/>
    }
}

/// Bar and notices, which both places begin with.
#[component]
pub(crate) fn Heading() -> impl IntoView {
    let trouble = expect_context::<Trouble>();
    view! {
        <a class="skip" href="#main">"To the content"</a>
        <TopBar/>
        {move || trouble.0.get().map(|why| view! {
            <div class="msg fail trouble" role="alert"><Icon name="cross"/><span>{rich(&Rich::parse(&why))}</span></div>
        })}
        <Notices/>
    }
}
