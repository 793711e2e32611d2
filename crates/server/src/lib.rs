//! TCP and files around one broker.
