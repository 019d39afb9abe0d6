//! The HTTP server: metrics, liveness, readiness and a page of the jobs. It reads and changes nothing.

mod basic;
mod browser;
mod certificate;
mod client_policy;
mod guard;
mod guesses;
mod page;
mod passwords;
mod routes;
mod scrape;
mod server;
mod stall;
mod tls;
mod web;
mod web_config;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use guard::Guard;
pub use server::serve;
pub use web_config::WebConfigError;

use crate::telemetry::{Status, Telemetry};

/// What the pages speak of. A clone is the same application.
#[derive(Clone)]
pub struct App {
    telemetry: Telemetry,
    status: Arc<Status>,
    limits: Limits,
    scrapes: Arc<Semaphore>,
    guard: Arc<Guard>,
}

/// How much the server bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Answers of `/metrics` being encoded at a time; a further one is refused.
    pub scrapes: usize,
    /// How long a client may take for the TLS handshake and a request's head, and how long a connection may be
    /// idle.
    pub head: Duration,
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
            stall: Duration::from_secs(10),
            grace: Duration::from_secs(1),
            tick: Duration::from_secs(60),
        }
    }
}

impl App {
    /// An application with the default limits.
    #[must_use]
    pub fn new(telemetry: Telemetry, status: Arc<Status>, guard: Guard) -> Self {
        App::with_limits(telemetry, status, guard, Limits::default())
    }

    /// An application with limits of its own.
    #[must_use]
    pub fn with_limits(telemetry: Telemetry, status: Arc<Status>, guard: Guard, limits: Limits) -> Self {
        let scrapes = Arc::new(Semaphore::new(limits.scrapes));
        App { telemetry, status, limits, scrapes, guard: Arc::new(guard) }
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
