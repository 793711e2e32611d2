//! Writes what a fuzzer begins with into `fuzz/corpus`: the shortest frame of every API and version,
//! and the batches, snapshots and records that Kafka wrote and the tests have.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use logbrook_broker::wire::ServedApi;
use logbrook_broker::wire::codec::{decode_request, decode_response};
use logbrook_record::{Compression, batches, compress};

/// What `cargo xtask fuzz` lets an input have.
const MAX_INPUT_BYTES: usize = 4096;

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = Seeds { corpus: here.join("corpus") };
    frames(&seeds)?;
    recorded(&seeds, &here.join("../crates/record/tests/data"))?;
    let text = br#"{"order":1,"item":"tea"}{"order":2,"item":"tea"}{"order":3,"item":"cake"}"#;
    for (target, codec) in [
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
    ] {
        let mut packed = Vec::new();
        compress(codec, text, &mut packed);
        seeds.write(target, "packed", &packed)?;
        seeds.write(target, "plain", text)?;
    }
    Ok(())
}

struct Seeds {
    corpus: PathBuf,
}

impl Seeds {
    fn write(&self, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > MAX_INPUT_BYTES {
            return Ok(());
        }
        let folder = self.corpus.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    }
}

/// Zeros are empty lists and texts: so many of them as make a frame.
fn frames(seeds: &Seeds) -> io::Result<()> {
    let mut connection = Vec::new();
    for (index, api) in (0u8..).zip(ServedApi::ALL) {
        for version in api.min_version..=api.max_version {
            let name = format!("{}-{version}", api.name);
            let mut frame = (api.key as i16).to_be_bytes().to_vec();
            frame.extend(version.to_be_bytes());
            frame.extend(*b"\0\0\0\x01\0\x02ab");
            let reads = |frame: &Vec<u8>| decode_request(Bytes::copy_from_slice(frame)).is_ok();
            while !reads(&frame) && frame.len() < 200 {
                frame.push(0);
            }
            seeds.write("request_frame", &name, &frame)?;
            if version == api.max_version {
                connection.extend((frame.len() as u16).to_be_bytes());
                connection.extend(&frame);
                let mut alone = (frame.len() as u16).to_be_bytes().to_vec();
                alone.extend(frame);
                seeds.write("connection", &name, &alone)?;
            }
            let step = (version - api.min_version) as u8;
            let mut response = vec![0; 4];
            let reads = |frame: &Vec<u8>| {
                decode_response(api.key, version, Bytes::copy_from_slice(frame)).is_ok()
            };
            while !reads(&response) && response.len() < 200 {
                response.push(0);
            }
            seeds.write("response_frame", &name, &[&[index, step], &response[..]].concat())?;
        }
    }
    seeds.write("connection", "all", &connection)
}

/// Files that Kafka wrote.
fn recorded(seeds: &Seeds, data: &Path) -> io::Result<()> {
    for folder in fs::read_dir(data)? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        directory(seeds, &folder)?;
        let topic = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in fs::read_dir(&folder)? {
            let file = file?.path();
            let bytes = if file.is_file() { fs::read(&file)? } else { continue };
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{topic}-{}", name.trim_start_matches('0'));
            if file.extension().is_some_and(|extension| extension == "log") {
                for batch in batches(&Bytes::from(bytes)).flatten() {
                    let name = format!("{name}-{}", batch.base_offset());
                    seeds.write("record_batch", &name, batch.bytes())?;
                    if topic.starts_with("__consumer_offsets") {
                        group_records(seeds, &name, &batch)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// A log directory as `log_recovery` reads one: after the options, each file that it has a number for.
fn directory(seeds: &Seeds, folder: &Path) -> io::Result<()> {
    let numbered = ["log", "index", "timeindex", "txnindex", "snapshot"];
    let mut all = vec![0];
    for file in fs::read_dir(folder)? {
        let file = file?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let extension = file.extension().and_then(|extension| extension.to_str());
        let number = match extension {
            None if name == "leader-epoch-checkpoint" => Some(6),
            None => None,
            Some("metadata") => Some(7),
            Some(extension) => numbered.iter().position(|known| *known == extension),
        };
        let (Some(number), bytes) = (number, fs::read(&file)?) else { continue };
        let Ok(length) = u16::try_from(bytes.len()) else { continue };
        all.push(number as u8);
        all.extend(length.to_be_bytes());
        all.extend(bytes);
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    seeds.write("log_recovery", &name, &all)
}

fn group_records(seeds: &Seeds, name: &str, batch: &logbrook_record::Batch) -> io::Result<()> {
    for record in batch.records().unwrap_or_default() {
        let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
        let length = (key.len() as u16).to_be_bytes();
        let seed = [&length[..], &key, &value].concat();
        seeds.write("group_records", &format!("{name}-{}", record.offset), &seed)?;
    }
    Ok(())
}
