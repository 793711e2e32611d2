//! Completion of a line at the cursor: tools and verbs, then options in the words of the tool's own
//! help, then values from the live cluster.

use logbrook_cluster::Cluster;

use crate::action::VERBS;
use crate::tools::{self, options::Argument};
use crate::workspace::Workspace;

/// Lines are short; so is the row under the prompt.
const MOST: usize = 40;
/// Completion puts this in by itself: it is as mandatory as in Kafka.
const BOOTSTRAP: &str = "--bootstrap-server localhost:9092";

/// One thing that could stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is put in, in place of the word that was begun.
    pub text: String,
    /// What it is, in the words of the tool's help.
    pub description: String,
    /// Byte of the line where the word that was begun starts.
    pub from: usize,
}

/// What could stand at byte `cursor` of `line`; best first.
#[must_use]
pub fn complete(line: &str, cursor: usize, workspace: &Workspace) -> Vec<Completion> {
    let Some(before) = line.get(..cursor) else { return Vec::new() };
    let from = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = &before[from..];
    let words: Vec<&str> = before[..from].split_whitespace().collect();
    let make = |text: String, description: String| Completion { text, description, from };
    let mut found: Vec<Completion> = match words.split_first() {
        None => first_words().into_iter().map(|(text, about)| make(text, about)).collect(),
        Some((verb, rest)) if verb.starts_with('@') => {
            verb_values(verb, rest, workspace).into_iter().map(|t| make(t, String::new())).collect()
        }
        Some((tool, rest)) => {
            let values = words
                .last()
                .filter(|_| !rest.is_empty())
                .and_then(|last| values(tool, last, workspace));
            match values {
                Some((values, Argument::Optional)) => {
                    let all = values.into_iter().chain(options(tool, rest));
                    all.map(|(t, d)| make(t, d)).collect()
                }
                Some((values, Argument::Required | Argument::None)) => {
                    values.into_iter().map(|(t, d)| make(t, d)).collect()
                }
                None => options(tool, rest).into_iter().map(|(t, d)| make(t, d)).collect(),
            }
        }
    };
    found.retain(|c| c.text.starts_with(word) && c.text != word);
    found.truncate(MOST);
    found
}

fn first_words() -> Vec<(String, String)> {
    let summary = |name: &str| {
        let table = tools::options_of(name);
        table.map(|t| t.summary.lines().next().unwrap_or_default().to_owned()).unwrap_or_default()
    };
    let tools = tools::names().map(|name| (name.to_owned(), summary(name)));
    let own = [("cat", "Show a file."), ("ls", "List files."), ("help", "What can be typed here.")];
    let own = own.into_iter().map(|(name, about)| (name.to_owned(), about.to_owned()));
    let verbs = VERBS.iter().filter(|(name, _)| !matches!(*name, "cluster" | "mask" | "file"));
    let verbs = verbs.map(|(name, usage)| (format!("@{name}"), format!("@{name} {usage}")));
    tools.chain(verbs).chain(own).collect()
}

/// The options not given yet; the bootstrap server first, as nothing works without it.
fn options(tool: &str, given: &[&str]) -> Vec<(String, String)> {
    let Some(table) = tools::options_of(tool) else { return Vec::new() };
    let is_given = |name: &str| given.iter().any(|word| word.trim_start_matches('-') == name);
    let mut out = Vec::new();
    for option in &table.options {
        if is_given(&option.name) {
            continue;
        }
        let text = match option.name.as_str() {
            "bootstrap-server" => BOOTSTRAP.to_owned(),
            name => format!("--{name}"),
        };
        out.push((text, option.description.clone()));
    }
    logbrook_sorted::sort_by_key(&mut out, |(text, _)| text != BOOTSTRAP);
    out
}

/// Words with what they are.
type Described = Vec<(String, String)>;

/// Values for the option that was just written, and whether it can go without; none if it takes
/// none.
fn values(tool: &str, option: &str, workspace: &Workspace) -> Option<(Described, Argument)> {
    let name = option.strip_prefix("--")?;
    let table = tools::options_of(tool)?;
    let option = table.options.iter().find(|o| o.name == name)?;
    if option.argument == Argument::None {
        return None;
    }
    let about = option.described_as.clone();
    let named = |names: Vec<String>| names.into_iter().map(|n| (n, about.clone())).collect();
    let values = match name {
        "topic" => named(topics(&workspace.cluster)),
        "group" => named(groups(&workspace.cluster)),
        "broker-list" => {
            let ids: Vec<String> =
                workspace.cluster.broker_ids().map(|id| id.to_string()).collect();
            named(vec![ids.join(",")])
        }
        "bootstrap-server" => vec![("localhost:9092".to_owned(), about.clone())],
        name if FILES.contains(&name) => named(workspace.files().keys().cloned().collect()),
        name => named(words_of(tool, name).iter().map(|word| (*word).to_owned()).collect()),
    };
    Some((values, option.argument))
}

/// Options that name a file of the working directory.
const FILES: [&str; 11] = [
    "admin.config",
    "command-config",
    "consumer-config",
    "consumer.config",
    "formatter-config",
    "from-file",
    "offset-json-file",
    "path-to-json-file",
    "producer.config",
    "reassignment-json-file",
    "topics-to-move-json-file",
];

/// The words that an option takes, where they are few.
fn words_of(tool: &str, option: &str) -> &'static [&'static str] {
    match option {
        "offset" => &["earliest", "latest", "0"],
        "time" => &[
            "latest",
            "earliest",
            "max-timestamp",
            "earliest-local",
            "latest-tiered",
            "earliest-pending-upload",
        ],
        "isolation-level" => &["read_uncommitted", "read_committed"],
        "election-type" => &["preferred", "unclean"],
        "group-type" => &["classic", "consumer", "share", "streams"],
        "type" if tool == "kafka-consumer-groups.sh" => &["classic", "consumer"],
        "state" if tool == "kafka-consumer-groups.sh" => &["stable", "empty", "dead"],
        "compression-codec" => &["none", "gzip", "snappy", "lz4", "zstd"],
        "request-required-acks" => &["all", "1", "0"],
        _any_text => &[],
    }
}

fn verb_values(verb: &str, rest: &[&str], workspace: &Workspace) -> Vec<String> {
    let cluster = &workspace.cluster;
    match (verb, rest) {
        ("@deploy" | "@scale" | "@burst" | "@poison", []) => {
            cluster.apps().keys().cloned().collect()
        }
        ("@restart" | "@stop" | "@start" | "@kill" | "@pause", []) => {
            let one = |app: &String, number: &u32| format!("{app}/{number}");
            let each = cluster.apps().iter().flat_map(|(name, app)| {
                let instances = app.instances().keys().map(move |n| one(name, n));
                std::iter::once(name.clone()).chain(instances)
            });
            each.collect()
        }
        ("@sleep", []) => ["1", "5", "10", "30"].map(str::to_owned).to_vec(),
        ("@store", []) => cluster.stores().keys().cloned().collect(),
        _nothing_known => Vec::new(),
    }
}

fn topics(cluster: &Cluster) -> Vec<String> {
    let broker = cluster.broker_ids().find_map(|id| cluster.broker(id));
    let mut names: Vec<String> =
        broker.map(|b| b.metadata().topics().keys().cloned().collect()).unwrap_or_default();
    logbrook_sorted::sort_by_key(&mut names, |name| name.starts_with("__"));
    names
}

fn groups(cluster: &Cluster) -> Vec<String> {
    let brokers = cluster.broker_ids().filter_map(|id| cluster.broker(id));
    brokers.flat_map(|b| b.groups()).map(|group| group.group_id).collect()
}

#[cfg(test)]
mod tests {
    use logbrook_cluster::ClusterConfig;

    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let workspace = Workspace::new(Cluster::new(ClusterConfig::default()));
        complete(line, line.len(), &workspace).into_iter().map(|c| c.text).collect()
    }

    #[test]
    fn tools_then_options_then_values() {
        assert_eq!(texts("kafka-to"), ["kafka-topics.sh"]);
        assert_eq!(texts("kafka-topics.sh ")[0], BOOTSTRAP);
        assert!(
            texts("kafka-topics.sh --bootstrap-server localhost:9092 --cr")
                .contains(&"--create".to_owned())
        );
        assert!(!texts("kafka-topics.sh --create --").contains(&"--create".to_owned()));
        assert_eq!(texts("kafka-topics.sh --bootstrap-server "), ["localhost:9092"]);
        assert_eq!(texts("@sle"), ["@sleep"]);
    }

    #[test]
    fn values_are_those_that_the_option_takes() {
        assert_eq!(texts("kafka-leader-election.sh --election-type "), ["preferred", "unclean"]);
        assert_eq!(texts("kafka-get-offsets.sh --time earliest-p"), ["earliest-pending-upload"]);
        let three = ClusterConfig { brokers: 3, ..ClusterConfig::default() };
        let workspace = Workspace::new(Cluster::new(three));
        let line = "kafka-reassign-partitions.sh --generate --broker-list ";
        let found = complete(line, line.len(), &workspace);
        assert_eq!(found.first().map(|c| c.text.as_str()), Some("1,2,3"));
        let mut workspace = Workspace::new(Cluster::new(ClusterConfig::default()));
        workspace.put_file("plan.csv", "orders,0,2");
        let line = "kafka-consumer-groups.sh --reset-offsets --from-file ";
        let found = complete(line, line.len(), &workspace);
        assert_eq!(found.first().map(|c| c.text.as_str()), Some("plan.csv"));
        assert!(
            texts("kafka-consumer-groups.sh --list --state --t").contains(&"--type".to_owned())
        );
        assert!(texts("kafka-delete-records.sh --off").contains(&"--offset-json-file".to_owned()));
    }

    #[test]
    fn a_cursor_inside_a_character_completes_nothing() {
        let workspace = Workspace::new(Cluster::new(ClusterConfig::default()));
        assert!(complete("é", 1, &workspace).is_empty());
        assert!(complete("", 9, &workspace).is_empty());
    }
}
