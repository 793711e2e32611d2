//! A plan as a link to the page's sandbox: `seed`, and the action lines in `a`.

use logbrook_sim::Plan;

/// `a` is packed above this length.
const LONGEST_PLAIN: usize = 1_500;
/// A longer link is not offered: browsers and chats cut it.
const LONGEST_LINK: usize = 2_048;
/// Of miniz: the smallest.
const LEVEL: u8 = 10;

/// The link; `None` where it would be too long.
pub(super) fn link(plan: &Plan) -> Option<String> {
    let lines: Vec<String> =
        plan.script().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let text = lines.join("\n");
    let plain = percent_encoded(&text);
    let a = if plain.len() <= LONGEST_PLAIN {
        plain
    } else {
        let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), LEVEL);
        format!("~{}", base64_url(&packed))
    };
    let link = format!("/sandbox/#seed={}&a={a}", plan.seed);
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

    #[test]
    fn a_short_plan_is_readable_and_a_long_one_is_packed_or_not_offered() {
        let mut plan = Plan::draw(3);
        plan.faults.clear();
        let short = link(&plan).expect("a link");
        assert!(short.starts_with("/sandbox/#seed=3&a=%40cluster%20"), "{short}");
        plan.faults = (0..40)
            .map(|at| logbrook_sim::Fault::read(&format!("+{at} @kill 1")).expect("a fault"))
            .collect();
        assert!(link(&plan).expect("a link").contains("&a=~"));
        let many = (0..900).map(|at| format!("+{at}.{at:03} @delay 1 all {at}"));
        plan.faults = many.map(|line| logbrook_sim::Fault::read(&line).expect("a fault")).collect();
        assert_eq!(link(&plan), None);
    }
}
