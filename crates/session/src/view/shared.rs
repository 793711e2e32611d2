//! A run as a link or a file.

use serde::Serialize;

/// What was done, ready to be given to somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shared {
    /// The fragment without the lines: `seed=9&rev=1&at=21340`.
    pub head: String,
    /// The lines, each after its time; what stands behind `a=`, and in a `.session` file.
    pub lines: String,
    /// How many there are.
    pub count: u32,
    /// What such a file is called.
    pub file: String,
}
