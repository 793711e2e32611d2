//! The sandbox's panel: templates, and what the world is made of.

use serde::Serialize;

/// What stands in place of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sandbox {
    /// The world as it stands in the address.
    pub spec: String,
    /// Where one may begin.
    pub templates: Vec<SandboxTemplate>,
    /// How many brokers there are.
    pub brokers: u32,
    /// Each possible number of brokers, with the world that has it.
    pub brokers_to: Vec<(u32, String)>,
    /// Apps that the world has, or may have.
    pub apps: Vec<SandboxApp>,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SandboxTemplate {
    /// The world, for [`crate::Event::Sandbox`].
    pub spec: String,
    /// `3 brokers, RF 3`.
    pub title: String,
    /// What is in it; names stand in code marks.
    pub about: String,
    /// Whether the world began with it.
    pub chosen: bool,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SandboxApp {
    /// Its name.
    pub name: String,
    /// What it does.
    pub about: String,
    /// Whether the world has it.
    pub on: bool,
    /// The world with it, or without.
    pub spec: String,
}
