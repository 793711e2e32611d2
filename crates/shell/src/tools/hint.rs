//! The playground's own word about a command line that Kafka 4 refuses. It goes beside the
//! terminal, never into a tool's output.

use super::options_of;
use super::setup::resolves;
use crate::nearest::nearest;

/// Options of older Kafkas, and what to type instead.
const GONE: [(&str, &str); 6] = [
    ("broker-list", "--bootstrap-server"),
    ("zookeeper", "--bootstrap-server localhost:9092"),
    ("new-consumer", "nothing: it is the only consumer"),
    ("whitelist", "--include"),
    ("request-timeout", "--request-timeout-ms"),
    ("blacklist", "--exclude-internal"),
];

/// One line on what to type instead, if a word of the command line calls for it.
pub fn hint(argv: &[String]) -> Option<String> {
    let table = options_of(argv.first()?)?;
    let option_of = |word: &String| {
        let name = word.strip_prefix("--")?;
        Some(name.split_once('=').map_or(name, |(name, _)| name).to_string())
    };
    let unknown = argv[1..].iter().filter_map(option_of).find(|n| table.get(n).is_none());
    if let Some(name) = unknown.filter(|name| !name.is_empty()) {
        if let Some((_, instead)) = GONE.iter().find(|(gone, _)| *gone == name) {
            return Some(format!("--{name} is gone since Kafka 4; type {instead} instead."));
        }
        let names = table.options.iter().map(|o| o.name.as_str());
        return nearest(&name, names).map(|near| format!("Did you mean --{near}?"));
    }
    let server = argv.windows(2).find(|w| w[0] == "--bootstrap-server").map(|w| w[1].as_str());
    let server = server.or_else(|| argv.iter().find_map(|w| w.strip_prefix("--bootstrap-server=")));
    if let Some(server) = server {
        let known = server.split(',').any(|s| {
            let port = s.rsplit(':').next().and_then(|p| p.parse::<u16>().ok());
            resolves(s) && port.is_some_and(|p| p >= 9092)
        });
        if !known {
            return Some(format!(
                "No broker is at {server}; the first one here is localhost:9092."
            ));
        }
    }
    // Two dashes became one, or a long dash: the word is then no option at all.
    let dashed = argv[1..].iter().find(|w| w.starts_with(['\u{2013}', '\u{2014}']));
    dashed.map(|word| {
        let name = word.trim_start_matches(['\u{2013}', '\u{2014}', '-']);
        format!("{word} begins with a long dash; type --{name}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_has_a_successor() {
        let hint = |line: &str| hint(&crate::words::split(line).unwrap());
        assert_eq!(
            hint("kafka-console-producer.sh --broker-list localhost:9092 --topic orders").unwrap(),
            "--broker-list is gone since Kafka 4; type --bootstrap-server instead."
        );
        assert_eq!(
            hint("kafka-topics.sh --bootstrap-server b:1 --lsit").unwrap(),
            "Did you mean --list?"
        );
        assert_eq!(
            hint("kafka-topics.sh --bootstrap-server kafka:9092 --list").unwrap(),
            "No broker is at kafka:9092; the first one here is localhost:9092."
        );
        assert_eq!(hint("kafka-topics.sh --bootstrap-server localhost:9092 --list"), None);
    }
}
