//! A question before the run answers it. Locked once answered; never called right or wrong.

use crate::components::rich::rich;
use crate::components::workbench::{Panel, Panels};
use crate::part::Part;
use crate::store::store;
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::Predict;

#[component]
pub(crate) fn PredictBlock(predict: Part<Predict>) -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let chosen = RwSignal::new(String::new());
    let id = StoredValue::new(predict.with_untracked(|predict| predict.id.clone()));
    let send = move |value: String, run: Option<String>| {
        store.send(Event::Predict { id: id.get_value(), value });
        if let Some(label) = run {
            panels.front.set(Panel::Terminal);
            store.send(Event::RunBlock(label));
        }
    };
    let runs = move || predict.with(|predict| predict.runs.clone());
    let form = move || {
        let predict = predict.get();
        let name = format!("predict-{}", predict.id);
        let field = if predict.options.is_empty() {
            view! {
                <input type="number" class="field" aria-label="Your answer" prop:value=move || chosen.get()
                    on:input=move |event| chosen.set(event_target_value(&event))/>
            }
            .into_any()
        } else {
            predict
                .options
                .iter()
                .map(|option| {
                    let value = option.value.clone();
                    let (here, mine) = (value.clone(), value.clone());
                    view! {
                        <label class="opt">
                            <input type="radio" name=name.clone() value=value prop:checked=move || chosen.get() == here
                                on:change=move |_| chosen.set(mine.clone())/>
                            <span>{rich(&option.text)}</span>
                        </label>
                    }
                })
                .collect_view()
                .into_any()
        };
        view! {
            <fieldset>
                <legend>{rich(&predict.question)}</legend>
                {field}
            </fieldset>
            <div class="acts">
                <button class="b b-solid" prop:disabled=move || chosen.with(String::is_empty)
                    on:click=move |_| send(chosen.get_untracked(), runs())>
                    {if predict.runs.is_some() { "Run and see" } else { "Answer" }}
                </button>
                <button class="b b-bare" on:click=move |_| send(String::new(), None)>"Skip"</button>
            </div>
        }
        .into_any()
    };
    let answer = move || predict.with(|predict| predict.answer.clone().unwrap_or_default());
    let shown = move |value: &str| {
        predict.with(|predict| {
            predict
                .options
                .iter()
                .find(|option| option.value == value)
                .map_or_else(|| value.to_owned(), |option| option.text.plain())
        })
    };
    let revealed = move || predict.with(|predict| predict.revealed.clone());
    let differs = move || !answer().is_empty() && revealed().is_some_and(|run| run != answer());
    let answered = move || {
        view! {
            <p>{rich(&predict.with_untracked(|predict| predict.question.clone()))}</p>
            <p class="vs">
                <span>
                    {move || if answer().is_empty() { "You skipped this." } else { "You said " }}
                    <b>{move || shown(&answer())}</b>
                </span>
                <span>
                    {move || if revealed().is_some() { "The run says " } else { "The run will say." }}
                    <b class:fail=differs>{move || revealed().map(|run| shown(&run)).unwrap_or_default()}</b>
                </span>
            </p>
        }
        .into_any()
    };
    let locked = Part::new(move |_| predict.with(|predict| predict.answer.is_some()));
    view! { <div class="pred">{move || if locked.get() { answered() } else { form() }}</div> }
}
