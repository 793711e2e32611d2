//! Share: the run as a link, and as a file where a link would be too long.

use super::workbench::Panels;
use crate::store::{part, store};
use crate::{dom, link};
use leptos::html::Dialog;
use leptos::prelude::*;

#[component]
pub(crate) fn Share() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let dialog = NodeRef::<Dialog>::new();
    let address = RwSignal::new(String::new());
    let copied = RwSignal::new(false);
    let shared = part(store.share, |share| share.clone());
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if panels.share.get() {
            if !dialog.open() {
                let _ = dialog.show_modal();
            }
        } else if dialog.open() {
            dialog.close();
        }
    });
    Effect::new(move |_| {
        let Some(shared) = shared.get() else { return };
        copied.set(false);
        leptos::task::spawn_local(async move { address.set(link::write(&shared).await) });
    });
    let fits = move || address.with(String::len) <= link::LONGEST;
    view! {
        <dialog node_ref=dialog class="keys" aria-labelledby="share-t" on:close=move |_| panels.share.set(false)>
            <div class="ph">
                <h2 id="share-t">"Share this run"</h2>
                <span class="grow"></span>
                <button class="b" on:click=move |_| panels.share.set(false)>"Close " <kbd>"Esc"</kbd></button>
            </div>
            <div class="cb set">
                {move || shared.get().map(|shared| {
                    let (name, lines) = (shared.file.clone(), shared.lines.clone());
                    let count = match shared.count { 0 => "No line yet: the link opens the place.".to_owned(), 1 => "1 line".to_owned(), n => format!("{n} lines") };
                    view! {
                        <p class="t2">{count}{move || format!(", {} characters. Whoever opens it sees the same run; nothing goes through a server.", address.with(String::len))}</p>
                        {move || if fits() {
                            view! {
                                <div class="share-l">
                                    <input class="field" readonly="readonly" aria-label="Link" prop:value=move || address.get()/>
                                    <button class="b b-solid" on:click=move |_| { dom::copy(&address.get_untracked()); copied.set(true); }>
                                        {move || if copied.get() { "Copied" } else { "Copy" }}
                                    </button>
                                </div>
                            }.into_any()
                        } else {
                            view! { <p>{format!("That is more than the {} that every mail and chat lets through. A file has them all:", link::LONGEST)}</p> }.into_any()
                        }}
                        <div class="acts">
                            <button class="b" on:click=move |_| dom::download(&name, &lines)>"Save as a .session file"</button>
                        </div>
                    }
                })}
            </div>
        </dialog>
    }
}
