//! The playground without a screen: Event to Model to View.

pub mod event;
#[cfg(any(test, feature = "fixture"))]
pub mod fixtures;
pub mod view;

pub use event::Event;
pub use view::View;
