//! Levels as the page loads them: bytes without names, read by code that knows what comes next. A
//! reader of JSON for the same types takes six times the code.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::level::Level;

/// A value that the build writes and the page reads. Both must have been built from the same types,
/// which the bytes do not describe, so they begin with [`Packed::SHAPE`].
pub trait Packed: BorshSerialize + BorshDeserialize {
    /// Another number for another declaration of the types: a [`digest`] of the files with them.
    const SHAPE: u64;

    /// The value as bytes: its shape, then itself in borsh.
    fn pack(&self) -> Vec<u8> {
        let mut out = Self::SHAPE.to_le_bytes().to_vec();
        // A vector takes all that is written into it.
        let _whole = self.serialize(&mut out);
        out
    }

    /// Reads what [`Packed::pack`] has written.
    ///
    /// # Errors
    /// Bytes of another build, or that are no such value.
    fn unpack(bytes: &[u8]) -> Result<Self, PackedError> {
        match bytes.split_first_chunk() {
            Some((shape, value)) if *shape == Self::SHAPE.to_le_bytes() => {
                Self::try_from_slice(value).map_err(|_damaged| PackedError::Damaged)
            }
            _another => Err(PackedError::AnotherBuild),
        }
    }
}

impl Packed for Level {
    const SHAPE: u64 = LEVEL;
}

/// The shape of a [`Level`].
pub const LEVEL: u64 = digest(&[
    include_bytes!("check/mod.rs"),
    include_bytes!("duration.rs"),
    include_bytes!("level.rs"),
    include_bytes!("observable.rs"),
    include_bytes!("selection.rs"),
]);

/// FNV-1a over some files, 64 bits.
#[must_use]
pub const fn digest(files: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut file = 0;
    while file < files.len() {
        let mut at = 0;
        while at < files[file].len() {
            hash = (hash ^ files[file][at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        file += 1;
    }
    hash
}

/// Why bytes were not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackedError {
    /// They begin with another shape.
    AnotherBuild,
    /// They are too few, too many, or say what cannot be.
    Damaged,
}

impl fmt::Display for PackedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnotherBuild => "is of another version of this page; load the page again",
            Self::Damaged => "is damaged; load the page again",
        })
    }
}

impl std::error::Error for PackedError {}
