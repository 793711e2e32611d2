//! What differs from run to run in a tool's output, made the same: ids, times, random groups.
//!
//! Each becomes a token of the same length, so that tables stay aligned, numbered by its first
//! appearance in the file:
//!
//! ```text
//! {uuid-000...1}          a random UUID
//! {id-0000000000000001}   a random 22-character base64 id
//! {ts-00000001}           a time in ms within two days of the run
//! {yyyy-mm-dd hh:mm:ss,}  a date and time within eight days of the run (`T` form too)
//! {work}                  the working directory
//! {usage}                 the option table of a tool, except for --help itself
//! {###}                   the digits of console-consumer-NNNNN, and what @mask names
//! ```

use logbrook_sorted::SortedMap;

use regex_lite::{Captures, Regex};

use crate::action::{ActionError, Output};
use crate::tools::WORKING_DIRECTORY;

const DAY_MS: i64 = 86_400_000;

/// The masks of one file, with what they have seen.
#[derive(Clone, Debug)]
pub struct Mask {
    seen: SortedMap<&'static str, SortedMap<String, usize>>,
    masks: Vec<Regex>,
}

impl Default for Mask {
    fn default() -> Mask {
        let groups = Regex::new(r"console-(?:share-)?consumer-(\d+)\b");
        Mask { seen: SortedMap::new(), masks: groups.into_iter().collect() }
    }
}

impl Mask {
    /// From here on, group 1 of every match is masked.
    pub fn add(&mut self, regex: &str) -> Result<(), ActionError> {
        let compiled = Regex::new(regex)
            .map_err(|e| ActionError::new(regex, format!("a regular expression: {e}")))?;
        self.masks.push(compiled);
        Ok(())
    }

    /// An output as a recorder would write it. `now_ms` is the wall clock of the run; the output
    /// of `--help` keeps its option table.
    pub fn apply(&mut self, output: &Output, now_ms: i64, help: bool) -> Output {
        let mut stream = |text: &String| {
            let text = if help { text.clone() } else { without_usage(text) };
            let text = text.replace(WORKING_DIRECTORY, "{work}");
            let text = self.ids(&text);
            let text = self.times(&text, now_ms);
            self.settle(&dates(&text, now_ms))
        };
        let stdout = stream(&output.stdout);
        let stderr = stream(&output.stderr);
        Output { stdout, stderr, exit: output.exit }
    }

    fn number(&mut self, kind: &'static str, text: &str, width: usize) -> String {
        let group = self.seen.entry(kind).or_default();
        let next = group.len() + 1;
        let number = *group.entry(text.to_string()).or_insert(next);
        let digits = width.saturating_sub(kind.len() + 3);
        format!("{{{kind}-{number:0digits$}}}")
    }

    /// UUIDs and base64 ids.
    fn ids(&mut self, text: &str) -> String {
        let text =
            replace_words(text, 36, |word, _| is_uuid(word).then(|| self.number("uuid", word, 36)));
        replace_words(&text, 22, |word, before| {
            // A topic's id is one whatever its letters; elsewhere only what cannot be a word.
            let named = before.ends_with("TopicId: ");
            (named || is_id(word)).then(|| self.number("id", word, 22))
        })
    }

    /// Times in ms of the run.
    fn times(&mut self, text: &str, now_ms: i64) -> String {
        let mut out = String::new();
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                let next = text[at..].chars().next().map_or(1, char::len_utf8);
                out.push_str(&text[at..at + next]);
                at += next;
                continue;
            }
            let word = &text[at..at + digits];
            let after_point = at > 0 && bytes[at - 1] == b'.';
            let before_point = bytes.get(at + digits) == Some(&b'.');
            let near = word.parse::<i64>().is_ok_and(|t| (t - now_ms).abs() < 2 * DAY_MS);
            if digits == 13 && !after_point && !before_point && near {
                out.push_str(&self.number("ts", word, 13));
            } else {
                out.push_str(word);
            }
            at += digits;
        }
        out
    }

    /// Counts, checksums over masked times, random groups; a run of equal WARN lines is cut to one.
    fn settle(&self, text: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for line in text.split('\n') {
            let mut line = line.to_string();
            if line.contains("{ts-") {
                line = replace(&line, r"\bcrc: \d+", |_| "crc: {crc}".to_string());
            }
            line = replace(&line, r"\b(correlation id |tries=)\d+", |c| format!("{}{{n}}", &c[1]));
            line = replace(&line, r"\bafter \d+( attempt)", |c| format!("after {{n}}{}", &c[1]));
            for mask in &self.masks {
                line = mask.replace_all(&line, |c: &Captures<'_>| hidden(c)).into_owned();
            }
            let repeated = lines.last() == Some(&line) && line.contains("] WARN ");
            if !repeated {
                lines.push(line);
            }
        }
        lines.join("\n")
    }
}

fn replace(text: &str, regex: &str, with: impl Fn(&Captures<'_>) -> String) -> String {
    match Regex::new(regex) {
        Ok(regex) => regex.replace_all(text, |c: &Captures<'_>| with(c)).into_owned(),
        Err(_) => text.to_string(),
    }
}

/// Group 1 of a match becomes a token of its length.
fn hidden(c: &Captures<'_>) -> String {
    let whole = &c[0];
    let (Some(all), Some(group)) = (c.get(0), c.get(1)) else { return whole.to_string() };
    let n = group.len();
    let token = match n {
        0..=2 => "#".repeat(n),
        _ => format!("{{{}}}", "#".repeat(n - 2)),
    };
    let (from, to) = (group.start() - all.start(), group.end() - all.start());
    format!("{}{token}{}", &whole[..from], &whole[to..])
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Replaces pieces of a given length that stand alone: no word character or `{` around them.
fn replace_words(
    text: &str,
    length: usize,
    mut with: impl FnMut(&str, &str) -> Option<String>,
) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut before = String::new();
    while !rest.is_empty() {
        let word_end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if word_end == 0 {
            let c = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..c]);
            before.push_str(&rest[..c]);
            rest = &rest[c..];
            continue;
        }
        let word = &rest[..word_end];
        let alone = !before.ends_with('{');
        // A member id is a client id, a dash, and the UUID: the token may end the word.
        let at = if length == 36 {
            word.len().checked_sub(length)
        } else {
            (word.len() == length).then_some(0)
        };
        let joined = at.is_some_and(|at| at == 0 || word[..at].ends_with('-'));
        let token = match at {
            Some(at) if alone && joined => {
                with(&word[at..], &before).map(|token| format!("{}{token}", &word[..at]))
            }
            _ => None,
        };
        out.push_str(token.as_deref().unwrap_or(word));
        before.push_str(word);
        rest = &rest[word_end..];
    }
    out
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.char_indices().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_digit() || ('a'..='f').contains(&c),
        })
}

fn is_id(word: &str) -> bool {
    let any = |test: fn(char) -> bool| word.chars().any(test);
    // Ids that a recording's cluster was formatted with are the same in each run.
    let fixed = word.starts_with("LogbrookGroundTruth_") || word == "MkU3OEVBNTcwNTJENDM2Qg";
    !fixed
        && word.len() == 22
        && word.ends_with(['A', 'Q', 'g', 'w'])
        && any(|c| c.is_ascii_lowercase())
        && any(|c| c.is_ascii_uppercase())
        && any(|c| c.is_ascii_digit())
}

/// Dates within eight days of the run.
fn dates(text: &str, now_ms: i64) -> String {
    let near = |c: &Captures<'_>| {
        let days = days_of(&c[1]);
        days.is_some_and(|days| (days - now_ms.div_euclid(DAY_MS)).abs() <= 8)
    };
    let text = replace(text, r"(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d,\d{3}", |c| match near(c) {
        true => "{yyyy-mm-dd hh:mm:ss,}".to_string(),
        false => c[0].to_string(),
    });
    replace(&text, r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d\.\d{3}", |c| match near(c) {
        true => "{yyyy-mm-ddThh:mm:ss.}".to_string(),
        false => c[0].to_string(),
    })
}

/// Days since 1970-01-01 of `yyyy-mm-dd`.
fn days_of(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some(era * 146_097 + doe - 719_468)
}

/// The option table of a tool becomes one word.
fn without_usage(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let header = line.starts_with("Option ") && line.trim_end().ends_with(" Description");
        let divider = lines.peek().is_some_and(|next| next.starts_with("------ "));
        if !(header && divider) {
            out.push_str(line);
            continue;
        }
        lines.next();
        while lines.next_if(|l| l.starts_with([' ', '-'])).is_some() {}
        out.push_str("{usage}\n");
    }
    out
}

/// An output as it is compared: without stack frames, which name lines of Java code; with all times
/// alike, as two events may or may not share a millisecond; with the length of a wait in tenths of a
/// second, as real clocks overshoot; with sets of names in one order; and with what is masked alike
/// whatever its length, as a duration or a rate of one run has more digits than that of another.
pub(super) fn comparable(output: &Output) -> String {
    let mut lines = output.lines();
    lines.retain(|line| {
        let text = line.get(2..).unwrap_or_default();
        let indented = text.trim_start_matches('\t');
        let frame = indented.starts_with("at ");
        let more = indented.starts_with("... ") && line.ends_with(" more");
        indented == text || !(frame || more)
    });
    // How often a client tries again is a matter of drawn waits: a warning counts once in its run.
    let mut run: Vec<&str> = Vec::new();
    let mut text = String::new();
    for line in &lines {
        if !line.contains("] WARN ") {
            run.clear();
        } else if run.contains(&line.as_str()) {
            continue;
        } else {
            run.push(line);
        }
        text.push_str(line);
        text.push('\n');
    }
    let text = replace(&text, r"\{ts-\d+\}", |_| "{ts-########}".to_string());
    let text =
        replace(&text, r":(\d+)\d\d ms has passed", |c| format!(":{}00 ms has passed", &c[1]));
    let text = replace(&text, r"\t(?:\{#+\}|##?) *\t", |_| "\t{#}\t".to_string());
    let text = replace(&text, r"\{#+\}", |_| "{#}".to_string());
    // Such a list in a message is an immutable set of Java: its order is the JVM's luck.
    let text = replace(&text, r"\[[a-z-]+\](?:, \[[a-z-]+\])+", |c| {
        let mut options: Vec<&str> = c[0].split(", ").collect();
        logbrook_sorted::sort(&mut options);
        options.join(", ")
    });
    replace(&text, r"(Valid (?:states|types) are: )(.*)", |c| {
        let mut names: Vec<&str> = c[2].split(", ").collect();
        logbrook_sorted::sort(&mut names);
        format!("{}{}", &c[1], names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let output = Output { stdout: text.to_string(), ..Output::default() };
        Mask::default().apply(&output, 1_795_447_906_123, false).stdout
    }

    #[test]
    fn what_differs_from_run_to_run_gets_a_token_of_its_length() {
        let text = "Topic: a\tTopicId: bT9xYYhSQ7eQ1Jq2dGkWxg\tPartitionCount: 1\n\
                    g console-consumer-2b5d7b1e-8f04-4b1c-9a6f-0123456789ab /127.0.0.1 1795447906000\n\
                    again bT9xYYhSQ7eQ1Jq2dGkWxg and 1795447906001 and 1795447906000, not 12.1795447906000\n\
                    [2026-11-23 15:31:46,123] WARN x correlation id 17 (y)\n\
                    [2026-11-23 15:31:47,123] WARN x correlation id 18 (y)\n\
                    [1999-11-23 15:31:47,123] group console-consumer-12345 \n";
        assert_eq!(
            masked(text),
            "Topic: a\tTopicId: {id-00000000000000001}\tPartitionCount: 1\n\
             g console-consumer-{uuid-00000000000000000000000000001} /127.0.0.1 {ts-00000001}\n\
             again {id-00000000000000001} and {ts-00000002} and {ts-00000001}, not 12.1795447906000\n\
             [{yyyy-mm-dd hh:mm:ss,}] WARN x correlation id {n} (y)\n\
             [1999-11-23 15:31:47,123] group console-consumer-{###} \n"
        );
    }

    #[test]
    fn usage_is_one_word() {
        let table = include_str!("../tools/help/kafka-topics.txt");
        assert_eq!(
            masked(table),
            "This tool helps to create, delete, describe, or change a topic.\n{usage}\n"
        );
    }

    #[test]
    fn masks_of_a_file_hide_their_group() {
        let mut mask = Mask::default();
        mask.add(r"within \[(\d+),").unwrap();
        let output = Output { stderr: "within [1234, x".to_string(), ..Output::default() };
        assert_eq!(mask.apply(&output, 0, false).stderr, "within [{##}, x");
        assert!(mask.add("(").is_err());
    }

    #[test]
    fn a_masked_number_may_have_another_length_in_its_cell() {
        let cell =
            |stdout: &str| comparable(&Output { stdout: stdout.to_string(), ..Output::default() });
        assert_eq!(cell("a\t{##}  \tb"), cell("a\t##    \tb"));
        assert_ne!(cell("a\t{##}  \tb"), cell("a\t1234  \tb"));
    }
}
