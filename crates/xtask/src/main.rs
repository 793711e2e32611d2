//! The one door for every task: `cargo xtask help`.
fn main() {}
