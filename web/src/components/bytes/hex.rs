//! The hex grid, 16 bytes a row. The chosen field is lit by one style rule, and rows far below are
//! drawn when they come near, so that a long batch costs no more than a short one.

use super::Open;
use crate::components::inspector::purpose_class;
use crate::dom;
use crate::part::Part;
use leptos::html::Section;
use leptos::prelude::*;
use logbrook_session::view::{Bytes, Purpose};
use wasm_bindgen::JsCast;

/// Rows that are drawn at once below the first.
const WINDOW_ROWS: usize = 64;
/// Height of a row of records, in px, as in bytes.css.
const ROW_PX: usize = 33;
/// Rows that hold the 61 bytes of the header; they are taller and always drawn.
const HEADER_ROWS: usize = 4;

#[component]
pub(super) fn HexGrid() -> impl IntoView {
    let open = expect_context::<Open>();
    let section = NodeRef::<Section>::new();
    let rows = Part::new(move |_| open.bytes.with(|bytes| bytes.bytes.len().div_ceil(16)));
    let (first, set_first) = signal(0_usize);
    let scrolled = move |_| {
        if let Some(section) = section.get_untracked() {
            let top = usize::try_from(section.scroll_top()).unwrap_or_default() / ROW_PX;
            set_first.set(top.saturating_sub(WINDOW_ROWS / 3) / 16 * 16);
        }
    };
    let drawn = Part::new(move |_| {
        let rows = rows.get();
        if rows <= WINDOW_ROWS {
            return (HEADER_ROWS.min(rows), rows);
        }
        let from = first.get().max(HEADER_ROWS).min(rows - WINDOW_ROWS / 2);
        (from, (from + WINDOW_ROWS).min(rows))
    });
    let over = move |event: &web_sys::Event| {
        let byte = dom::closest(event, "[data-f]").and_then(|byte| dom::data(&byte, "data-f"));
        if let Some(row) = byte {
            open.row.set(row);
        }
    };
    // The field's bytes in the middle of the view when it is chosen in the tree.
    Effect::new(move |_| {
        let row = open.row.get();
        let (Some(section), Some(start)) = (
            section.get(),
            open.bytes.with_untracked(|bytes| bytes.rows.get(row).map(|row| row.start)),
        ) else {
            return;
        };
        let y = i32::try_from(60 + start / 16 * ROW_PX).unwrap_or(i32::MAX);
        let (top, height) = (section.scroll_top(), section.client_height());
        if y < top + 40 || y > top + height - 60 {
            section.set_scroll_top((y - height / 2).max(0));
        }
    });
    let spacer = move |count: usize| {
        (count > 0).then(
            || view! { <div class="space" style:height=format!("{}px", count * ROW_PX)></div> },
        )
    };
    view! {
        <section class="hexw" node_ref=section aria-label="Bytes" on:scroll=scrolled tabindex="0">
            <style>{move || lit(open.row.get(), open.bytes)}</style>
            <div class="hxw" on:pointerover=move |event| over(event.unchecked_ref()) on:click=move |event| over(event.unchecked_ref())>
                <div class="hx" role="img" aria-label=move || open.bytes.with(|bytes| format!("{} bytes of one record batch. The list beside it has every field as text.", bytes.bytes.len()))>
                    <HeadRow/>
                    {move || open.bytes.with(|bytes| hex_rows(bytes, 0, HEADER_ROWS.min(rows.get())))}
                    {move || spacer(drawn.get().0.saturating_sub(HEADER_ROWS))}
                    {move || { let (from, to) = drawn.get(); open.bytes.with(|bytes| hex_rows(bytes, from, to)) }}
                    {move || spacer(rows.get() - drawn.get().1)}
                </div>
                <p class="crcl">
                    <i></i>
                    {move || open.bytes.with(|bytes| format!("bytes {} to {}, covered by crc", bytes.crc_covers.0, bytes.crc_covers.1))}
                </p>
            </div>
            <RecordRibbon/>
        </section>
    }
}

/// One rule that lights the bytes of the chosen row: its own, or all fields in it.
fn lit(row: usize, bytes: Part<std::sync::Arc<Bytes>>) -> String {
    bytes.with(|bytes| {
        let Some(chosen) = bytes.rows.get(row) else { return String::new() };
        // A group lights up through its bracket in the tree only; lighting the whole batch says nothing.
        if chosen.depth == 0 {
            return String::new();
        }
        let fields: Vec<String> = bytes
            .rows
            .iter()
            .enumerate()
            .filter(|(i, field)| *i == row || (chosen.kind.is_empty() && inside(chosen, field)))
            .map(|(i, _)| format!(".hx.hx.hx [data-f='{i}'] i"))
            .collect();
        format!(
            "{}{{background:var(--brook);color:var(--on-brook);border-bottom-color:var(--brook)}}",
            fields.join(",")
        )
    })
}

fn inside(
    outer: &logbrook_session::view::ByteRow,
    inner: &logbrook_session::view::ByteRow,
) -> bool {
    inner.start >= outer.start
        && inner.start + inner.len <= outer.start + outer.len
        && inner.depth > outer.depth
}

#[component]
fn HeadRow() -> impl IntoView {
    let figure = |i: u8| view! { <span class="hd">{format!("{i:x}")}</span> };
    view! {
        <span class="hd"></span>
        {(0..8).map(figure).collect_view()}
        <span></span>
        {(8..16).map(figure).collect_view()}
        <span></span>
        <span class="hd txt">"text"</span>
    }
}

/// Rows `from..to` of the grid.
fn hex_rows(bytes: &Bytes, from: usize, to: usize) -> AnyView {
    // Innermost row of each byte; rows come in byte order, deeper ones after those around them.
    let mut owner = vec![0_usize; bytes.bytes.len()];
    for (i, row) in bytes.rows.iter().enumerate() {
        if let Some(owned) = owner.get_mut(row.start..(row.start + row.len).min(bytes.bytes.len()))
        {
            owned.fill(i);
        }
    }
    (from..to)
        .map(|line| {
            let start = line * 16;
            let cells = (start..start + 16).map(|at| (at, hex_byte(bytes, &owner, at))).map(|(at, cell)| {
                view! { {(at % 16 == 8).then(|| view! { <span></span> })} {cell} }
            });
            let header = line < HEADER_ROWS;
            let end = (start + 16).min(bytes.bytes.len());
            let text: String = bytes.bytes[start.min(end)..end]
                .iter()
                .map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' })
                .collect();
            let crc = bytes.crc_covers.0 / 16 <= line && line <= bytes.crc_covers.1 / 16;
            view! {
                <span class="off" class:rr=!header>{format!("{start:04x}")}</span>
                {cells.collect_view()}
                <span class="crc-l" class:on=crc class:first=crc && line == bytes.crc_covers.0 / 16 class:last=crc && line == bytes.crc_covers.1 / 16></span>
                <span class="asc" class:rr=!header>{text}</span>
            }
        })
        .collect_view()
        .into_any()
}

fn hex_byte(bytes: &Bytes, owner: &[usize], at: usize) -> AnyView {
    let (Some(byte), Some(i)) = (bytes.bytes.get(at), owner.get(at).copied()) else {
        return view! { <span></span> }.into_any();
    };
    let row = &bytes.rows[i];
    let (starts, ends) = (row.start == at, row.start + row.len == at + 1);
    let record =
        matches!(row.purpose, Purpose::Record | Purpose::RecordKey | Purpose::RecordLength);
    let mut class = String::from("hb ");
    // Records that begin in the header's last row are as tall as the header.
    class.push_str(if record && at / 16 < HEADER_ROWS {
        match row.purpose {
            Purpose::RecordLength => "recin len",
            _ => "recin",
        }
    } else {
        purpose_class(row.purpose)
    });
    if starts && (!record || row.purpose == Purpose::RecordLength) {
        class.push_str(" s");
    }
    if ends && !record {
        class.push_str(" e");
    }
    if row.error.is_some() {
        class.push_str(" bad");
    }
    // A label where a header field begins and has room for its name in this row.
    let room = row.len.min(16 - at % 16);
    let label = (starts && !record).then(|| {
        let name = (room >= 3 && row.name.len() <= room * 5 + 2).then(|| row.name.clone());
        view! { <span class="fl">{row.number.map(|number| view! { <span class="num">{number}</span> })}{name}</span> }
    });
    view! { <span class=class data-f=i.to_string()>{label}<i>{format!("{byte:02x}")}</i></span> }
        .into_any()
}

/// The chosen record, field by field, under the grid.
#[component]
fn RecordRibbon() -> impl IntoView {
    let open = expect_context::<Open>();
    let record = Part::new(move |_| {
        open.bytes.with(|bytes| bytes.rows.get(open.row.get()).and_then(|row| row.record))
    });
    view! {
        {move || record.get().map(|offset| open.bytes.with(|bytes| {
            let fields: Vec<_> = bytes.rows.iter().enumerate().filter(|(_, row)| row.record == Some(offset) && !row.kind.is_empty()).collect();
            let size: usize = fields.iter().map(|(_, row)| row.len).sum();
            view! {
                <section class="rib" aria-label=format!("Record {offset}")>
                    <h2>{format!("Record {offset}")}<span>{format!("{size} bytes; lengths and deltas are zigzag varints")}</span></h2>
                    <ol>
                        {fields.into_iter().map(|(i, row)| {
                            let shown: Vec<String> = bytes.bytes.iter().skip(row.start).take(row.len.min(5)).map(|byte| format!("{byte:02x}")).collect();
                            let more = if row.len > 5 { " …" } else { "" };
                            view! {
                                <li data-f=i.to_string() on:pointerover=move |_| open.row.set(i)>
                                    <span class="n">{row.name.clone()}</span><code>{format!("{}{more}", shown.join(" "))}</code><b>{row.value.clone()}</b>
                                </li>
                            }
                        }).collect_view()}
                    </ol>
                </section>
            }
        }))}
    }
}
