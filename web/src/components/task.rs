//! The task column: brief and prose with live blocks, goals, trials, hints, and the foot.

mod foot;
mod goals;
mod hints;
mod passed;
mod predict;
mod run_block;
mod sandbox;
mod show;
mod trials;

use crate::components::each::{Show, items, text_key};
use crate::components::workbench::Panels;
use crate::part::Part;
use crate::store::{part, store};
use foot::Foot;
use goals::Goals;
use hints::Hints;
use leptos::prelude::*;
use logbrook_session::view::Block;
use passed::PassedCard;
use predict::PredictBlock;
use run_block::RunBlockCard;
use sandbox::SandboxPanel;
use show::ShowBlock;
use trials::Trials;

#[component]
pub(crate) fn TaskPanel() -> impl IntoView {
    let store = store();
    let head = part(store.task, |task| {
        task.as_ref()
            .map(|task| (task.place.clone(), task.kind.name(), task.minutes, task.title.clone()))
    });
    // Inside another page one block may be all.
    let only = expect_context::<Panels>().embed.get_value().and_then(|embed| embed.block);
    let blocks = part(store.task, move |task| {
        let all = task.iter().flat_map(|task| task.blocks.iter().cloned().enumerate());
        let asked = |block: &Block| match (&only, block) {
            (None, _) => true,
            (Some(label), Block::Run(run)) => run.label == *label,
            (Some(label), Block::Show(show)) => show.view == *label,
            (Some(label), Block::Predict(predict)) => predict.id == *label,
            (Some(_), Block::Html(_) | Block::Goals) => false,
        };
        all.filter(|(_, block)| asked(block)).collect::<Vec<_>>()
    });
    let goals_in_prose = part(store.task, |task| {
        task.as_ref().is_some_and(|task| task.blocks.contains(&Block::Goals))
    });
    let sandbox = part(store.sandbox, Option::is_some);
    view! {
        <section class="task" id="task" tabindex="-1" aria-label="Task">
            <div class="scroll">
                <Show when=move || sandbox.get()>
                    <SandboxPanel/>
                </Show>
                <PassedCard/>
                <div class="brief" hidden=move || sandbox.get() data-kind=move || head.get().map(|head| head.1)>
                    {move || head.get().map(|(place, kind, minutes, title)| (place.is_empty(), place, kind, minutes, title)).map(|(bare, place, kind, minutes, title)| view! {
                        <div class="meta" hidden=bare>
                            <span>{place}</span>
                            <span class="grow"></span>
                            <span>{format!("{kind}, {minutes} min")}</span>
                        </div>
                        {(!title.is_empty()).then(|| view! { <h1 class="not-s">{title}</h1> })}
                    })}
                    <div class="prose">
                        // The prose keeps its length; a block changes in place.
                        {items(blocks, |(i, block)| text_key(&which(block)).wrapping_add(*i as u64), block)}
                    </div>
                </div>
                <Show when=move || !goals_in_prose.get() && !sandbox.get()>
                    <Goals/>
                </Show>
                <Trials/>
                <Hints/>
            </div>
            <Foot/>
        </section>
    }
}

/// What tells blocks of the same place apart: another level's block is another block.
fn which(block: &Block) -> String {
    match block {
        Block::Html(html) => html.chars().take(80).collect(),
        Block::Run(run) => format!("run {}", run.label),
        Block::Predict(predict) => format!("predict {}", predict.id),
        Block::Show(show) => format!("show {} {}", show.view, show.title),
        Block::Goals => "goals".to_owned(),
    }
}

fn block(block: Part<(usize, Block)>) -> AnyView {
    match block.get_untracked().1 {
        // Rendered from the level's own Markdown when the page was built.
        Block::Html(html) => {
            view! { <div class="md" inner_html=html.to_string()></div> }.into_any()
        }
        Block::Run(first) => {
            let run = Part::new(move |_| match block.get().1 {
                Block::Run(run) => run,
                _ => first.clone(),
            });
            view! { <RunBlockCard run=run/> }.into_any()
        }
        Block::Predict(first) => {
            let predict = Part::new(move |_| match block.get().1 {
                Block::Predict(predict) => predict,
                _ => first.clone(),
            });
            view! { <PredictBlock predict=predict/> }.into_any()
        }
        Block::Show(first) => {
            let show = Part::new(move |_| match block.get().1 {
                Block::Show(show) => show,
                _ => first.clone(),
            });
            view! { <ShowBlock show=show/> }.into_any()
        }
        Block::Goals => view! { <Goals/> }.into_any(),
    }
}
