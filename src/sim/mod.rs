//! A simulated exchange on loopback, whose rows are a pure function of symbol and time.
//!
//! It is the oracle for tests, demonstrations and benchmarks: [`Market`] defines which rows a correct collector
//! must have stored, [`Sim`] serves them over HTTP and misbehaves as its [`Knobs`] say.
//!
//! **The simulator shares no code with the client** except the model, so that a mistake in one is not repeated in
//! the other. Its data is a pure function of symbol and time, which allows `demo` and the tests to check every
//! row.

mod asked;
mod bend;
mod body;
mod book;
mod clock;
mod control;
mod fault;
mod fields;
mod hash;
mod knobs;
mod market;
mod meter;
mod path;
mod quarter;
mod query;
mod registry;
mod request_handler;
mod rule;
mod seen;
mod selection;
mod server;
mod symbol;
mod tape;
mod text;
mod venue;
mod venues;
mod ws;

pub use book::SimBook;
pub use clock::Clock;
pub use fault::{Endpoint, Fault};
pub use knobs::{Knobs, RetryAfter};
pub use market::{Listing, Market, SimCandle, SimTrade};
pub use registry::{has_sockets, names};
pub use rule::{Rate, Rule, RuleError};
pub use seen::Seen;
pub use server::Sim;
pub use tape::{MOST_PER_HOUR, Surge};
pub use ws::{SocketCounts, SocketSeen, WsFault, WsLimit, WsRule, WsRuleError};
