//! The root: which place, its engine, the parts that every place has.

use super::finder::Finder;
use super::home::Home;
use super::icon::Icon;
use super::key_list::KeyList;
use super::level_list::{Nowhere, OnCallPlace, TrackPlace};
use super::live_region::LiveRegion;
use super::notices::Notices;
use super::rich::rich;
use super::settings::Settings;
use super::share::Share;
use super::top_bar::TopBar;
use super::workbench::{Panels, Workbench};
use crate::driver::Driver;
use crate::engine::{self, Opened};
use crate::store::{Store, part};
use crate::{dom, embed, link, places};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{Place, Rich};

/// Why a place could not be shown.
#[derive(Clone, Copy)]
pub(crate) struct Trouble(RwSignal<Option<String>>);

/// The text that the build has put into the page, shown until the engine has come.
#[derive(Clone, Copy)]
pub(crate) struct Prerendered(pub(crate) StoredValue<String>);

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

/// The page: its frame at once, with the text that was prerendered; the engine when it has come.
#[component]
pub(crate) fn App(prerendered: String) -> impl IntoView {
    let place = RwSignal::new(places::current());
    let driver = Driver::new();
    let first = engine::waiting(&place.get_untracked(), &prerendered);
    let store = Store::new(first, driver.clone());
    let panels = Panels::new();
    let trouble = Trouble(RwSignal::new(None));
    provide_context(store);
    provide_context(panels);
    provide_context(trouble);
    provide_context(Go { place });
    provide_context(Prerendered(StoredValue::new(prerendered)));
    places::on_step(move |to| place.set(to));

    if panels.embed.with_value(Option::is_some) {
        embed::talk(store);
    }
    let first = std::rc::Rc::new(std::cell::Cell::new(true));
    // Each place: its level is read and opened. The engine comes with the first.
    Effect::new(move |old: Option<()>| {
        let to = place.get();
        if old.is_some() {
            panels.leave();
        }
        driver.leave();
        trouble.0.set(None);
        let driver = driver.clone();
        let first = first.clone();
        panels.finder.set(false);
        leptos::task::spawn_local(async move {
            let came = come(&driver, store, place, &to).await;
            if let Err(why) = came
                && place.get_untracked() == to
            {
                trouble.0.set(Some(why));
                if driver.has_come() {
                    driver.come(store, Some(Event::Go(Place::Nowhere)));
                }
            }
            if driver.has_come() && place.get_untracked() == to {
                // What the address says besides the place belongs to the first one that is opened.
                if first.replace(false)
                    && let Some(event) = link::read().await
                {
                    store.send(event);
                }
                if panels.embed.with_value(Option::is_some) {
                    embed::ready();
                }
            }
            // Not before: the place is to be used without waiting for it.
            match engine::load_rest().await {
                Ok(()) => dom::mark("data-whole", "true"),
                Err(why) => trouble.0.set(Some(why)),
            }
        });
    });

    // What is to be kept is kept whenever it changes.
    let not_kept = StoredValue::new(false);
    Effect::new(move |_| {
        let keep = store.keep.get();
        if keep.is_empty() {
            return;
        }
        // Said once: every later act would fail in the same way.
        if !dom::keep("progress", &keep) && !not_kept.get_value() {
            not_kept.set_value(true);
            store.send(Event::NotKept);
        }
    });
    Effect::new(move |_| {
        let unread = store.unread.get();
        if !unread.is_empty() {
            dom::keep("progress-unread", &unread);
        }
    });
    // Another tab has passed a level: nothing of it is overwritten here.
    dom::on_kept_elsewhere("progress", move |text| store.send(Event::Restore(text)));
    let title = part(store.top, |top| top.title.clone());
    Effect::new(move |_| {
        let title = title.get();
        document().set_title(&match title.as_str() {
            "" => "Logbrook: Apache Kafka in a browser tab".to_owned(),
            title => format!("{title} · Logbrook"),
        });
    });

    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        if (event.ctrl_key() || event.meta_key()) && event.key() == "k" {
            event.prevent_default();
            panels.finder.set(true);
        }
    });
    on_cleanup(move || handle.remove());
    let frame = part(store.place, |place| match place {
        // Another level, or world, is drawn into the same bench.
        Place::Workbench { .. } => Place::Sandbox,
        place => place.clone(),
    });
    view! {
        {move || match frame.get() {
            Place::Home => view! { <Home/> }.into_any(),
            Place::Track(track) => view! { <TrackPlace track=track/> }.into_any(),
            Place::OnCall => view! { <OnCallPlace/> }.into_any(),
            Place::Nowhere => view! { <Nowhere/> }.into_any(),
            Place::Workbench { .. } | Place::Sandbox => view! { <Workbench/> }.into_any(),
        }}
        <Settings/>
        <Share/>
        <Finder/>
        <KeyList/>
        <LiveRegion/>
    }
}

/// Brings the engine, if it has not come, and the level of a place.
async fn come(
    driver: &Driver,
    store: Store,
    place: RwSignal<Place>,
    to: &Place,
) -> Result<(), String> {
    // Asked for beside the engine, not after it.
    let level = match to {
        Place::Workbench { track, slug } => Some(engine::level(track, slug)),
        Place::Home | Place::Sandbox | Place::Track(_) | Place::OnCall | Place::Nowhere => None,
    };
    if !driver.has_come() {
        let catalog = engine::catalog();
        let start = engine::load().await?;
        let engine = start(&catalog.await?)?;
        // Two places may have asked for it.
        if !driver.has_come() {
            driver.put(engine);
            if let Some(kept) = dom::kept("progress") {
                driver.tell(Event::Restore(kept));
            }
        }
    }
    if *to == Place::Sandbox {
        return open_sandbox(driver, store, place).await;
    }
    let Some(level) = level else {
        if place.get_untracked() == *to {
            driver.come(store, Some(Event::Go(to.clone())));
        }
        return Ok(());
    };
    open(driver, store, place, to, &level.await?).await
}

/// Opens the world that the address names.
async fn open_sandbox(driver: &Driver, store: Store, place: RwSignal<Place>) -> Result<(), String> {
    while place.get_untracked() == Place::Sandbox {
        match driver.sandbox(store, &places::fragment()) {
            Opened::Yes => break,
            Opened::Another => return Err("The sandbox could not be opened.".to_owned()),
            Opened::NeedsRest => engine::load_rest().await?,
        }
    }
    Ok(())
}

/// Opens the level of a place.
async fn open(
    driver: &Driver,
    store: Store,
    place: RwSignal<Place>,
    to: &Place,
    level: &[u8],
) -> Result<(), String> {
    let Place::Workbench { track, slug } = to else { return Ok(()) };
    // The learner may have gone on meanwhile.
    while place.get_untracked() == *to {
        match driver.open(store, level, track, slug)? {
            Opened::Yes => break,
            Opened::Another => {
                return Err(format!("`lessons/{track}/{slug}.bin` holds another level."));
            }
            Opened::NeedsRest => engine::load_rest().await?,
        }
    }
    Ok(())
}

/// Bar and notices, which every place begins with.
#[component]
pub(crate) fn Heading() -> impl IntoView {
    let trouble = expect_context::<Trouble>();
    // Inside another page there is nowhere to go.
    let bar = expect_context::<Panels>().embed.with_value(Option::is_none);
    view! {
        {bar.then(|| view! {
            <a class="skip" href="#main">"To the content"</a>
            <TopBar/>
        })}
        {move || trouble.0.get().map(|why| view! {
            <div class="msg fail trouble" role="alert"><Icon name="cross"/><span>{rich(&Rich::parse(&why))}</span></div>
        })}
        <Notices/>
    }
}
