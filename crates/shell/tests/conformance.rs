//! The sessions recorded on Apache Kafka, each run on a fresh simulated cluster.
//!
//! Prints one line a session, which `cargo xtask conformance` shows as a table:
//! `conformance NAME SAME/COMMANDS ok|differs`.

use std::path::PathBuf;

use logbrook_shell::session_file;

fn sessions() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
    let mut sessions: Vec<(String, String)> = std::fs::read_dir(&folder)
        .expect("tests/conformance is there")
        .map(|entry| entry.expect("a file of tests/conformance").path())
        .filter(|path| path.extension().is_some_and(|e| e == "session"))
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a session file is text"))
        })
        .collect();
    sessions.sort();
    sessions
}

#[test]
fn kafkas_own_outputs_come_back() {
    let mut failed = Vec::new();
    let sessions = sessions();
    assert!(sessions.len() >= 10, "the recorded sessions are there");
    for (name, text) in &sessions {
        match session_file::run(text, 1) {
            Ok(transcript) => {
                let differences = transcript.differences();
                let (all, wrong) = (transcript.recorded(), differences.len());
                let word = if wrong == 0 { "ok" } else { "differs" };
                println!("conformance {name} {}/{all} {word}", all - wrong);
                failed.extend(differences.iter().map(|d| format!("{name}.session, {d}")));
            }
            Err(error) => {
                println!("conformance {name} 0/0 differs");
                failed.push(format!("{name}.session, {error}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What a recording holds does not hang on one run's luck.
#[test]
fn other_seeds_give_the_same_outputs() {
    for (name, text) in sessions().iter().filter(|(name, _)| !name.starts_with("help-")) {
        for seed in [7, 4242] {
            let differences = session_file::check(text, seed).expect("it runs");
            let shown: Vec<String> = differences.iter().map(ToString::to_string).collect();
            assert!(shown.is_empty(), "{name}.session, seed {seed}: {}", shown.join("\n"));
        }
    }
}
