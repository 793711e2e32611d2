//! Errors and notices: what, where, and what would be right.

use super::each::items;
use super::icon::Icon;
use super::rich::rich;
use crate::dom;
use crate::store::{part, store};
use leptos::prelude::*;
use logbrook_session::Event;
use logbrook_session::view::Tone;

#[component]
pub(crate) fn Notices() -> impl IntoView {
    let store = store();
    let notices = part(store.notices, |notices| notices.to_vec());
    view! {
        <div class="notices" aria-live="polite">
            {items(notices, |notice| notice.id, move |notice| { let notice = notice.get_untracked(); view! {
                <div class=format!("msg {}", tone_class(notice.tone))>
                    <Icon name=tone_icon(notice.tone)/>
                    <span>{rich(&notice.text)}</span>
                    <span class="acts">
                        {notice.file.map(|(name, text)| view! {
                            <button class="b" on:click=move |_| dom::download(&name, &text)>"Download it"</button>
                        })}
                        {notice.moment.map(|moment| view! {
                            <button class="b" on:click=move |_| store.send(Event::SeekEvent(moment.event))>
                                "Show the moment " <span class="mono">{moment.time.to_string()}</span>
                            </button>
                        })}
                        <button class="b b-bare b-icon" aria-label="Close this message"
                            on:click=move |_| store.send(Event::Dismiss(notice.id))>
                            <Icon name="cross" small=true/>
                        </button>
                    </span>
                </div>
            }.into_any() })}
        </div>
    }
}

/// The colours of a tone.
pub(crate) fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Ok => "ok",
        Tone::Warn => "warn",
        Tone::Fail => "fail",
        Tone::Mark => "mark",
    }
}

/// The sign of a tone: never colour alone.
pub(crate) fn tone_icon(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "stage",
        Tone::Ok => "check",
        Tone::Warn => "alert",
        Tone::Fail => "cross",
        Tone::Mark => "aim",
    }
}
