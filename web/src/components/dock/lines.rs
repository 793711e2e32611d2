//! The run as lines: what was done, to read and to copy.

use crate::components::icon::Icon;
use crate::dom;
use crate::store::{part, store};
use leptos::prelude::*;

#[component]
pub(super) fn LinesPane() -> impl IntoView {
    let store = store();
    let lines = part(store.lines, |lines| lines.clone());
    let copy = move |_| {
        let text: String =
            lines.with(|lines| lines.lines.iter().map(|line| format!("{}\n", line.text)).collect());
        dom::copy(&text);
    };
    view! {
        <div class="term lines" tabindex="0" role="region" aria-label="Lines of this run">
            {move || {
                let lines = lines.get();
                if lines.lines.is_empty() {
                    return view! { <p class="t3">"Nothing was run yet. Each command, button and knob stands here as a line."</p> }.into_any();
                }
                let par = lines.par.map(|par| format!("; the shortest known answer has {par}")).unwrap_or_default();
                view! {
                    <p class="t3">{format!("{} of {} lines change state{par}. ", lines.changing, lines.lines.len())}
                        <button class="link" on:click=copy>"Copy as a session"</button>
                    </p>
                    {lines.lines.iter().map(|line| view! {
                        <div class="ln">
                            <span class:cmd=line.changing>
                                <span class:quiet=!line.changing><Icon name="level" small=true/></span>
                                " "{line.text.clone()}
                                {line.changing.then(|| view! { <span class="sr">" (changes state)"</span> })}
                            </span>
                            <span class="at-t">{line.time.to_string()}</span>
                        </div>
                    }).collect_view()}
                }.into_any()
            }}
        </div>
    }
}
