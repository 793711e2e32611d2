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
mod pace;
mod play;
pub mod progress;
mod project;
mod session;
mod tabs;
pub mod view;

pub use event::Event;
pub use logbrook_lab::level::Level;
pub use session::Session;
pub use view::View;
