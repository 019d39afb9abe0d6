//! The state that requests are answered from, and the server's limits.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::auth::Auth;
use super::kept_answers::KeptAnswers;
use crate::daemon::{Control, Status};
use crate::telemetry::Telemetry;

/// The state behind all routes. Clones share it.
#[derive(Clone)]
pub struct App {
    pub(super) telemetry: Telemetry,
    pub(super) status: Arc<Status>,
    pub(super) limits: Limits,
    pub(super) scrapes: Arc<Semaphore>,
    pub(super) reads: Arc<Semaphore>,
    pub(super) row_reads: Arc<Semaphore>,
    pub(super) event_readers: Arc<Semaphore>,
    pub(super) auth: Arc<Auth>,
    /// The daemon behind the pages, if there is one.
    pub(super) control: Option<Control>,
    /// The answers of actions that may be sent again.
    pub(super) kept: Arc<KeptAnswers>,
    /// The document of the routes, as JSON.
    pub(super) document: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Most answers of `/metrics` encoded at a time; further ones are refused.
    pub scrapes: usize,
    /// Most answers read from the state store at a time; further ones wait, and are refused in the end.
    pub reads: usize,
    /// How long an answer may take that is read from the state store.
    pub read: Duration,
    /// Most answers of `/api/v1/read` at a time; further ones are refused.
    pub row_reads: usize,
    /// Most readers of `/api/v1/events` at a time; further ones are refused.
    pub event_readers: usize,
    /// The longest silence on `/api/v1/events`.
    pub event_beat: Duration,
    /// How long a client may take for the TLS handshake, a request's head, or its body, and how long a
    /// connection may be idle.
    pub head: Duration,
    /// The largest request body.
    pub body_bytes: usize,
    /// How long a client may stall while an answer is sent.
    pub stall: Duration,
    /// How long open connections have to end after a stop.
    pub grace: Duration,
    /// The age at which the scheduler's last tick counts as stuck.
    pub tick: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 256,
            scrapes: 5,
            reads: 4,
            read: Duration::from_secs(10),
            row_reads: 4,
            event_readers: 200,
            event_beat: Duration::from_secs(10),
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

    /// An application with these limits.
    #[must_use]
    pub fn with_limits(telemetry: Telemetry, status: Arc<Status>, limits: Limits) -> Self {
        let scrapes = Arc::new(Semaphore::new(limits.scrapes));
        let reads = Arc::new(Semaphore::new(limits.reads));
        let row_reads = Arc::new(Semaphore::new(limits.row_reads));
        let event_readers = Arc::new(Semaphore::new(limits.event_readers));
        App {
            telemetry,
            status,
            limits,
            scrapes,
            reads,
            row_reads,
            event_readers,
            auth: Arc::default(),
            control: None,
            kept: Arc::default(),
            document: Bytes::new(),
        }
    }

    /// Replaces the access rules.
    #[must_use]
    pub fn with_auth(self, auth: Auth) -> Self {
        App { auth: Arc::new(auth), ..self }
    }

    /// Adds the document of the routes.
    pub(super) fn with_document(self, document: Bytes) -> Self {
        App { document, ..self }
    }

    /// Adds a daemon that serves actions.
    #[must_use]
    pub(crate) fn with_control(self, control: Control) -> Self {
        App { control: Some(control), ..self }
    }
}
