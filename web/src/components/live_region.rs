//! The polite live region: speaks at most once a second, and then the newest sentence.

use crate::dom;
use crate::store::store;
use leptos::prelude::*;
use std::time::Duration;

const PAUSE_MS: f64 = 1_000.0;

#[component]
pub(crate) fn LiveRegion() -> impl IntoView {
    let store = store();
    let (said, say) = signal(String::new());
    let (last_ms, set_last_ms) = signal(-PAUSE_MS);
    let (waiting, set_waiting) = signal(false);
    Effect::new(move |_| {
        let next = store.announcement.get();
        if next.id == 0 || waiting.get_untracked() {
            return;
        }
        let wait = PAUSE_MS - (dom::now_ms() - last_ms.get_untracked());
        set_waiting.set(true);
        set_timeout(
            move || {
                set_waiting.set(false);
                set_last_ms.set(dom::now_ms());
                say.set(store.announcement.get_untracked().text.clone());
            },
            Duration::from_millis(wait.max(0.0) as u64),
        );
    });
    view! { <p class="sr" role="status" aria-live="polite">{said}</p> }
}
