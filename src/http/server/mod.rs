//! Connections: limited in number, each with time-outs, all closed soon after a stop.

mod accept;
mod connection;
mod crowd;
mod listener;
mod socket;
mod stall;

pub use accept::serve;
pub(crate) use accept::serve_socket;
pub use listener::bind;
pub(crate) use socket::bind_socket;
pub use socket::{SocketFile, connect};
