//! WebSocket connections: made, kept, and made anew for as long as they are wanted. Knows no exchange by name.
//!
//! [`Connection`] drives a [`Session`](crate::exchange::live::Session) over a socket and hands over what it read.
//! It never waits for the disk, stores nothing and judges no row; holes and notices are for the caller to act on.
//!
//! Decisions:
//!
//! * **A connection is never given up.** Only the wait between two attempts grows, with full jitter, and it begins anew once
//!   the exchange acknowledged a topic.
//! * **Frames are handed over before more are read.** While the caller takes nothing, the socket is left unread, so that
//!   the exchange's send window fills instead of our memory.
//! * **A silent peer is found by our own pings**, and by the kernel where nothing is acknowledged any more.
//! * **A second connection carries the topics before the first one goes**, where its end is announced. Rows come from both
//!   then, and what is covered from the first alone until it has ended: only what came over one socket says what it lacks.
//! * **Proxies and TLS roots are those of the HTTP client**, found by the same code.

mod backoff;
mod budget;
mod carrier;
mod carry;
mod connection;
mod dial;
mod drive;
mod ended;
mod handover;
mod own_topic;
mod proxy;
mod takeover;
mod tls;

#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use dial::{DialError, Dialer};
pub use ended::Ended;
pub use handover::{Command, Handover, Inlet, ShownBook, Update};
