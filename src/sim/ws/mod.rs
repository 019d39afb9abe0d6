//! The WebSocket side of the simulated exchanges, on the port of their REST interface and from the same rows.
//!
//! A [`Protocol`] is what differs from exchange to exchange: its words, its frames, its limits. Everything else is
//! here once: which rows are due, faults, counting, and the socket itself.

mod counters;
mod fault;
mod limits;
mod outbox;
mod protocol;
mod server;
mod session;
mod topic;
mod upgrade;

pub use counters::{SocketCounts, SocketSeen};
pub use fault::{WsFault, WsRule, WsRuleError};
pub use limits::WsLimit;

pub(super) use counters::Counters;
pub(super) use limits::{Limits, Recent};
pub(super) use protocol::{Protocol, Rows, Talk, What};
pub(super) use server::serve;
pub(super) use topic::{Flow, Source, Topic, published_book, unpublished_trade};
pub(super) use upgrade::{Upgrade, upgrade};
