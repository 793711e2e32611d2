//! The assignors against Apache Kafka's own: `assignors/java.txt` is what the assignors of
//! kafka-clients 4.4.0 answered for groups whose members come, go, miss generations and change
//! their topics, and whose topics grow. The names are such that Java's HashMaps go in their order.

use logbrook_group::TopicPartition;
use logbrook_group::assignors::{
    Assignments, Assignor, GroupMember, PartitionsPerTopic, Subscriptions,
};
use logbrook_group::consumer_protocol::Subscription;

#[derive(Default)]
struct Case {
    assignor: Option<Assignor>,
    partitions: PartitionsPerTopic,
    members: Subscriptions,
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|item| !item.is_empty())
}

fn topic_partition(text: &str) -> TopicPartition {
    let (topic, index) = text.rsplit_once('-').expect("topic-index");
    TopicPartition::new(topic, index.parse().expect("an index"))
}

fn member(text: &str) -> (String, GroupMember) {
    let mut words = text.split(' ');
    let id = words.next().expect("an id");
    let mut value = |name: &str| {
        let word = words.next().and_then(|word| word.strip_prefix(name));
        word.and_then(|word| word.strip_prefix('=')).expect("name=value")
    };
    let instance = value("instance");
    let generation_id = value("generation").parse().expect("a generation");
    let topics = list(value("topics")).map(String::from).collect();
    let owned_partitions = list(value("owned")).map(topic_partition).collect();
    let user = value("user");
    let byte = |at: usize| u8::from_str_radix(&user[at..at + 2], 16).expect("hex");
    let user_data = (user != "-").then(|| (0..user.len()).step_by(2).map(byte).collect());
    let subscription =
        Subscription { topics, user_data, owned_partitions, generation_id, rack_id: None };
    let group_instance_id = (instance != "-").then(|| instance.to_string());
    (id.into(), GroupMember { subscription, group_instance_id })
}

fn show(assignments: &Assignments) -> String {
    let member = |(id, partitions): (&String, &Vec<TopicPartition>)| {
        let partitions: Vec<String> = partitions.iter().map(|p| format!(" {p}")).collect();
        format!("{id}:{}", partitions.concat())
    };
    assignments.iter().map(member).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_assignment_is_javas() {
    let text = include_str!("assignors/java.txt");
    let mut case = Case::default();
    let (mut cases, mut different) = (0, Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let (word, rest) = line.split_once(' ').expect("a word and its rest");
        match word {
            "assignor" => {
                case = Case { assignor: Assignor::by_name(rest), ..Case::default() };
            }
            "partitions" => {
                let counts = rest.split(' ').map(|word| word.split_once('=').expect("topic=count"));
                case.partitions = counts
                    .map(|(topic, count)| (topic.into(), count.parse().expect("a count")))
                    .collect();
            }
            "member" => case.members.extend([member(rest)]),
            "is" => {
                cases += 1;
                let assignor = case.assignor.expect("a known assignor");
                let ours = show(&assignor.assign(&case.partitions, &case.members));
                if ours != rest {
                    different
                        .push(format!("line {number} {assignor:?}\n  java {rest}\n  ours {ours}"));
                }
            }
            other => panic!("line {number}: {other}: expected assignor, partitions, member or is"),
        }
    }
    assert!(cases > 100, "{cases}");
    assert!(different.is_empty(), "{} of {cases}:\n{}", different.len(), different.join("\n"));
}
