//! A run as a link to the page's sandbox: its cluster, and every line at its time in `a`. There it is the
//! same run, to the last event.

use logbrook_sim::{Plan, Report};

/// `a` is packed above this length.
const LONGEST_PLAIN: usize = 1_500;
/// A longer link is not offered: browsers and chats cut it.
const LONGEST_LINK: usize = 2_048;
/// Of miniz: the smallest.
const LEVEL: u8 = 10;

/// The link, to the moment of the violation; `None` where it would be too long.
pub(super) fn link(plan: &Plan, report: &Report) -> Option<String> {
    let seed = u32::try_from(plan.seed).ok()?;
    let until_us = report.violation.as_ref().map_or(report.end_us, |violation| violation.at_us);
    let lines: Vec<String> = report
        .lines
        .iter()
        .filter(|(at_us, _)| *at_us <= until_us)
        .map(|(at_us, line)| format!("+{}.{:06} {line}", at_us / 1_000_000, at_us % 1_000_000))
        .collect();
    let text = lines.join("\n");
    let plain = percent_encoded(&text);
    let a = if plain.len() <= LONGEST_PLAIN {
        plain
    } else {
        let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), LEVEL);
        format!("~{}", base64_url(&packed))
    };
    let set: Vec<String> =
        plan.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut world = format!("template=one&brokers={}&seed={seed}", plan.brokers);
    if !set.is_empty() {
        world.push_str(&format!("&set={}", set.join(";")));
    }
    if !plan.racks.is_empty() {
        world.push_str(&format!("&racks={}", plan.racks.join(",")));
    }
    let at_ms = (until_us + 999) / 1_000;
    let link = format!("/sandbox/#{world}&start=cold&at={at_ms}&a={a}");
    (link.len() <= LONGEST_LINK).then_some(link)
}

/// Every byte but the unreserved ones of RFC 3986.
fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// RFC 4648, section 5, without padding.
fn base64_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or_default());
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..=three.len() {
            out.push(char::from(DIGITS[(word >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_as_rfc_4648_has_them() {
        for (bytes, text) in [("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg")] {
            assert_eq!(base64_url(bytes.as_bytes()), text);
        }
        assert_eq!(base64_url(&[0xfb, 0xff]), "-_8");
    }

    fn shortest() -> (Plan, Report) {
        let mut plan = Plan::draw(3);
        plan.faults = vec![logbrook_sim::Fault::read("+4 @kill 1").expect("a fault")];
        plan.apps.truncate(1);
        let report = logbrook_sim::run(&plan);
        (plan, report)
    }

    #[test]
    fn a_short_run_is_readable_and_a_long_one_is_packed_or_not_offered() {
        let (plan, mut report) = shortest();
        report.lines.truncate(2);
        let short = link(&plan, &report).expect("a link");
        assert!(short.starts_with("/sandbox/#template=one&brokers="), "{short}");
        assert!(
            short.contains("&start=cold&at=") && short.contains("%20kafka-topics.sh%20"),
            "{short}"
        );
        report.lines = (0..90).map(|at| (at * 300_000, "@kill 1".to_owned())).collect();
        assert!(link(&plan, &report).expect("a link").contains("&a=~"));
        report.lines = (0..900).map(|at| (at * 1_001, format!("@delay 1 all {at}"))).collect();
        assert_eq!(link(&plan, &report), None);
    }

    /// What the page makes of the link's parts.
    #[test]
    fn the_link_opens_the_same_run_to_the_last_event() {
        use logbrook_session::{Event, Session};
        for seed in [3, 17, 51] {
            let plan = Plan::draw(seed);
            let report = logbrook_sim::run(&plan);
            let link = link(&plan, &report);
            let fragment = link.as_deref().and_then(|link| link.split_once('#')).map(|(_, f)| f);
            let fragment = fragment.expect("a link that is short enough");
            let lines: Vec<String> = report
                .lines
                .iter()
                .map(|(at, line)| format!("+{}.{:06} {line}", at / 1_000_000, at % 1_000_000))
                .collect();
            let mut session = Session::new(logbrook_session::catalog::Catalog::default());
            session.update(Event::Sandbox(fragment.to_owned()));
            let (fragment, lines) = (fragment.to_owned(), lines.join("\n"));
            session.update(Event::Link { fragment, lines, cut: false });
            while session.advance(16_000, &mut || true) {}
            assert_eq!(session.trace_hash(), Some(report.hash), "seed {seed}");
        }
    }
}
