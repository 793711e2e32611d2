//! The chosen field: what it is, its bytes, what it says.

use super::Open;
use crate::components::icon::Icon;
use crate::components::inspector::record_card;
use crate::components::rich::rich;
use leptos::prelude::*;

/// More bytes than these are not spelled out.
const SPELLED: usize = 24;

#[component]
pub(super) fn FieldPane() -> impl IntoView {
    let open = expect_context::<Open>();
    view! {
        <aside class="fd" aria-label="Field" tabindex="0">
            {move || {
                let bytes = open.bytes.get();
                let row = bytes.rows.get(open.row.get()).cloned()?;
                let last = row.start + row.len.max(1) - 1;
                let place = if row.len == 1 { format!("byte {}", row.start) } else { format!("bytes {} to {last}", row.start) };
                let number = row.number.map(|number| format!("field {number}, ")).unwrap_or_default();
                let kind = if row.kind.is_empty() { String::new() } else { format!("{}, ", row.kind) };
                let big = if row.kind.starts_with("int") { ", big endian" } else { "" };
                let hex: Vec<String> = bytes.bytes.iter().skip(row.start).take(row.len.min(SPELLED)).map(|byte| format!("{byte:02x}")).collect();
                let more = if row.len > SPELLED { " …" } else { "" };
                let record = row.record.filter(|_| row.kind.is_empty()).and_then(|offset| bytes.records.iter().find(|record| record.offset == offset).cloned());
                let (ok, crc) = bytes.crc.clone();
                Some(view! {
                    <h2>{row.name.clone()}</h2>
                    <p class="sub">{format!("{number}{kind}{place}{big}")}</p>
                    <div class="val"><b>{row.value.clone()}</b><code>{format!("{}{more}", hex.join(" "))}</code></div>
                    {row.error.as_ref().map(|error| view! { <div class="msg fail"><Icon name="cross"/><span>{rich(error)}</span></div> })}
                    {record.map(|record| record_card(&record))}
                    {(!row.doc.is_empty()).then(|| view! { <h3>"What it says"</h3><p>{rich(&row.doc)}</p> })}
                    <h3>"Checksum"</h3>
                    <p>
                        {if ok { view! { <span class="ok"><Icon name="check"/></span> } } else { view! { <span class="fail"><Icon name="cross"/></span> } }}
                        " "{rich(&crc)}
                    </p>
                })
            }}
        </aside>
    }
}
