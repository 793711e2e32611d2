//! From the state of a run to what the page draws. Each file makes one part of the view.

pub(crate) mod apps;
pub(crate) mod bytes;
pub(crate) mod cause;
pub(crate) mod comparison;
pub(crate) mod group;
pub(crate) mod home;
pub(crate) mod inspector;
pub(crate) mod lines;
pub(crate) mod show;
pub(crate) mod stage;
pub(crate) mod task;
pub(crate) mod timeline;
