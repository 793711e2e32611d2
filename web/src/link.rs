//! The address' fragment: what a link says, and the link of what was done.

use crate::{deflate, places};
use leptos::prelude::window;
use logbrook_session::Event;
use logbrook_session::view::Shared;

/// Longer ones are offered as a file: what mail and chat cut off helps nobody.
pub(crate) const LONGEST: usize = 2_048;
/// Lines longer than this are packed.
const PLAIN: usize = 1_500;

/// What the address says, as an event. None where it says nothing of that kind.
pub(crate) async fn read() -> Option<Event> {
    let fragment = places::fragment();
    let says = |key: &str| fragment.split('&').any(|pair| pair.starts_with(key));
    if !["seed=", "rev=", "at=", "a="].into_iter().any(says) {
        return None;
    }
    let lines = fragment.split('&').find_map(|pair| pair.strip_prefix("a=")).unwrap_or_default();
    let (lines, cut) = match lines.strip_prefix('~') {
        // Packed lines are whole or nothing.
        Some(packed) => match deflate::unpack(packed).await {
            Some(lines) => (lines, false),
            None => (String::new(), true),
        },
        None => decode(lines),
    };
    Some(Event::Link { fragment, lines, cut })
}

/// Percent-encoded text; a sign that is cut in half at the end is left out, and said.
fn decode(text: &str) -> (String, bool) {
    let plain = |text: &str| js_sys::decode_uri_component(text).ok().map(String::from);
    if let Some(lines) = plain(text) {
        return (lines, false);
    }
    let less = (1..=12).filter_map(|n| text.get(..text.len().checked_sub(n)?));
    (less.filter_map(plain).next().unwrap_or_default(), true)
}

/// The whole link of what was done.
pub(crate) async fn write(shared: &Shared) -> String {
    let location = window().location();
    let place = format!(
        "{}{}#{}",
        location.origin().unwrap_or_default(),
        location.pathname().unwrap_or_default(),
        shared.head
    );
    if shared.lines.is_empty() {
        return place;
    }
    let plain = String::from(js_sys::encode_uri_component(&shared.lines));
    // What an address may hold as it is stays readable.
    let plain =
        [("%3D", "="), ("%2F", "/"), ("%3A", ":"), ("%40", "@"), ("%24", "$"), ("%2C", ",")]
            .into_iter()
            .fold(plain, |text, (coded, sign)| text.replace(coded, sign));
    if plain.len() > PLAIN
        && let Some(packed) = deflate::pack(&shared.lines).await
    {
        return format!("{place}&a=~{packed}");
    }
    format!("{place}&a={plain}")
}
