//! Families of the HTTP server: connections, refusals, and its web configuration.

use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, IntGauge};

use super::register::{FLUSH, Register};
use crate::telemetry::labels::{Refusal, ScrapeRefusal, SignInOutcome};

/// Families of the HTTP server.
pub(crate) struct Server {
    pub(crate) connections: IntGauge,
    pub(crate) stalled: IntCounter,
    pub(crate) requests_refused: IntCounterVec,
    pub(crate) sign_ins: IntCounterVec,
    pub(crate) scrapes_refused: IntCounterVec,
    pub(crate) scrape_duration: Histogram,
    pub(crate) web_config_ok: IntGauge,
    pub(crate) web_config_loaded: Gauge,
    pub(crate) certificate_expiry: Gauge,
}

impl Server {
    pub(super) fn new(add: &Register<'_>) -> Self {
        let server = Server {
            connections: add.count_gauge("server_connections", "Open connections to our own HTTP server."),
            stalled: add.counter(
                "server_stalled_connections_total",
                "Connections that were cut off because the client took nothing of an answer for too long.",
            ),
            requests_refused: add.counters(
                "server_requests_refused_total",
                "Requests and connections our own HTTP server refused, by reason.",
                &["reason"],
            ),
            sign_ins: add.counters(
                "server_sign_ins_total",
                "Tokens typed on the page to sign in, by outcome: let in, wrong, or wrong after too many of these.",
                &["outcome"],
            ),
            scrapes_refused: add.counters(
                "server_scrapes_refused_total",
                "Scrapes answered with 503: too many at once (busy), or not ready in the scrape's time (late).",
                &["reason"],
            ),
            scrape_duration: add.histogram(
                "server_scrape_duration_seconds",
                "How long it took to gather, write and compress the metrics.",
                FLUSH,
            ),
            web_config_ok: add.count_gauge(
                "web_config_last_reload_successful",
                "1 if the web configuration was usable when it was last read, or if there is none.",
            ),
            web_config_loaded: add.gauge(
                "web_config_last_reload_success_timestamp_seconds",
                "When the web configuration in force was read, in seconds since 1970; 0 where there is none.",
            ),
            certificate_expiry: add.gauge(
                "server_certificate_expiry_timestamp_seconds",
                "When the certificate of our own HTTP server ends, in seconds since 1970; 0 where there is none.",
            ),
        };
        Refusal::ALL.iter().for_each(|reason| {
            server.requests_refused.with_label_values(&[reason.name()]);
        });
        SignInOutcome::ALL.iter().for_each(|outcome| {
            server.sign_ins.with_label_values(&[outcome.name()]);
        });
        ScrapeRefusal::ALL.iter().for_each(|reason| {
            server.scrapes_refused.with_label_values(&[reason.name()]);
        });
        server.web_config_ok.set(1);
        server
    }
}
