//! The playground without a screen: Event to Model to View.
//!
//! [`Session`] holds the place, the run of the open level, its terminals and its check. The page (or a
//! test, or another front end) sends [`Event`]s, calls [`Session::advance`] once a frame, and draws
//! the [`View`].

pub mod catalog;
mod complete;
mod demo;
pub mod event;
#[cfg(any(test, feature = "fixture"))]
pub mod fixtures;
mod follow;
mod link;
mod made;
mod pace;
mod play;
pub mod progress;
mod project;
mod sandbox;
mod session;
mod tabs;
mod travel;
pub mod view;

pub use event::Event;
pub use logbrook_lab::level::Level;
pub use logbrook_lab::packed::Packed;
pub use session::Session;
pub use view::View;

/// The file with the rest of Kafka's tools and the codecs has come. Lines that call for them, and
/// levels that begin with them, wait until then.
#[cfg(feature = "apart")]
pub fn rest_has_come() {
    logbrook_record::codecs_have_come();
    logbrook_shell::tools::come();
}
