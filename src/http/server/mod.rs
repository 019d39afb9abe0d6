//! Connections: limited in number, each with time-outs, all closed soon after a stop.

mod accept;
mod connection;
mod crowd;
mod listener;
mod socket;
mod stall;

pub use accept::{serve, serve_socket};
pub use listener::bind;
pub use socket::{SocketFile, bind_socket, connect};
