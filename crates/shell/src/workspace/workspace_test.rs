use logbrook_cluster::{Cluster, ClusterConfig};

use super::*;

fn workspace() -> Workspace {
    Workspace::new(Cluster::new(ClusterConfig::default()))
}

fn run(ws: &mut Workspace, line: &str) -> Outcome {
    ws.run(&Action::parse(line).unwrap()).unwrap()
}

fn output(ws: &mut Workspace, line: &str) -> Output {
    run(ws, line).output.unwrap_or_default()
}

#[test]
fn files_are_there_for_cat_and_ls() {
    let mut ws = workspace();
    output(&mut ws, "@file a.txt\n< one\n<");
    assert_eq!(output(&mut ws, "$ cat a.txt").stdout, "one\n\n");
    assert_eq!(output(&mut ws, "$ ls").stdout, "a.txt\n");
    let missing = output(&mut ws, "$ cat b.txt");
    assert_eq!(missing.stderr, "cat: b.txt: No such file or directory\n");
    assert_eq!(missing.exit, Some(1));
}

#[test]
fn an_unknown_command_gets_help() {
    let mut ws = workspace();
    let end = run(&mut ws, "$ kafka-topic.sh --list");
    let said = end.output.unwrap();
    assert_eq!(said.stderr, "bash: kafka-topic.sh: command not found\n");
    assert_eq!(said.exit, Some(127));
    assert_eq!(end.hint.unwrap(), "Did you mean kafka-topics.sh? `help` lists what there is.");
}

/// The output is Kafka 4's, byte for byte; what to type instead stands beside it.
#[test]
fn the_old_broker_list_is_refused_with_a_hint_beside_the_output() {
    let mut ws = workspace();
    let end =
        run(&mut ws, "$ kafka-console-producer.sh --broker-list localhost:9092 --topic orders");
    let said = end.output.unwrap();
    assert!(said.stderr.starts_with("broker-list is not a recognized option\nOption "));
    assert_eq!((said.stdout.as_str(), said.exit), ("", Some(1)));
    assert_eq!(
        end.hint.unwrap(),
        "--broker-list is gone since Kafka 4; type --bootstrap-server instead."
    );
}

#[test]
fn time_passes_only_with_an_action() {
    let mut ws = workspace();
    output(&mut ws, "@sleep 2.5");
    assert_eq!(ws.cluster.now_us(), 2_500_000);
    output(&mut ws, "@at 4");
    assert_eq!(ws.cluster.now_us(), 4_000_000);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let mut ws = workspace();
    let mut error = |line: &str| ws.run(&Action::parse(line).unwrap()).unwrap_err().to_string();
    assert_eq!(
        error("@kill 7"),
        "line 1: found `@kill 7`, expected a broker of this cluster (1); there is no 7"
    );
    assert_eq!(
        error("@scale shop 2"),
        "line 1: found `@scale shop 2`, expected no app `shop`: there are none"
    );
    assert_eq!(
        error("@feed p x"),
        "line 1: found `p`, expected a terminal begun by `& NAME COMMAND`; there is none"
    );
}

/// A command under `@until` is tried again and again, but not for ever.
#[test]
fn what_never_matches_ends_with_an_error() {
    let mut ws = workspace();
    let mut error = |until: &str, line: &str| {
        ws.run(&Action::parse(until).unwrap()).unwrap();
        ws.run(&Action::parse(line).unwrap()).unwrap_err().to_string()
    };
    assert_eq!(
        error("@until x", "$ kafka-tropics.sh --list"),
        "line 1: found `kafka-tropics.sh --list`, expected a command that there is, to repeat until it \
         matches"
    );
    assert_eq!(
        error("@until x", "$ ls"),
        "line 1: found ``, expected output that matches x within 60 s"
    );
    assert_eq!(
        error(
            "@until x",
            "$ kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic t"
        ),
        "line 1: found `a command that still ran`, expected output that matches x within 60 s"
    );
}

/// Two terminals side by side: lines go in until Ctrl-D, records come out until Ctrl-C.
#[test]
fn console_tools_are_live_processes() {
    let mut ws = workspace();
    let server = "--bootstrap-server localhost:9092 --topic orders";
    output(&mut ws, &format!("$ kafka-topics.sh --create {server} --partitions 3"));
    let reader = format!("kafka-console-consumer.sh {server} --from-beginning");
    let reader = ws.begin_live("reader", &reader).unwrap().process().unwrap();
    let writer = ws.begin_live("writer", &format!("kafka-console-producer.sh {server}"));
    let writer = writer.unwrap().process().unwrap();
    let text = |ws: &Workspace, p| ws.cluster.process(p).unwrap().stdout_text();
    for line in ["one", "two"] {
        output(&mut ws, &format!("@feed writer {line}"));
        output(&mut ws, &format!("@expect reader {line}"));
    }
    assert_eq!(text(&ws, reader), "one\ntwo\n");
    let closed = output(&mut ws, "@close writer");
    assert_eq!((closed.stderr.as_str(), closed.exit), ("", Some(0)));
    assert!(!ws.cluster.process(writer).unwrap().is_running());
    ws.cluster.signal(reader, Signal::Int);
    let ended = output(&mut ws, "@wait reader");
    assert_eq!(ended.exit, Some(130));
    assert!(ended.stderr.ends_with("Processed a total of 2 messages\n"), "{}", ended.stderr);
}

#[test]
fn a_command_without_an_end_is_killed() {
    let mut ws = workspace();
    let end =
        output(&mut ws, "$ kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic t");
    assert_eq!(end.exit, Some(137));
    assert_eq!(ws.cluster.now_us(), COMMAND_LIMIT_US);
}
