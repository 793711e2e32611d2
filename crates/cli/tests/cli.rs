//! The binary as a person runs it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn logbrook() -> Command {
    Command::new(env!("CARGO_BIN_EXE_logbrook"))
}

/// What a run said, and its exit code.
struct Said {
    out: String,
    err: String,
    code: Option<i32>,
}

fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Said { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
}

fn run(folder: &Path, line: &str) -> Said {
    let output = logbrook().args(line.split(' ')).current_dir(folder).output().expect("it runs");
    said(output)
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An empty folder for one test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn the_help_names_what_is_there_and_nothing_else() {
    let help = run(&repository(), "--help").out;
    for name in ["serve", "session", "grade", "level", "sim", "bench", "kafka-console-consumer.sh"]
    {
        assert!(help.contains(name), "{name}: {help}");
    }
    let unknown = run(&repository(), "kafka-topic.sh --list");
    assert!(unknown.err.contains("did you mean `kafka-topics.sh`?"), "{}", unknown.err);
    assert_eq!(unknown.code, Some(2));
}

#[test]
fn seeds_are_a_range_or_one_number() {
    let ran = run(&repository(), "sim --seeds 3 --json");
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert!(ran.out.contains("\"seeds\":1"), "{}", ran.out);
    for (wrong, expected) in [
        ("--seeds=5..5", "whose end is above its start"),
        ("--seeds=5..1", "whose end is above its start"),
        ("--seeds=a..b", "expected a range such as 0..1000, or one number"),
        ("--seeds=-1", "expected a range such as 0..1000, or one number"),
        ("--seeds=18446744073709551615", "expected a range such as 0..1000, or one number"),
        ("--seeds=0..18446744073709551615", "expected at most 10000000"),
        ("--jobs=0", "expected a number from 1 to 256"),
        ("--jobs=257", "expected a number from 1 to 256"),
        ("--seeds=3 --app=nobody", "found `nobody`, seed 3 has t1-writer1"),
        ("--seeds=3 --fault=@kill", "expected a time and a fault such as `+3.5 @kill 2`"),
        ("--seeds=3 --faults=/nowhere", "FILE /nowhere: "),
    ] {
        let refused = run(&repository(), &format!("sim {wrong}"));
        assert!(refused.err.contains(expected), "{wrong}: {}", refused.err);
        assert_eq!(refused.code, Some(2), "{wrong}");
    }
}

#[test]
fn faults_of_a_file_are_run_and_those_that_cannot_be_are_refused() {
    let folder = scratch("sim");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("writes");
    write("good", "# twice\n+6 @pause 1 2\n+2.5 @pause 1 1\n");
    let plan = run(&folder, "sim --seeds 3 --faults good --plan").out;
    assert!(plan.contains("+2.500000 @pause 1 1\n+6.000000 @pause 1 2\n"), "{plan}");
    let ran = run(&folder, "sim --seeds 3 --faults good --json");
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("\"pause\":2"), "{}", ran.out);

    write("nobody", "+3 @kill 77\n");
    let nobody = run(&folder, "sim --seeds 3 --faults nobody");
    assert!(nobody.err.contains("found node 77, expected a broker from 1 to"), "{}", nobody.err);
    write("typing", "+3 $ kafka-topics.sh --list\n");
    let typing = run(&folder, "sim --seeds 3 --faults typing");
    assert!(typing.err.contains("typing, line 1: found `$ kafka-topics.sh"), "{}", typing.err);
    write("many", &"+3 @heal\n".repeat(10_000));
    let many = run(&folder, "sim --seeds 3 --faults many");
    assert!(many.err.contains("found 10000 faults, expected at most 1000"), "{}", many.err);
    assert_eq!((nobody.code, typing.code, many.code), (Some(2), Some(2), Some(2)));
}

#[test]
fn a_session_is_printed_checked_and_refused_by_its_line() {
    let folder = scratch("session");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("writes");
    let create = "$ kafka-topics.sh --bootstrap-server localhost:9092 --create --topic orders\n";
    write("good.session", &format!("{create}| Created topic orders.\n= 0\n"));
    let good = run(&folder, "session good.session --check");
    assert_eq!(good.out, "good.session: 1 of 1 recorded outputs are the same\n");
    assert_eq!(good.code, Some(0));

    write("other.session", &format!("{create}| Created topic payments.\n= 0\n"));
    let other = run(&folder, "session other.session --check");
    assert!(other.out.starts_with("other.session, line 1: $ kafka-topics.sh"), "{}", other.out);
    assert!(
        other.out.contains("| Created topic payments.")
            && other.out.contains("| Created topic orders.")
    );
    assert_eq!(other.code, Some(1));
    let printed = run(&folder, "session other.session");
    assert_eq!(printed.out, format!("{create}| Created topic orders.\n= 0\n"));

    write("bad.session", "# a comment\n@frob 3\n");
    let bad = run(&folder, "session bad.session");
    assert!(
        bad.err.starts_with("logbrook session: bad.session, line 2: found `@frob"),
        "{}",
        bad.err
    );
    assert_eq!(bad.code, Some(2));
    assert_eq!(run(&folder, "session none.session").code, Some(2));
}

#[test]
fn an_answer_is_graded_as_its_level_says() {
    let level = repository().join("lessons/basics/first-record");
    let grade = |answer: &Path| {
        let output = logbrook()
            .args(["grade", "basics/first-record", "--json", "--answer"])
            .arg(answer)
            .current_dir(repository())
            .output();
        said(output.expect("it runs"))
    };
    let passed = grade(&level.join("solution.session"));
    let report: serde_json::Value = serde_json::from_str(&passed.out).expect("JSON");
    assert_eq!((&report["passed"], passed.code), (&true.into(), Some(0)), "{}", passed.out);
    let failed = grade(&level.join("wrong/one-partition.session"));
    let report: serde_json::Value = serde_json::from_str(&failed.out).expect("JSON");
    assert_eq!((&report["passed"], failed.code), (&false.into(), Some(1)), "{}", failed.out);
    assert_eq!(report["first_failure"]["assert"], "topic");

    let answer = scratch("grade").join("answer.session");
    fs::write(&answer, "\n@deploy\n").expect("writes");
    let bad = grade(&answer);
    assert!(bad.err.contains("answer.session, line 2: found"), "{}", bad.err);
    assert_eq!(bad.code, Some(2));
    let nowhere = run(&repository(), "grade no/level --answer x");
    assert!(nowhere.err.contains("LEVEL: found `no/level`"), "{}", nowhere.err);
    assert_eq!(nowhere.code, Some(2));
}

#[test]
fn a_new_level_passes_its_own_proofs_and_is_exported() {
    let folder = scratch("new");
    fs::create_dir(folder.join("lessons")).expect("a folder");
    fs::write(folder.join("lessons/tracks.toml"), "# The order.\n").expect("writes");
    let refused = run(&folder, "level new Groups/one");
    assert!(refused.err.contains("TRACK/SLUG: found `Groups/one`"), "{}", refused.err);
    assert_eq!(refused.code, Some(2));

    assert_eq!(run(&folder, "level new groups/one").code, Some(0));
    assert_eq!(run(&folder, "level new groups/two").code, Some(0));
    assert_eq!(run(&folder, "level new groups/two").code, Some(2));
    let proven = run(&folder, "level prove");
    assert_eq!(proven.code, Some(0), "{}{}", proven.out, proven.err);
    let last = proven.out.lines().last().unwrap_or_default();
    assert!(last.starts_with("12 proofs in ") && last.ends_with(", 0 fail"), "{}", proven.out);
    let formatted = run(&folder, "level fmt --check");
    assert_eq!(
        (formatted.out.as_str(), formatted.code),
        ("0 READMEs would be rewritten\n", Some(0))
    );

    assert_eq!(run(&folder, "level export --out out").code, Some(0));
    let read = |file: &str| -> serde_json::Value {
        let text = fs::read_to_string(folder.join(file)).expect(file);
        serde_json::from_str(&text).expect(file)
    };
    let slugs = &read("out/catalog.json")["tracks"][0]["levels"];
    assert_eq!((&slugs[0]["slug"], &slugs[1]["slug"]), (&"one".into(), &"two".into()));
    assert_eq!(read("out/groups/one.json")["goals"][0], "`one` exists with 2 partitions");

    // A wrong field is named with its line, and nothing is half done.
    let toml = folder.join("lessons/groups/one/level.toml");
    let text = fs::read_to_string(&toml).expect("reads").replace("minutes = 5", "minuets = 5");
    fs::write(&toml, text).expect("writes");
    let wrong = run(&folder, "level export --out again");
    assert!(
        wrong.err.contains("groups/one/level.toml, line") && wrong.err.contains("minuets"),
        "{}",
        wrong.err
    );
    assert_eq!(wrong.code, Some(2));
    assert!(!folder.join("again").exists());
}

#[test]
fn a_stale_readme_is_shown_then_rewritten() {
    let folder = scratch("fmt");
    fs::create_dir(folder.join("lessons")).expect("a folder");
    fs::write(folder.join("lessons/tracks.toml"), "").expect("writes");
    assert_eq!(run(&folder, "level new groups/one").code, Some(0));
    let readme = folder.join("lessons/groups/one/README.md");
    let good = fs::read_to_string(&readme).expect("reads");
    let stale = good.replace("| Created topic one.", "| Made topic one.").replace("one-1 |\n", "");
    fs::write(&readme, &stale).expect("writes");
    let shown = run(&folder, "level fmt --check");
    assert_eq!(shown.code, Some(1));
    assert!(shown.out.contains("- | Made topic one.\n+ | Created topic one.\n"), "{}", shown.out);
    assert!(shown.out.contains("+ one-1 |\n"), "{}", shown.out);
    assert_eq!(fs::read_to_string(&readme).expect("reads"), stale, "--check writes nothing");
    assert_eq!(run(&folder, "level fmt").code, Some(0));
    assert_eq!(fs::read_to_string(&readme).expect("reads"), good);
}

#[test]
fn the_readmes_of_the_lessons_are_what_the_engine_gives() {
    let check = run(&repository(), "level fmt --check");
    assert_eq!(check.code, Some(0), "{}{}", check.out, check.err);
}

/// Ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_is_served_to_the_tools_and_ends_in_order() {
    let folder = scratch("serve");
    let child = logbrook()
        .args(["serve", "--listen", "127.0.0.1:0", "--config", "num.partitions=2"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut server = Server(child);
    let mut lines = BufReader::new(server.0.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("UTF-8");
    let (address, _) = first
        .strip_prefix("Kafka on ")
        .and_then(|rest| rest.split_once(": node"))
        .expect("the line says where");
    let tool = |line: &str| run(&folder, &format!("{line} --bootstrap-server {address}"));

    assert_eq!(tool("kafka-topics.sh --create --topic orders").out, "Created topic orders.\n");
    assert!(tool("kafka-topics.sh --describe --topic orders").out.contains("PartitionCount: 2"));
    let mut producer = logbrook()
        .args(["kafka-console-producer.sh", "--topic", "orders", "--bootstrap-server", address])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    producer.stdin.take().expect("piped").write_all(b"tea\r\ncoffee").expect("it reads");
    assert!(producer.wait().expect("it ends").success());
    let read = tool("kafka-console-consumer.sh --topic orders --from-beginning --max-messages 2");
    assert_eq!((read.out.as_str(), read.code), ("tea\ncoffee\n", Some(0)), "{}", read.err);

    let id = server.0.id().to_string();
    if Command::new("kill").args(["-TERM", &id]).status().is_ok_and(|status| status.success()) {
        assert_eq!(server.0.wait().expect("it ends").code(), Some(0));
        assert_eq!(lines.next().expect("a line").expect("UTF-8"), "Stopped.");
    }
}

#[test]
fn what_cannot_be_served_is_said_by_its_argument() {
    for (arguments, named) in [
        ("--listen nowhere", "--listen"),
        ("--listen 192.0.2.1:0", "--i-know-this-is-open"),
        ("--data Cargo.toml", "--data Cargo.toml: a file; a folder was expected"),
        ("--config num.partitions", "KEY=VALUE"),
        ("--config num.partitions=0", "--config num.partitions: Invalid value 0"),
        ("--config listeners=x", "use --listen HOST:PORT"),
    ] {
        let refused = run(&repository(), &format!("serve {arguments}"));
        assert!(refused.err.contains(named), "{arguments}: {}", refused.err);
        assert_eq!(refused.code, Some(2), "{arguments}");
    }
}
