//! What the page is made of: one component a file.

pub(crate) mod app;
mod bytes;
mod dock;
mod each;
mod finder;
mod home;
mod icon;
mod inspector;
mod key_list;
mod level_list;
mod live_region;
mod member;
mod notices;
mod rich;
mod settings;
mod share;
mod stage;
mod table;
mod task;
mod timeline;
mod top_bar;
pub(crate) mod workbench;
