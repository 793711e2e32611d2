//! The playground without a screen: Event to Model to View.

pub mod event;
pub mod view;

pub use event::Event;
pub use view::View;
