//! Transactions, told as stories against one broker.

mod client;
#[path = "../common/mod.rs"]
mod common;
mod coordinator_test;
mod stories_test;
