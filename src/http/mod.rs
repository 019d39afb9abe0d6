//! The HTTP server: metrics, health, a page of the jobs, and what may be asked of the daemon. The same routes are
//! served on its unix socket.
//!
//! Decisions:
//!
//! * **One place decides who may do what** (`http/auth.rs`): the level stands with the route, the token may
//!   everything, a user or a client certificate of the web configuration may read, and acting over TCP takes
//!   the token. Reading is free at loopback only for requests that name this machine, so that no page elsewhere
//!   can read it through a browser. A password that was right is known by its keyed digest; one that was wrong
//!   is counted by address.
//! * **A web configuration in force stays in force until a better one can be read**, certificates and keys
//!   included.

mod actions;
mod auth;
mod basic;
mod browser;
mod certificate;
mod client_policy;
mod crowd;
mod drill;
mod guesses;
mod health;
mod lines;
mod page;
mod passwords;
mod routes;
#[cfg(test)]
mod routes_tests;
mod scrape;
mod server;
mod socket;
mod stall;
mod tls;
mod token;
mod web;
mod web_config;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use auth::{Access, Auth};
pub use routes::routes;
pub use server::{serve, serve_socket};
pub use socket::{SocketFile, bind_socket, connect};
pub use web_config::WebConfigError;

use crate::daemon::Control;
use crate::daemon::Status;
use crate::telemetry::Telemetry;

/// What the pages speak of. A clone is the same application.
#[derive(Clone)]
pub struct App {
    telemetry: Telemetry,
    status: Arc<Status>,
    limits: Limits,
    scrapes: Arc<Semaphore>,
    auth: Arc<Auth>,
    /// The daemon behind the pages, where there is one.
    control: Option<Control>,
}

/// How much the server bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Answers of `/metrics` being encoded at a time; a further one is refused.
    pub scrapes: usize,
    /// How long a client may take for the TLS handshake, a request's head, or its body, and how long a connection
    /// may be idle.
    pub head: Duration,
    /// The most bytes of a request's body.
    pub body_bytes: usize,
    /// How long a client may take nothing of an answer.
    pub stall: Duration,
    /// How long open connections have to end after stop.
    pub grace: Duration,
    /// How long ago the scheduler may have ticked.
    pub tick: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 256,
            scrapes: 5,
            head: Duration::from_secs(10),
            body_bytes: 8 << 20,
            stall: Duration::from_secs(10),
            grace: Duration::from_secs(1),
            tick: Duration::from_secs(60),
        }
    }
}

impl App {
    /// An application with the default limits.
    #[must_use]
    pub fn new(telemetry: Telemetry, status: Arc<Status>) -> Self {
        App::with_limits(telemetry, status, Limits::default())
    }

    /// An application with limits of its own.
    #[must_use]
    pub fn with_limits(telemetry: Telemetry, status: Arc<Status>, limits: Limits) -> Self {
        let scrapes = Arc::new(Semaphore::new(limits.scrapes));
        App { telemetry, status, limits, scrapes, auth: Arc::default(), control: None }
    }

    /// The same with rules of its own for who may do what.
    #[must_use]
    pub fn with_auth(self, auth: Auth) -> Self {
        App { auth: Arc::new(auth), ..self }
    }

    /// The same with a daemon that does what is asked.
    #[must_use]
    pub fn with_control(self, control: Control) -> Self {
        App { control: Some(control), ..self }
    }
}

/// Listens on every address; port 0 takes a free one.
///
/// # Errors
/// When an address cannot be had; the error names it and keeps its kind.
pub async fn bind(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let what = format!("cannot listen on {address}: {error}; change `http.listen`");
            io::Error::new(error.kind(), what)
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}
