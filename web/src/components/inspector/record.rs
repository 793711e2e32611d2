//! The batch at the panel's width: the record decoded, its fields in short, the way to the bytes.

use crate::components::icon::Icon;
use crate::components::rich::rich;
use crate::components::workbench::Panels;
use crate::dom;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::{Bytes, Purpose, RecordCard};
use std::sync::Arc;
use wasm_bindgen::JsCast;

#[component]
pub(super) fn RecordPane() -> impl IntoView {
    let store = store();
    let panels = expect_context::<Panels>();
    let bytes = part(store.inspector, |look| look.as_ref().and_then(|look| look.bytes.clone()));
    let selected = part(store.stage, |stage| stage.selected.as_ref().and_then(|at| at.offset));
    let back = part(store.timeline, |time| time.can.back);
    view! {
        {move || bytes.get().map(|bytes| {
            let record = selected.get().and_then(|offset| bytes.records.iter().find(|record| record.offset == offset)).cloned();
            let written = bytes.written;
            view! {
                <p class="t3">{bytes.place.clone()}{written.map(|moment| view! {
                    ", "
                    {if back.get_untracked() {
                        view! { <button class="link" on:click=move |_| store.send(Event::SeekEvent(moment.event))>{format!("written at {}", moment.time)}</button> }.into_any()
                    } else {
                        view! { {format!("written at {}", moment.time)} }.into_any()
                    }}
                })}</p>
                {record.map(|record| record_card(&record))}
                <div class="acts look-acts">
                    <button class="b" on:click=move |_| panels.bytes.set(true)><Icon name="bytes" small=true/>{format!("All {} bytes ", bytes.bytes.len())}<kbd>"B"</kbd></button>
                    <button class="b b-icon" aria-label="Batch before" prop:disabled=!bytes.neighbours.0 on:click=move |_| store.send(Event::SelectNeighbour { after: false })><Icon name="left" small=true/></button>
                    <button class="b b-icon" aria-label="Batch after" prop:disabled=!bytes.neighbours.1 on:click=move |_| store.send(Event::SelectNeighbour { after: true })><Icon name="right" small=true/></button>
                </div>
                <PanelHex bytes=bytes.clone()/>
                <h3>"Batch header"</h3>
                <table class="tbl fields">
                    <tbody>
                        {bytes.rows.iter().filter(|row| row.number.is_some()).map(|row| view! {
                            <tr>
                                <td><span class=format!("num {}", purpose_class(row.purpose))>{row.number.unwrap_or_default()}</span></td>
                                <th scope="row" class="mono">{row.name.clone()}</th>
                                <td class="n">{row.value.clone()}</td>
                            </tr>
                        }).collect_view()}
                    </tbody>
                </table>
            }
        })}
    }
}

/// The bytes at the panel's width, eight a row; the field under the pointer stands out and says
/// what it is.
#[component]
fn PanelHex(bytes: Arc<Bytes>) -> impl IntoView {
    /// A longer batch is read at full size.
    const SHOWN: usize = 512;
    let row = RwSignal::new(bytes.start);
    let over = move |event: &web_sys::Event| {
        if let Some(at) =
            dom::closest(event, "[data-f]").and_then(|byte| dom::data(&byte, "data-f"))
        {
            row.set(at);
        }
    };
    let mut owner = vec![0_usize; bytes.bytes.len()];
    for (i, row) in bytes.rows.iter().enumerate() {
        if let Some(owned) = owner.get_mut(row.start..(row.start + row.len).min(bytes.bytes.len()))
        {
            owned.fill(i);
        }
    }
    let lines = bytes
        .bytes
        .iter()
        .zip(owner)
        .take(SHOWN)
        .collect::<Vec<_>>()
        .chunks(8)
        .enumerate()
        .map(|(line, chunk)| {
            view! {
                <div data-off=format!("{:04x}", line * 8)>
                    {chunk.iter().map(|(byte, i)| {
                        let class = bytes.rows.get(*i).map(|row| purpose_class(row.purpose)).unwrap_or_default();
                        view! { <i class=class data-f=i.to_string()>{format!("{byte:02x}")}</i> }
                    }).collect_view()}
                </div>
            }
        })
        .collect_view();
    let fields = bytes.clone();
    let (more, all) = (bytes.bytes.len() > SHOWN, bytes.bytes.len());
    view! {
        <style>{move || format!(".ph-x.ph-x.ph-x [data-f='{}']{{background:var(--brook);color:var(--on-brook)}}", row.get())}</style>
        <div class="ph-x mono" role="group" aria-label="Hex" tabindex="0" on:pointerover=move |event| over(event.unchecked_ref()) on:click=move |event| over(event.unchecked_ref())>
            {lines}
            {more.then(|| view! { <p class="t3">{format!("the first {SHOWN} of {all} bytes")}</p> })}
        </div>
        <p class="ph-f">{move || fields.rows.get(row.get()).map(|row| view! {
            <b class="mono">{row.name.clone()}</b>" "<code>{row.value.clone()}</code>" "<span class="t3">{rich(&row.doc)}</span>
        })}</p>
    }
}

/// A record as its readers see it.
pub(crate) fn record_card(record: &RecordCard) -> AnyView {
    let text = |value: &Option<String>| {
        let class = if value.is_some() { "" } else { "t3" };
        let value = value.clone().unwrap_or_else(|| "null".to_owned());
        view! { <code class=class>{value}</code> }
    };
    view! {
        <dl class="kv rec">
            <dt>"offset"</dt><dd><code>{record.offset}</code></dd>
            <dt>"key"</dt><dd>{text(&record.key)}</dd>
            <dt>"value"</dt><dd>{text(&record.value)}</dd>
            <dt>"timestamp"</dt><dd><code>{record.timestamp.clone()}</code></dd>
            {record.headers.iter().map(|(name, value)| view! {
                <dt>"header "<code>{name.clone()}</code></dt><dd>{text(value)}</dd>
            }).collect_view()}
        </dl>
    }
    .into_any()
}

/// The tint of a field.
pub(crate) fn purpose_class(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Group => "",
        Purpose::Place => "g1",
        Purpose::Integrity => "g2",
        Purpose::Shape => "g3",
        Purpose::Time => "g4",
        Purpose::Producer => "g5",
        Purpose::Count => "g6",
        Purpose::RecordLength => "rec len",
        Purpose::RecordKey => "rec k",
        Purpose::Record => "rec",
    }
}
