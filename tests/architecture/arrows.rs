//! The architecture as a test: who may know whom, what has no std, and that levels are data.
//! ARCHITECTURE.md draws what this checks.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Our crates by floor. A crate may know those on floors under its own, and no other.
const FLOORS: &[(&str, u8)] = &[
    ("logbrook-sorted", 0),
    ("logbrook-planted", 0),
    ("logbrook-record", 1),
    ("logbrook-log", 2),
    ("logbrook-group", 2),
    ("logbrook-broker", 3),
    ("logbrook-client", 4),
    ("logbrook-app", 5),
    ("logbrook-cluster", 6),
    ("logbrook-shell", 7),
    ("logbrook-lab", 8),
    ("logbrook-sim", 8),
    ("logbrook-session", 9),
    ("logbrook-server", 5),
    ("logbrook-web", 10),
    ("logbrook-cli", 10),
];

/// What these may know at most, beyond the floors: the page draws a view and sends events, the server
/// puts TCP around a broker and around clients, the door knows nobody.
const ONLY: &[(&str, &[&str])] = &[
    ("logbrook-web", &["logbrook-session"]),
    (
        "logbrook-server",
        &[
            "logbrook-sorted",
            "logbrook-planted",
            "logbrook-record",
            "logbrook-log",
            "logbrook-group",
            "logbrook-broker",
            "logbrook-client",
        ],
    ),
    ("xtask", &[]),
];

/// The floor that has no std, no message vocabulary and no JSON.
const BARE: &[&str] = &["sorted", "planted", "record", "log", "group"];
const NOT_IN_BARE: &[&str] = &["kafka-protocol", "serde_json"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn metadata() -> Value {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("cargo metadata is JSON")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is a string in {value}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is a list in {value}"))
}

/// Our packages, each with our packages that it is built from. A test may reach further.
fn arrows(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let members: BTreeSet<&str> =
        list(metadata, "workspace_members").iter().filter_map(Value::as_str).collect();
    let ours: Vec<&Value> =
        list(metadata, "packages").iter().filter(|p| members.contains(text(p, "id"))).collect();
    let names: BTreeSet<&str> = ours.iter().map(|p| text(p, "name")).collect();
    ours.iter()
        .map(|package| {
            let built_from = list(package, "dependencies").iter().filter(|d| d["kind"] != "dev");
            let known = built_from.map(|d| text(d, "name")).filter(|name| names.contains(name));
            (text(package, "name").to_owned(), known.map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn no_arrow_points_up() {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let arrows = arrows(&metadata());
    let built: BTreeSet<&str> =
        arrows.keys().map(String::as_str).filter(|name| *name != "xtask").collect();
    assert_eq!(
        built,
        floors.keys().copied().collect(),
        "the crates of the workspace, and the crates with a floor"
    );
    for (from, known) in &arrows {
        for to in known {
            let down = floors.get(from.as_str()) > floors.get(to.as_str());
            assert!(down, "{from} knows {to}, which does not stand on a floor under it");
        }
    }
    for (from, allowed) in ONLY {
        let known = &arrows[*from];
        let more: Vec<_> = known.iter().filter(|to| !allowed.contains(&to.as_str())).collect();
        assert!(more.is_empty(), "{from} may know {allowed:?} at most, and knows {more:?}");
    }
    // The native body is the binary's alone: the page must never carry it.
    let by: Vec<_> = arrows
        .iter()
        .filter(|(_, known)| known.contains("logbrook-server"))
        .map(|(from, _)| from)
        .collect();
    assert!(by.iter().all(|from| *from == "logbrook-cli"), "{by:?} know the server");
}

#[test]
fn record_log_and_group_have_no_std_and_no_messages() {
    let metadata = metadata();
    let packages: BTreeMap<&str, &str> =
        list(&metadata, "packages").iter().map(|p| (text(p, "id"), text(p, "name"))).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"], "nodes").iter().map(|n| (text(n, "id"), n)).collect();
    for name in BARE {
        let lib = std::fs::read_to_string(root().join(format!("crates/{name}/src/lib.rs")))
            .expect("lib.rs");
        assert!(
            lib.lines().any(|line| line.trim() == "#![no_std]"),
            "crates/{name}/src/lib.rs has no `#![no_std]`"
        );

        // Everything that ends up in it, tests aside.
        let package = format!("logbrook-{name}");
        let mut ways = vec![*packages.iter().find(|(_, n)| **n == package).expect("a package").0];
        let mut seen = BTreeSet::new();
        while let Some(id) = ways.pop() {
            if !seen.insert(id) {
                continue;
            }
            assert!(
                !NOT_IN_BARE.contains(&packages[id]),
                "{package} depends on {} by some way",
                packages[id]
            );
            for dep in list(nodes[id], "deps") {
                if list(dep, "dep_kinds").iter().any(|kind| kind["kind"].is_null()) {
                    ways.push(text(dep, "pkg"));
                }
            }
        }
    }
}

#[test]
fn levels_are_data() {
    let mut folders = vec![root().join("lessons")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let kind = path.extension().unwrap_or_default().to_string_lossy().into_owned();
                assert!(
                    ["toml", "md", "session", "txt"].contains(&kind.as_str()),
                    "{}: a level holds toml, md, session and txt files",
                    path.display()
                );
            }
        }
    }
}
