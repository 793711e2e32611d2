//! Transactions, told as stories against one broker.

mod client;
#[path = "../common/mod.rs"]
mod common;
mod stories_test;
