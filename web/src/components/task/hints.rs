//! The ladder of hints. One opens at a time; opening is recorded, not punished.

use super::run_block::run_line;
use crate::components::each::Show;
use crate::components::rich::rich;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;

#[component]
pub(crate) fn Hints() -> impl IntoView {
    let store = store();
    let hints =
        part(store.task, |task| task.as_ref().map(|task| task.hints.clone()).unwrap_or_default());
    let open = move || {
        hints.with(|hints| {
            hints.iter().filter(|hint| hint.text.is_some() || !hint.lines.is_empty()).count()
        })
    };
    view! {
        <Show when=move || !hints.with(Vec::is_empty)>
            <section class="sec last" aria-labelledby="hints-t">
                <div class="sec-h">
                    <h2 id="hints-t">"Hints"</h2>
                    <span class="t3">{move || format!("{} of {} open", open(), hints.with(Vec::len))}</span>
                </div>
                <ol class="rungs" aria-label="Hints">
                    {move || hints.get().into_iter().map(|hint| {
                        let is_open = hint.text.is_some() || !hint.lines.is_empty();
                        view! {
                            <li data-open=is_open.then_some("")>
                                <div>
                                    {match &hint.text {
                                        Some(text) => rich(text),
                                        None => hint.label.clone().into_any(),
                                    }}
                                    {(!hint.lines.is_empty()).then(|| view! {
                                        <pre class="solution">{hint.lines.iter().map(|line| run_line(line)).collect_view()}</pre>
                                    })}
                                </div>
                                {hint.next.then(|| view! {
                                    <button class="link" on:click=move |_| store.send(Event::OpenHint)>
                                        "Open"<span class="sr">{format!(" {}", hint.label)}</span>
                                    </button>
                                })}
                            </li>
                        }
                    }).collect_view()}
                </ol>
            </section>
        </Show>
    }
}
