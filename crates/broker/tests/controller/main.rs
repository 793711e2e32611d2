//! A controller of its own with simulated brokers: they are led by requests alone.

#[path = "../common/mod.rs"]
mod common;
mod histories_test;
mod requests_test;
mod sim;
mod stories_test;
