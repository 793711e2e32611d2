//! Keyed lists and conditions, compiled once: what differs stands behind a pointer.

use crate::part::Part;
use leptos::prelude::*;
use std::sync::Arc;

/// A list drawn by key: what keeps its key keeps its element. `keys` says which there are, in
/// order; `child` draws one and follows its item by itself.
pub(crate) fn each(
    keys: impl Fn() -> Vec<u64> + Send + Sync + 'static,
    child: impl Fn(u64) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let keys = Part::new(move |_| keys());
    list(Box::new(move || keys.get()), Arc::new(child))
}

fn list(
    keys: Box<dyn Fn() -> Vec<u64> + Send + Sync>,
    child: Arc<dyn Fn(u64) -> AnyView + Send + Sync>,
) -> AnyView {
    view! { <For each=keys key=|key| *key children=move |key| child(key)/> }.into_any()
}

/// A list drawn by key, each item followed by a part of its own. `key` names an item.
pub(crate) fn items<T: PartialEq + Clone + Send + Sync + 'static>(
    list: Part<Vec<T>>,
    key: fn(&T) -> u64,
    child: impl Fn(Part<T>) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let find =
        move |wanted: u64| list.with(|list| list.iter().find(|item| key(item) == wanted).cloned());
    each(
        move || list.with(|list| list.iter().map(key).collect()),
        move |wanted| match untrack(|| find(wanted)) {
            // An item on its way out keeps what it was last.
            Some(first) => child(Part::new(move |old: Option<&T>| {
                find(wanted).or_else(|| old.cloned()).unwrap_or_else(|| first.clone())
            })),
            None => ().into_any(),
        },
    )
}

/// A condition, behind a pointer.
pub(crate) struct When(Box<dyn Fn() -> bool + Send + Sync>);

impl<F: Fn() -> bool + Send + Sync + 'static> From<F> for When {
    fn from(when: F) -> When {
        When(Box::new(when))
    }
}

/// Draws its children while `when` holds, else `fallback`.
#[component]
pub(crate) fn Show(
    #[prop(into)] when: When,
    #[prop(optional, into)] fallback: Option<ViewFn>,
    children: ChildrenFn,
) -> impl IntoView {
    let when = Part::new(move |_| (when.0)());
    dynamic(move || match (when.get(), &fallback) {
        (true, _) => children(),
        (false, Some(fallback)) => fallback.run(),
        (false, None) => ().into_any(),
    })
}

/// Draws what `draw` says, anew whenever that changes.
pub(crate) fn dynamic(draw: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
    let draw: Box<dyn Fn() -> AnyView + Send + Sync> = Box::new(draw);
    redraw(draw)
}

fn redraw(draw: Box<dyn Fn() -> AnyView + Send + Sync>) -> AnyView {
    (move || draw()).into_any()
}

/// A key for text: FNV-1a. Two items of one list with the same hash are not to be expected.
pub(crate) fn text_key(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
