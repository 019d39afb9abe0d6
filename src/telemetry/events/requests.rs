//! Events of requests to exchanges, their rate limits, and the exchanges' state.

use std::error::Error;
use std::time::Duration;

use super::Chain;
use crate::model::Micros;
use crate::telemetry::labels::{NO_CODE, code_label};
use crate::telemetry::{Event, Reason, Telemetry};

/// A complete answer arrived, whatever its status. If it is unusable, [`RequestFailed`] follows.
pub struct RequestDone<'a> {
    /// Who answered.
    pub exchange: &'a str,
    /// Our name of the endpoint.
    pub endpoint: &'static str,
    /// The HTTP status.
    pub code: u16,
    /// Duration, including the body.
    pub took: Duration,
    /// Size of the decoded body.
    pub bytes: u64,
}

impl Event for RequestDone<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let requests = &telemetry.metrics().requests;
        let labels = [self.exchange, self.endpoint];
        requests.sent.with_label_values(&[self.exchange, self.endpoint, code_label(self.code)]).inc();
        requests.duration.observe(&labels, self.took);
        requests.response_bytes.with_label_values(&labels).inc_by(self.bytes);
        telemetry.record_duration(&format!("exchange:{}:latency", self.exchange), self.took);
        let Self { exchange, endpoint, code, took, bytes } = self;
        tracing::debug!(exchange, endpoint, code, bytes, ?took, "request answered");
    }
}

/// A request failed.
///
/// With a reason that means that no answer arrived ([`Reason::is_without_answer`]), it is counted as sent here,
/// under code `none`; otherwise [`RequestDone`] has counted it.
pub struct RequestFailed<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// Our name of the endpoint.
    pub endpoint: &'static str,
    /// The class of the error.
    pub reason: Reason,
    /// The error.
    pub error: &'a dyn Error,
    /// Its duration.
    pub took: Duration,
}

impl Event for RequestFailed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let requests = &telemetry.metrics().requests;
        let Self { exchange, endpoint, reason, error, took } = self;
        requests.failures.with_label_values(&[exchange, endpoint, reason.name()]).inc();
        if reason.is_without_answer() {
            requests.sent.with_label_values(&[exchange, endpoint, NO_CODE]).inc();
            requests.duration.observe(&[exchange, endpoint], took);
            telemetry.record_duration(&format!("exchange:{exchange}:latency"), took);
        }
        let error = Chain(error);
        if reason == Reason::Cancelled {
            tracing::debug!(exchange, endpoint, %error, ?took, "request given up");
        } else {
            tracing::warn!(exchange, endpoint, reason = reason.name(), %error, ?took, "request failed");
        }
    }
}

/// A request is sent again.
pub struct RequestRetried<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// Our name of the endpoint.
    pub endpoint: &'static str,
}

impl Event for RequestRetried<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let Self { exchange, endpoint } = self;
        telemetry.metrics().requests.retries.with_label_values(&[exchange, endpoint]).inc();
        tracing::debug!(exchange, endpoint, "request sent again");
    }
}

/// A request passed our own rate limit.
pub struct LimitWaited<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// How long it waited, possibly zero.
    pub waited: Duration,
}

impl Event for LimitWaited<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let requests = &telemetry.metrics().requests;
        let Self { exchange, waited } = self;
        requests.wait.with_label_values(&[exchange]).observe(waited.as_secs_f64());
        telemetry.record_duration(&format!("exchange:{exchange}:limit_wait"), waited);
        if !waited.is_zero() {
            requests.throttled.with_label_values(&[exchange]).inc();
            tracing::debug!(exchange, ?waited, "waited for the rate limit");
        }
    }
}

/// The state of our own rate limit.
pub struct LimitLevel<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// Request weight available now.
    pub tokens: f64,
    /// The most request weight that can accumulate.
    pub capacity: f64,
}

impl Event for LimitLevel<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let requests = &telemetry.metrics().requests;
        requests.tokens.with_label_values(&[self.exchange]).set(self.tokens);
        requests.capacity.with_label_values(&[self.exchange]).set(self.capacity);
    }
}

/// The exchange asks for fewer requests, and none before an instant.
pub struct Limited<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// That instant.
    pub until: Micros,
}

impl Event for Limited<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let until = &telemetry.metrics().requests.limited_until;
        until.with_label_values(&[self.exchange]).set(self.until.as_secs_f64());
        tracing::warn!(
            exchange = self.exchange,
            until = %self.until,
            "the exchange limits us for now; lower `exchanges.{}.requests_per_second` if this repeats",
            self.exchange
        );
    }
}

/// The exchange has banned this address until an instant.
pub struct Banned<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// That instant.
    pub until: Micros,
}

impl Event for Banned<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let until = &telemetry.metrics().requests.banned_until;
        until.with_label_values(&[self.exchange]).set(self.until.as_secs_f64());
        tracing::warn!(
            exchange = self.exchange,
            until = %self.until,
            "the exchange has banned us for now; lower `exchanges.{}.requests_per_second` if this repeats",
            self.exchange
        );
    }
}

/// The exchange's clock was measured.
pub struct ClockMeasured<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// Its clock minus ours, in seconds.
    pub offset_secs: f64,
}

impl Event for ClockMeasured<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let Self { exchange, offset_secs } = self;
        telemetry.metrics().requests.clock_offset.with_label_values(&[exchange]).set(offset_secs);
        tracing::debug!(exchange, offset_secs, "clock measured");
    }
}

/// Whether the exchange answered the last request.
pub struct ExchangeUp<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// Whether it answered.
    pub up: bool,
    /// Whether that has changed.
    pub is_new: bool,
}

impl Event for ExchangeUp<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let gauge = telemetry.metrics().requests.up.with_label_values(&[self.exchange]);
        gauge.set(f64::from(u8::from(self.up)));
        match self.up {
            _ if !self.is_new => {}
            true => tracing::info!(exchange = self.exchange, "the exchange answers"),
            false => tracing::warn!(exchange = self.exchange, "the exchange does not answer"),
        }
    }
}
