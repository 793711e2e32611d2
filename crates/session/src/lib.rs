//! The playground without a screen: Event to Model to View.
