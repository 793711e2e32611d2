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

mod clock;
mod config;
mod connection;
mod frame;
mod process;
mod server;

pub use config::{Listen, ServeConfig, ServeError};
pub use process::{Output, TerminalInput, run_process};
pub use server::{LogSink, Server};
