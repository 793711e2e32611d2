//! A sign of the sprite in index.html. Always beside words or an accessible name.

use leptos::prelude::*;
use logbrook_session::view::Icon as Sign;

/// A sign, 16 px; `small` is 13 px. `class` adds to it.
#[component]
pub(crate) fn Icon(
    name: &'static str,
    #[prop(optional)] small: bool,
    #[prop(optional)] class: &'static str,
) -> impl IntoView {
    let class = format!(
        "{}{}{class}",
        if small { "i i-s" } else { "i" },
        if class.is_empty() { "" } else { " " }
    );
    view! { <svg class=class aria-hidden="true" inner_html=format!("<use href=\"#i-{name}\"/>")></svg> }
}

/// The sprite's name of a sign that the engine asks for.
pub(crate) fn sign(icon: Sign) -> &'static str {
    match icon {
        Sign::Power => "power",
        Sign::Cut => "cut",
        Sign::Slow => "slow",
        Sign::Arrow => "arrow",
        Sign::Plus => "plus",
        Sign::Flag => "flag",
        Sign::Fork => "fork",
        Sign::Pause => "pause",
    }
}
