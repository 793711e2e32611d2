//! Light, dark, or as the system has it. The page's own; the engine does not know.

use crate::dom;
use leptos::prelude::*;

/// The theme that the learner chose.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has it.
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Theme::System => "as the system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    fn attribute(self) -> &'static str {
        match self {
            Theme::System => "",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub(crate) fn next(self) -> Theme {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }

    /// What was kept; index.html has already put it on the page.
    pub(crate) fn kept() -> Theme {
        match dom::kept("theme").as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        }
    }

    /// Puts it on the page and keeps it.
    pub(crate) fn apply(self) {
        let _ = dom::keep("theme", self.attribute());
        if let Some(html) = document().document_element() {
            let _ = match self {
                Theme::System => html.remove_attribute("data-theme"),
                _ => html.set_attribute("data-theme", self.attribute()),
            };
        }
    }
}

/// Whether motion is off by the reader's choice; the system's wish stands beside it.
pub(crate) fn is_still() -> bool {
    dom::kept("motion").as_deref() == Some("off")
}

/// Motion off, or as the system has it.
pub(crate) fn set_still(still: bool) {
    dom::keep("motion", if still { "off" } else { "on" });
    dom::mark("data-motion", if still { "off" } else { "on" });
}
