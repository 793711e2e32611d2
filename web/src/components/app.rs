//! The root: which place, its engine, the parts that every place has.

use super::home::Home;
use super::key_list::KeyList;
use super::live_region::LiveRegion;
use super::notices::Notices;
use super::top_bar::TopBar;
use super::workbench::{Panels, Workbench};
use crate::driver::Driver;
use crate::engine::Engine;
use crate::store::{Store, part};
use crate::{dom, places};
use leptos::prelude::*;
use logbrook_session::view::Place;

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

#[component]
pub(crate) fn App() -> impl IntoView {
    let place = RwSignal::new(places::current());
    let driver = Driver::new(Engine::waiting(&place.get_untracked()));
    let store = Store::new(driver.view(), driver.clone());
    let panels = Panels::new();
    provide_context(store);
    provide_context(panels);
    provide_context(Go { place });
    places::on_step(move |to| place.set(to));

    // Another place: its level is fetched and its engine put in.
    Effect::new(move |_| {
        let place_now = place.get();
        panels.leave();
        let driver = driver.clone();
        leptos::task::spawn_local(async move {
            let engine = Engine::open(&place_now).await;
            // The learner may have gone on meanwhile.
            if place.get_untracked() == place_now {
                driver.replace(store, engine);
            }
        });
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
    view! {
        <a class="skip" href="#main">"To the content"</a>
        <TopBar/>
        <Notices/>
    }
}
