//! TCP around the engine, which itself knows no socket and no clock.
//!
//! ```text
//!   socket --> frame --> connection --+                       +--> connection --> socket
//!   socket --> frame --> connection --+--> server: one Broker-+--> connection --> socket
//!                                          (one task owns it)
//! ```
//!
//! [`Server`] puts one broker behind a listener. [`run_process`] is the other side: it runs a client
//! process (a command line tool, say) against real sockets. Both are one thread.
//!
//! | concept | file |
//! |---|---|
//! | what a connection may take, and in which order it is answered | `connection.rs` |
//! | frames off a stream, and pieces onto it | `frame.rs`, `write.rs` |
//! | how many connections there may be | `connection_quotas.rs` |
//! | what is counted, and `/metrics` | `metrics/` |
//!
//! What happens is told to the `log` crate, with what it is about as key and value.

mod clock;
mod config;
mod connection;
mod connection_quotas;
mod disk;
mod frame;
mod metrics;
mod process;
mod server;
mod write;

pub use config::{Listen, ServeConfig, ServeError};
pub use disk::Disk;
pub use process::{Output, TerminalInput, run_process};
pub use server::Server;
