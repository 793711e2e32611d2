//! Files that Apache Kafka 4.4 wrote, dumped as its `kafka-dump-log.sh` dumped them.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use logbrook_shell::tools::kafka_dump_log::{Decoder, DumpOptions, Files, MessageParser, dump};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dump-log")
}

fn options(folder: &str, is_log: bool) -> DumpOptions {
    DumpOptions {
        deep_iteration: is_log,
        print_data_log: is_log,
        skip_record_metadata: false,
        verify_index_only: false,
        index_sanity_check: false,
        max_bytes: i32::MAX,
        parser: match folder {
            "__consumer_offsets-0" => MessageParser::Offsets,
            "__transaction_state-0" => MessageParser::TransactionLog,
            _ => MessageParser::Decoders(Decoder::String, Decoder::String),
        },
    }
}

/// Every file of the folders, by the path that the tool was given, and those with a dump.
fn files() -> (Files, Vec<(String, String)>) {
    let (mut files, mut dumps) = (Files::default(), Vec::new());
    for folder in fs::read_dir(data()).unwrap() {
        let folder = folder.unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            let path = format!("{}/{name}", folder.file_name().into_string().unwrap());
            let bytes = fs::read(file.path()).unwrap();
            match path.strip_suffix(".dump.txt") {
                Some(dumped) => {
                    dumps.push((dumped.to_owned(), String::from_utf8(bytes).unwrap()));
                }
                None => {
                    files.insert(path, Bytes::from(bytes));
                }
            }
        }
    }
    dumps.sort();
    (files, dumps)
}

#[test]
fn kafkas_own_files_are_dumped_as_kafka_dumps_them() {
    let (files, dumps) = files();
    assert!(dumps.len() > 20);
    for (path, expected) in dumps {
        let folder = path.split('/').next().unwrap();
        let dumped = dump(&files, &[&path], &options(folder, path.ends_with(".log")));
        assert_eq!(dumped.out.trim_end(), expected.trim_end(), "{path}");
        assert_eq!(dumped.exit, 0, "{path}");
    }
}

/// Whatever the bytes are, there is an answer: damage at any byte of any file, and any cut.
#[test]
fn damaged_files_do_no_harm() {
    let (files, dumps) = files();
    for (path, _) in &dumps {
        let folder = path.split('/').next().unwrap();
        let options = options(folder, path.ends_with(".log"));
        let Some(whole) = files.get(path) else { continue };
        let step = (whole.len() / 60).max(1);
        for at in (0..whole.len()).step_by(step) {
            let mut files = files.clone();
            let mut damaged = whole.to_vec();
            damaged[at] ^= 0x55;
            files.insert(path.clone(), damaged.into());
            let _ = dump(&files, &[path], &options);
            files.insert(path.clone(), whole.slice(..at));
            let _ = dump(&files, &[path], &options);
        }
    }
}
