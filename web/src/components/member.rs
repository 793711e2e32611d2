//! The badge of a group member: letter, shape and colour, all three always.

use leptos::prelude::*;
use logbrook_session::view::MemberMark;

/// `mA` to `mH`: sets the colours of badge, track and lag bar.
pub(crate) fn class(mark: Option<MemberMark>) -> &'static str {
    const CLASSES: [&str; 8] = ["mA", "mB", "mC", "mD", "mE", "mF", "mG", "mH"];
    mark.map_or("mX", |mark| CLASSES[usize::from(mark.shape())])
}

/// The badge.
pub(crate) fn badge(mark: MemberMark) -> AnyView {
    let letter = mark.letter();
    let shape = letter.chars().next().unwrap_or('A');
    // The letter sits lower in the triangle and the pentagon, where the shape is wide.
    let y = match shape {
        'C' => "14",
        'E' => "13",
        'G' => "12",
        _ => "12.6",
    };
    let again = if mark.0 >= 8 { " again" } else { "" };
    view! {
        <svg class=format!("mb {}{again}", class(Some(mark))) viewBox="0 0 18 18" aria-hidden="true"
            inner_html=format!("<use href=\"#sh-{shape}\"/><text x=\"9\" y=\"{y}\">{letter}</text>")></svg>
    }
    .into_any()
}
