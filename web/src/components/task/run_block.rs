//! A run block: its lines, and the button that types them into the terminal.

use crate::components::each::Show;
use crate::components::icon::Icon;
use crate::components::workbench::{Panel, Panels};
use crate::part::Part;
use crate::store::store;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{RunBlock, RunState};

#[component]
pub(crate) fn RunBlockCard(run: Part<RunBlock>) -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let lines = Part::new(move |_| run.with(|run| run.lines.clone()));
    let label = run.with_untracked(|run| run.label.clone());
    let named = label.clone();
    let state = move || run.with(|run| run.state);
    let name = move || match state() {
        RunState::Ready => format!("Run {named}"),
        RunState::Running => format!("Running {named}"),
        RunState::Done => format!("Run again: {named}"),
    };
    let blocked = move || run.with(|run| run.blocked.clone());
    let start = move |_| {
        panels.front.set(Panel::Terminal);
        store.send(Event::RunBlock(label.clone()));
    };
    view! {
        <div class="run" class:done=move || state() == RunState::Done>
            <pre tabindex="0" aria-label="Lines">{move || lines.get().iter().map(|line| run_line(line)).collect_view()}</pre>
            <div class="run-f">
                <button class="b" aria-label=name prop:disabled=move || state() == RunState::Running || blocked().is_some() on:click=start>
                    <Icon name="play" small=true/>
                    {move || match state() {
                        RunState::Ready => "Run",
                        RunState::Running => "Running",
                        RunState::Done => "Run again",
                    }}
                </button>
                <span class="t3">{move || blocked().unwrap_or_default()}</span>
                <Show when=move || state() == RunState::Done>
                    <span class="ok done-mark"><Icon name="check" small=true/>"run"</span>
                </Show>
            </div>
        </div>
    }
}

/// `$ kafka-topics.sh …` with its prompt in the colour of the terminal's.
pub(crate) fn run_line(line: &str) -> AnyView {
    let (mark, rest) = match line.split_at_checked(1) {
        Some((mark @ ("$" | "@" | "<" | "&"), rest)) => {
            (mark.to_owned(), rest.trim_start().to_owned())
        }
        _ => (String::new(), line.to_owned()),
    };
    let input = mark == "<";
    view! {
        <span class="rl-1" class:in=input>
            <span class="ps">{if input { ">".to_owned() } else { mark }}</span>" "{rest}"\n"
        </span>
    }
    .into_any()
}
