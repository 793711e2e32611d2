//! Every level under lessons/ is proven: the start fails, each solution passes on all seeds, each
//! wrong answer fails by the assertion that it names, no assertion is idle.

use std::path::Path;
use std::sync::Arc;

use logbrook_lab::level::Level;
use logbrook_lab::packed::{Packed, PackedError};
use logbrook_lab::parse::read_all;
use logbrook_lab::proof::{Prover, steps};

fn lessons() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons")
}

#[test]
fn every_level_is_proven() {
    let tracks = read_all(&lessons()).unwrap_or_else(|e| panic!("lessons/{e}"));
    let mut failures = Vec::new();
    for level in tracks.into_iter().flat_map(|t| t.levels).map(Arc::new) {
        let mut prover = Prover::new(&level);
        for step in steps(&level) {
            match prover.prove(&step) {
                Ok(()) => println!("{} {step}: ok", level.path()),
                Err(why) => failures.push(format!("{} {step}: {why}", level.path())),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_level_is_read_as_it_was_packed_and_refused_otherwise() {
    let tracks = read_all(&lessons()).unwrap_or_else(|e| panic!("lessons/{e}"));
    for level in tracks.into_iter().flat_map(|t| t.levels) {
        let packed = level.pack();
        assert_eq!(Level::unpack(&packed).as_ref(), Ok(&level));
        let mut another = packed.clone();
        another[0] ^= 1;
        assert_eq!(Level::unpack(&another), Err(PackedError::AnotherBuild));
        assert_eq!(Level::unpack(&[]), Err(PackedError::AnotherBuild));
        let short = &packed[..packed.len() - 1];
        assert_eq!(Level::unpack(short), Err(PackedError::Damaged));
        assert_eq!(Level::unpack(&[packed.as_slice(), &[0]].concat()), Err(PackedError::Damaged));
    }
}
