//! Folders as Apache Kafka 4.4.0 left them at a clean stop are opened, and recovered as after a crash, to the
//! files that Kafka wrote.
#![cfg(not(target_family = "wasm"))]

mod common;
#[path = "common/disk.rs"]
mod disk;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use disk::Disk;
use logbrook_log::{CleanupPolicy, FileSystem, LoadOptions, Log, LogConfig, LogFolder};
use logbrook_record::{LeaderEpoch, Offset, batches};

type Files = BTreeMap<String, Vec<u8>>;

/// The folders, by name, with their files.
fn folders() -> BTreeMap<String, Files> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../record/tests/data");
    let folder = |path: &Path| -> Files {
        fs::read_dir(path)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                // What kafka-dump-log and Kafka's reader said of the files lies beside them.
                !matches!(path.extension().and_then(|e| e.to_str()), Some("txt" | "json"))
            })
            .map(|path| {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                (name, fs::read(&path).expect("a file"))
            })
            .collect()
    };
    fs::read_dir(data)
        .expect("the goldens")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), folder(&path))
        })
        .collect()
}

/// `log-start-offset-checkpoint` of the folders: one topic had its records deleted up to here.
fn log_start(name: &str) -> Offset {
    Offset(if name == "trimmed-0" { 3 } else { 0 })
}

fn config(name: &str) -> LogConfig {
    LogConfig {
        segment_ms: i64::MAX,
        index_interval_bytes: if name.starts_with("__") { 4096 } else { 200 },
        retention_ms: -1,
        producer_id_expiration_ms: i64::MAX,
        cleanup_policy: CleanupPolicy {
            delete: true,
            compact: name.starts_with("__") || name.starts_with("compacted"),
        },
        ..LogConfig::default()
    }
}

fn open(name: &str, files: &Files, clean_shutdown: bool) -> (Disk, Log, Vec<String>) {
    let disk = Disk::default();
    for (file, bytes) in files {
        disk.put(&format!("{name}/{file}"), bytes);
    }
    let options = LoadOptions {
        clean_shutdown,
        recovery_point: Offset(0),
        log_start_offset: log_start(name),
    };
    let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
    let loaded = Log::open(LogFolder::new(files, name), config(name), options, 0).expect("opened");
    (disk, loaded.log, loaded.remarks)
}

/// Every file but those that only say where another broker was.
fn files_of(disk: &Disk, name: &str) -> Files {
    let prefix = format!("{name}/");
    let files = disk.names().into_iter();
    files
        .filter_map(|path| Some((path.strip_prefix(&prefix)?.to_owned(), path)))
        .map(|(file, path)| (file, disk.edit(&path, |bytes| bytes.clone())))
        .collect()
}

/// Whether the indexes are those of one pass over the batches: not where the cleaner wrote them, nor where the
/// broker was started anew between two batches, which its time index shows.
fn as_written_at_once(name: &str) -> bool {
    !name.starts_with("compacted") && name != "epochs-0"
}

/// The last term of the leader may have begun without a record.
fn lead_as(log: &mut Log, golden: &Files) {
    let checkpoint = std::str::from_utf8(&golden["leader-epoch-checkpoint"]).expect("text");
    let last = checkpoint.lines().last().expect("an entry");
    let epoch = last.split(' ').next().expect("an epoch").parse().expect("a number");
    log.begin_leader_epoch(LeaderEpoch(epoch));
}

fn check(name: &str, golden: &Files, clean_shutdown: bool) {
    let (disk, mut log, remarks) = open(name, golden, clean_shutdown);
    assert_eq!(remarks, [] as [&str; 0], "{name}");

    let mut stored: Vec<u8> = Vec::new();
    for (_, bytes) in golden.iter().filter(|(file, _)| file.ends_with(".log")) {
        stored.extend_from_slice(bytes);
    }
    let found: Vec<u8> = log
        .batches(Offset(0), log.log_end_offset())
        .flat_map(|batch| batch.bytes().to_vec())
        .collect();
    assert!(found == stored, "{name}: the bytes of the segments");
    let last = batches(&Bytes::from(stored)).last().expect("a batch").expect("a valid one");
    assert_eq!(log.log_end_offset(), last.header().next_offset(), "{name}");
    assert_eq!(log.log_start_offset(), log_start(name), "{name}");
    log.set_high_watermark(log.log_end_offset());

    lead_as(&mut log, golden);
    log.close(0).expect("closed");
    let written = files_of(&disk, name);
    let snapshots = |file: &&String| file.ends_with(".snapshot");
    let last_snapshot = golden.keys().rfind(snapshots);
    for (file, bytes) in golden {
        let stray = file.ends_with(".snapshot")
            && Some(file) != last_snapshot
            && !golden.contains_key(&file.replace(".snapshot", ".log"));
        if stray {
            // Kafka removes it at the next start as well (`removeStraySnapshots`).
            continue;
        }
        let rebuilt = !clean_shutdown && (file.ends_with("index") || file.ends_with(".snapshot"));
        if !rebuilt || as_written_at_once(name) {
            assert_eq!(written.get(file), Some(bytes), "{name}/{file}, clean: {clean_shutdown}");
        }
    }
    let more: Vec<&String> = written.keys().filter(|file| !golden.contains_key(*file)).collect();
    assert_eq!(more, [] as [&String; 0], "{name}, clean: {clean_shutdown}");
}

#[test]
fn a_folder_that_kafka_closed_is_opened_and_closed_without_a_change() {
    let folders = folders();
    assert_eq!(folders.len(), 16);
    for (name, golden) in &folders {
        check(name, golden, true);
    }
}

#[test]
fn a_folder_is_recovered_to_the_files_that_kafka_wrote() {
    for (name, golden) in &folders() {
        check(name, golden, false);
    }
}

#[test]
fn indexes_snapshots_and_epochs_that_are_missing_are_built_as_kafka_built_them() {
    for (name, golden) in &folders() {
        let logs: Files = golden
            .iter()
            .filter(|(f, _)| f.ends_with(".log"))
            .map(|(f, b)| (f.clone(), b.clone()))
            .collect();
        let (disk, mut log, _) = open(name, &logs, false);
        lead_as(&mut log, golden);
        log.close(0).expect("closed");
        let written = files_of(&disk, name);
        for (file, bytes) in golden {
            let kept = file.ends_with("index") || file == "leader-epoch-checkpoint";
            if kept && as_written_at_once(name) && name != "trimmed-0" {
                assert_eq!(written.get(file), Some(bytes), "{name}/{file}");
            }
        }
    }
}
