//! Settings: theme, motion, single keys, and progress as a file.

use super::workbench::Panels;
use crate::dom;
use crate::part::Part;
use crate::store::{part, store};
use crate::theme::{self, Theme};
use leptos::html::Dialog;
use leptos::prelude::*;
use logbrook_session::Event;

#[component]
pub(crate) fn Settings() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if panels.settings.get() {
            if !dialog.open() {
                let _ = dialog.show_modal();
            }
        } else if dialog.open() {
            dialog.close();
        }
    });
    let still = RwSignal::new(theme::is_still());
    let passed = part(store.home, |home| (home.passed, home.levels));
    let keep = part(store.keep, |keep| keep.clone());
    let choice = move |of: Theme| {
        let on = Part::new(move |_| panels.theme.get() == of);
        view! {
            <button aria-pressed=move || on.get().to_string() on:click=move |_| { panels.theme.set(of); of.apply(); }>{of.name()}</button>
        }
    };
    view! {
        <dialog node_ref=dialog class="keys" aria-labelledby="set-t" on:close=move |_| panels.settings.set(false)>
            <div class="ph">
                <h2 id="set-t">"Settings"</h2>
                <span class="grow"></span>
                <button class="b" on:click=move |_| panels.settings.set(false)>"Close " <kbd>"Esc"</kbd></button>
            </div>
            <div class="cb set">
                <h3 id="set-theme">"Theme"</h3>
                <div class="seg" role="group" aria-labelledby="set-theme">
                    {[Theme::System, Theme::Light, Theme::Dark].map(choice)}
                </div>
                <h3>"Motion"</h3>
                <label class="opt">
                    <input type="checkbox" prop:checked=move || still.get()
                        on:change=move |event| { let on = event_target_checked(&event); still.set(on); theme::set_still(on); }/>
                    "Off: records and marks cut from place to place"
                </label>
                <h3>"Keys"</h3>
                <label class="opt">
                    <input type="checkbox" prop:checked=move || panels.letters.get()
                        on:change=move |event| {
                            let on = event_target_checked(&event);
                            panels.letters.set(on);
                            dom::keep("letters", if on { "on" } else { "off" });
                        }/>
                    "Single letters act outside text fields"
                </label>
                <h3>"Progress"</h3>
                <p class="t2">{move || { let (passed, of) = passed.get(); format!("{passed} of {of} levels passed. It is kept in this browser and goes nowhere else; a file takes it to another, and nothing there is overwritten.") }}</p>
                <div class="acts">
                    <button class="b" on:click=move |_| dom::download("logbrook-progress.txt", &keep.get_untracked())>"Save as a file"</button>
                    <label class="b file">
                        "Read a file"
                        <input type="file" accept=".txt,text/plain" class="sr"
                            on:change=move |event| dom::read_file(&event, move |text| store.send(Event::Import(text)))/>
                    </label>
                </div>
            </div>
        </dialog>
    }
}
