//! Events of the HTTP server: scrapes, refusals, and its web configuration.

use std::error::Error;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::Chain;
use crate::model::Micros;
use crate::telemetry::labels::{Refusal, ScrapeRefusal, SignInOutcome};
use crate::telemetry::{Event, Telemetry};

/// The metrics were encoded for a scrape.
pub struct Scraped {
    /// Duration of gathering, encoding and compressing.
    pub took: Duration,
}

impl Event for Scraped {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().server.scrape_duration.observe(self.took.as_secs_f64());
    }
}

/// A scrape was refused.
pub struct ScrapeRefused(pub ScrapeRefusal);

impl Event for ScrapeRefused {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().server.scrapes_refused.with_label_values(&[self.0.name()]).inc();
        tracing::debug!(reason = self.0.name(), "scrape refused");
    }
}

/// A request or a connection was refused.
pub struct RequestRefused {
    /// Why it was refused.
    pub reason: Refusal,
    /// The address of the client.
    pub peer: Option<IpAddr>,
}

impl Event for RequestRefused {
    fn emit(self, telemetry: &Telemetry) {
        let RequestRefused { reason, peer } = self;
        telemetry.metrics().server.requests_refused.with_label_values(&[reason.name()]).inc();
        // Repeated requests must not fill the log: only suspected guessing is logged as a warning.
        if reason == Refusal::Guessing {
            tracing::warn!(?peer, "credentials are guessed at; requests from there are refused for a while");
        } else {
            tracing::debug!(reason = reason.name(), ?peer, "request refused");
        }
    }
}

/// A visitor signed in on the page, or tried to.
pub struct SignedIn {
    /// How it ended.
    pub outcome: SignInOutcome,
    /// The address of the client.
    pub peer: Option<IpAddr>,
}

impl Event for SignedIn {
    fn emit(self, telemetry: &Telemetry) {
        let SignedIn { outcome, peer } = self;
        telemetry.metrics().server.sign_ins.with_label_values(&[outcome.name()]).inc();
        match outcome {
            SignInOutcome::Ok => tracing::info!(?peer, "signed in"),
            SignInOutcome::Wrong | SignInOutcome::TooMany => {
                tracing::debug!(outcome = outcome.name(), ?peer, "sign-in refused");
            }
        }
    }
}

/// The number of open connections changed.
pub struct ConnectionsChanged {
    /// Whether one was opened, rather than closed.
    pub opened: bool,
}

impl Event for ConnectionsChanged {
    fn emit(self, telemetry: &Telemetry) {
        let open = &telemetry.metrics().server.connections;
        if self.opened { open.inc() } else { open.dec() }
    }
}

/// A client took nothing of an answer for too long, and was cut off.
pub struct ConnectionStalled {
    /// The address of the client.
    pub peer: Option<IpAddr>,
}

impl Event for ConnectionStalled {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().server.stalled.inc();
        tracing::debug!(peer = ?self.peer, "a client took nothing for too long and was cut off");
    }
}

/// The web configuration was read and is in force.
pub struct WebConfigLoaded<'a> {
    /// The file.
    pub path: &'a Path,
    /// When the server's certificate expires, if there is one.
    pub certificate_expiry: Option<Micros>,
    /// When it was loaded.
    pub at: Micros,
}

impl Event for WebConfigLoaded<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let server = &telemetry.metrics().server;
        server.web_config_ok.set(1);
        server.web_config_loaded.set(self.at.as_secs_f64());
        server.certificate_expiry.set(self.certificate_expiry.map_or(0.0, Micros::as_secs_f64));
        tracing::info!(path = %self.path.display(), "web configuration in force");
    }
}

/// The web configuration changed but is invalid; the previous one stays in force.
pub struct WebConfigRefused<'a> {
    /// The file.
    pub path: &'a Path,
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for WebConfigRefused<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().server.web_config_ok.set(0);
        tracing::error!(
            path = %self.path.display(),
            error = %Chain(self.error),
            "web configuration refused; the one before stays in force"
        );
    }
}
