//! The bar over every place.

use super::app::Go;
use super::icon::Icon;
use super::workbench::Panels;
use crate::components::each::Show;
use crate::places;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::Place;

// Constants, not literals: an element of literals alone is written out as it stands, and
// `inner_html` would become an attribute.
const LOGO: &str = "<use href=\"#logo\"/>";
const WORD: &str = "<use href=\"#word\"/>";

#[component]
pub(crate) fn TopBar() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let go = expect_context::<Go>();
    let theme = panels.theme;
    let bench =
        part(store.place, |place| matches!(place, Place::Workbench { .. } | Place::Sandbox));
    // Where the bar leads from place to place; in the bench it says where one is.
    let home = move || !bench.get();
    let place = part(store.place, Place::clone);
    let track = part(store.top, |top| top.track.clone());
    let title = part(store.top, |top| top.title.clone());
    let seed = part(store.top, |top| top.seed);
    let to_home = move |event| go.link(&event, Place::Home);
    view! {
        <header class="top">
            <Show when=move || !home()>
                <a class="b b-bare b-icon only-s" href=places::href(&Place::Home) aria-label="Back to the map" on:click=to_home>
                    <Icon name="left"/>
                </a>
            </Show>
            <a class="brand" class:not-s=move || !home() href=places::href(&Place::Home) aria-label="Logbrook, home" on:click=to_home>
                <svg class="logo" aria-hidden="true" inner_html=LOGO></svg>
                <svg class="word" aria-hidden="true" inner_html=WORD></svg>
            </a>
            <Show when=home>
                <nav aria-label="Main">
                    {[("Learn", Place::Home), ("Sandbox", Place::Sandbox), ("On call", Place::OnCall)].map(|(name, to)| {
                        let (href, at) = (places::href(&to), to.clone());
                        view! { <a href=href aria-current=move || (place.get() == at).then_some("page") on:click=move |event| go.link(&event, to.clone())>{name}</a> }
                    }).collect_view()}
                    <a href=places::page("reference/")>"Reference"</a>
                </nav>
            </Show>
            <Show when=move || !home()>
                <span class="crumbs not-s">
                    <span aria-hidden="true">"/"</span>
                    <a href=places::href(&Place::Home) on:click=to_home>"Learn"</a>
                    <Show when=move || !track.get().is_empty()>
                        <span aria-hidden="true">"/"</span>
                        {move || { let name = track.get(); match place.get() {
                            Place::Workbench { track, .. } => {
                                let to = Place::Track(track);
                                view! { <a href=places::href(&to) on:click=move |event| go.link(&event, to.clone())>{name}</a> }.into_any()
                            }
                            _ => view! { <span class="t2">{name}</span> }.into_any(),
                        } }}
                    </Show>
                    <span aria-hidden="true">"/"</span>
                    <b>{move || title.get()}</b>
                </span>
                <h1 class="only-s grow top-t">{move || title.get()}</h1>
            </Show>
            <span class="grow not-s"></span>
            {move || seed.get().map(|seed| view! {
                <span class="seed not-s" title="Seed of this run"><Icon name="dice"/>"seed " {seed}</span>
            })}
            <Show when=move || bench.get()>
                <button class="b b-bare not-s" on:click=move |_| { store.send(Event::Share); panels.share.set(true); }>
                    <Icon name="share"/>"Share"
                </button>
            </Show>
            <button class="find not-s" on:click=move |_| panels.finder.set(true)>
                <Icon name="find"/><span>{move || if bench.get() { "Find" } else { "Level, command or error" }}</span><kbd>"Ctrl K"</kbd>
            </button>
            <button class="b b-bare b-icon only-s" aria-label="Find" on:click=move |_| panels.finder.set(true)><Icon name="find"/></button>
            <button class="b b-bare b-icon not-s" on:click=move |_| { theme.update(|theme| *theme = theme.next()); theme.get_untracked().apply(); }
                aria-label=move || format!("Theme: {}", theme.get().name())
                title=move || format!("Theme: {}", theme.get().name())>
                <Icon name="theme"/>
            </button>
            <button class="b b-bare b-icon" aria-label="Settings" title="Settings" on:click=move |_| panels.settings.set(true)>
                <Icon name="sliders"/>
            </button>
            <Show when=move || !home()>
                <button class="b b-bare b-icon" aria-label="Keys" title="Keys (?)" on:click=move |_| panels.keys.set(true)>
                    <Icon name="keys"/>
                </button>
            </Show>
        </header>
    }
}
