//! What requests are answered from, and how much is borne.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::auth::Auth;
use crate::daemon::{Control, Status};
use crate::telemetry::Telemetry;

/// What the pages speak of. A clone is the same application.
#[derive(Clone)]
pub struct App {
    pub(super) telemetry: Telemetry,
    pub(super) status: Arc<Status>,
    pub(super) limits: Limits,
    pub(super) scrapes: Arc<Semaphore>,
    pub(super) auth: Arc<Auth>,
    /// The daemon behind the pages, where there is one.
    pub(super) control: Option<Control>,
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
