//! What this machine has, what it lacks, and how to get it.

pub(crate) mod browser;
pub(crate) mod command;
pub(crate) mod kafka;
pub(crate) mod librdkafka;
pub(crate) mod logbrook;
pub(crate) mod node;
pub(crate) mod paths;
pub(crate) mod targets;
