//! A sentence with names and values in code type. Text nodes only: it may hold what was typed.

use leptos::prelude::*;
use logbrook_session::view::{Piece, Rich};

/// Draws a sentence.
pub(crate) fn rich(text: &Rich) -> AnyView {
    text.0
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone().into_any(),
            Piece::Code(text) => view! { <code>{text.clone()}</code> }.into_any(),
            Piece::Strong(text) => view! { <b>{text.clone()}</b> }.into_any(),
        })
        .collect_view()
        .into_any()
}
