//! HTTP to an exchange: one client, one rate limiter and one clock each; and its WebSockets. Knows no exchange by name.
//!
//! It sends what `exchange` builds and returns bytes; it parses no page, and retries only a connection that broke
//! before an answer. [`NetError::advice`] tells the caller what to do after an error.

mod allowance;
mod classify;
mod client;
mod clock;
mod error;
mod lane;
mod limit;
mod retry_after;
mod strikes;
mod wait_words;
mod watch;
pub mod ws;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod script;

pub use client::{Client, ClientSettings, Hold, Received};
pub use clock::Clock;
pub use error::{Advice, NetError};
pub use lane::Lane;
pub use limit::Limiter;
pub use watch::{Silent, Watch};
