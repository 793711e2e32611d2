//! The `logbrook` binary.
fn main() {}
