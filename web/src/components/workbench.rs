//! The workbench: task, stage, inspector, timeline, dock.

use super::app::Heading;
use super::bytes::BytesPage;
use super::dock::Dock;
use super::icon::Icon;
use super::inspector::Look;
use super::stage::StagePanel;
use super::task::TaskPanel;
use super::timeline::{MiniTime, TimelinePanel};
use crate::components::each::Show;
use crate::embed::Embed;
use crate::part::Part;
use crate::store::{part, store};
use crate::theme::Theme;
use crate::{dom, keys};
use leptos::prelude::*;
use logbrook_session::view::GoalStatus;

/// Which panel is in front where there is room for one only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Panel {
    Brief,
    Goals,
    Stage,
    Terminal,
    Inspect,
}

impl Panel {
    const ALL: [(Panel, &'static str, &'static str); 5] = [
        (Panel::Brief, "Brief", "book"),
        (Panel::Goals, "Goals", "goal"),
        (Panel::Stage, "Stage", "stage"),
        (Panel::Terminal, "Terminal", "term"),
        (Panel::Inspect, "Inspect", "aim"),
    ];

    fn name(self) -> &'static str {
        match self {
            Panel::Brief => "brief",
            Panel::Goals => "goals",
            Panel::Stage => "stage",
            Panel::Terminal => "term",
            Panel::Inspect => "look",
        }
    }
}

/// What is of the screen alone: the engine does not know.
#[derive(Clone, Copy)]
pub(crate) struct Panels {
    /// Narrower than 900 px, or lower than 560: one panel at a time.
    pub(crate) narrow: ReadSignal<bool>,
    /// The one in front there.
    pub(crate) front: RwSignal<Panel>,
    /// Whether the inspector is drawn.
    pub(crate) inspector: RwSignal<bool>,
    /// Whether the stage is drawn as a table.
    pub(crate) table: RwSignal<bool>,
    /// Whether the bytes have the whole page.
    pub(crate) bytes: RwSignal<bool>,
    /// Whether the list of keys is open.
    pub(crate) keys: RwSignal<bool>,
    /// Whether the settings are open.
    pub(crate) settings: RwSignal<bool>,
    /// Whether the run is being shared.
    pub(crate) share: RwSignal<bool>,
    /// What is drawn inside another page.
    pub(crate) embed: StoredValue<Option<Embed>>,
    /// Whether the finder is open.
    pub(crate) finder: RwSignal<bool>,
    /// The theme that was chosen.
    pub(crate) theme: RwSignal<Theme>,
    /// Whether single letters act.
    pub(crate) letters: RwSignal<bool>,
    /// The failed goal that was shown last.
    pub(crate) failed: RwSignal<Option<String>>,
}

impl Panels {
    pub(crate) fn new() -> Panels {
        let wide = dom::media("(min-width: 1200px)").get_untracked();
        Panels {
            narrow: dom::media("(max-width: 899px), (max-height: 559px)"),
            front: RwSignal::new(Panel::Brief),
            inspector: RwSignal::new(wide),
            table: RwSignal::new(false),
            bytes: RwSignal::new(false),
            keys: RwSignal::new(false),
            settings: RwSignal::new(false),
            finder: RwSignal::new(false),
            share: RwSignal::new(false),
            embed: StoredValue::new(Embed::read()),
            theme: RwSignal::new(Theme::kept()),
            letters: RwSignal::new(dom::kept("letters").as_deref() != Some("off")),
            failed: RwSignal::new(None),
        }
    }

    /// Another place begins with its brief.
    pub(crate) fn leave(self) {
        self.front.set(Panel::Brief);
        self.bytes.set(false);
        self.failed.set(None);
    }

    /// Brings the terminal to the front and puts the focus into its field.
    pub(crate) fn show_terminal(self) {
        self.front.set(Panel::Terminal);
        request_animation_frame(|| dom::focus("#dock .prompt input"));
    }

    /// Brings the stage to the front and puts the focus into it.
    pub(crate) fn show_stage(self) {
        self.front.set(Panel::Stage);
        request_animation_frame(|| {
            let cell = "#stage .cells [tabindex='0']";
            dom::focus(if dom::exists(cell) { cell } else { "#stage" });
        });
    }
}

#[component]
pub(crate) fn Workbench() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        if keys::workbench(store, panels, &event) {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());

    // Where the inspector is a drawer, a selection pulls it out.
    let chosen = part(store.inspector, |look| look.as_ref().map(|look| look.title.clone()));
    Effect::new(move |old: Option<Option<String>>| {
        let chosen = chosen.get();
        if chosen.is_some() && old.is_some_and(|old| old != chosen) {
            panels.inspector.set(true);
        }
        chosen
    });
    let bytes = move || {
        panels.bytes.get()
            && store.inspector.with(|look| look.as_ref().is_some_and(|look| look.bytes.is_some()))
    };
    let has_bytes = Part::new(move |_| bytes());
    let embed = panels.embed.get_value();
    let inside = embed.is_some();
    view! {
        <div class="wb" class:embed=inside data-view=embed.map(|embed| embed.views).unwrap_or_default()
            data-panel=move || panels.front.get().name()>
            <Heading/>
            {move || if has_bytes.get() {
                view! { <BytesPage/> }.into_any()
            } else {
                view! {
                    <main class="bench" id="main" class:no-look=move || !panels.inspector.get()>
                        <TaskPanel/>
                        <StagePanel/>
                        <Look/>
                        <TimelinePanel/>
                        <Dock/>
                    </main>
                    <Show when=move || panels.narrow.get() && !inside>
                        <div class="bottom"><MiniTime/><TabBar/></div>
                    </Show>
                }
                .into_any()
            }}
        </div>
    }
}

/// One panel at a time: which.
#[component]
fn TabBar() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let failing = part(store.task, |task| {
        task.as_ref().map_or(0, |task| {
            task.goals.iter().filter(|goal| goal.status == GoalStatus::Fails).count()
        })
    });
    view! {
        <nav class="tabbar" aria-label="Panels">
            {Panel::ALL.map(|(panel, label, icon)| view! {
                <button aria-current=move || (panels.front.get() == panel).then_some("true")
                    on:click=move |_| panels.front.set(panel)>
                    <Icon name=icon/>
                    {label}
                    {move || (panel == Panel::Goals && failing.get() > 0).then(|| view! {
                        <span class="dot">{failing.get()}<span class="sr">" failing"</span></span>
                    })}
                </button>
            }).collect_view()}
        </nav>
    }
}
