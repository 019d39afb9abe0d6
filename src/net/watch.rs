//! Notifications about requests, limits and clocks.

use std::time::Duration;

use jiff::SignedDuration;

use crate::model::Micros;
use crate::net::NetError;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{
    Banned, ClockMeasured, ExchangeUp, LimitLevel, LimitWaited, Limited, RequestDone, RequestFailed,
};

/// Receives notifications from clients. Every method returns at once.
pub trait Watch: Send + Sync {
    /// An answer arrived completely, whatever its status; `took` runs from sending to its last byte.
    fn request_done(
        &self,
        exchange: &'static str,
        endpoint: &'static str,
        code: u16,
        took: Duration,
        bytes: usize,
    );

    /// A request ended without a usable answer; one with an error status is also reported as done.
    fn request_failed(
        &self,
        exchange: &'static str,
        endpoint: &'static str,
        error: &NetError,
        took: Duration,
    );

    /// Whether the exchange serves us, by the result of the last request; `is_new` if that changed.
    fn exchange_up(&self, exchange: &'static str, up: bool, is_new: bool);

    /// A request passed the limiter after waiting this long, possibly zero.
    fn limit_waited(&self, exchange: &'static str, waited: Duration);

    /// The weight that may be spent at once, negative while overdrawn, and its maximum.
    fn limit_level(&self, exchange: &'static str, level: f64, capacity: f64);

    /// The exchange asked for fewer requests, and none before `until`, by its own clock.
    fn limited(&self, exchange: &'static str, until: Micros);

    /// The exchange has banned this address until then, by its own clock.
    fn banned(&self, exchange: &'static str, until: Micros);

    /// The exchange's clock is ahead of ours by `offset`.
    fn clock_measured(&self, exchange: &'static str, offset: SignedDuration);
}

/// Ignores all notifications.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn request_done(&self, _: &'static str, _: &'static str, _: u16, _: Duration, _: usize) {}
    fn request_failed(&self, _: &'static str, _: &'static str, _: &NetError, _: Duration) {}
    fn exchange_up(&self, _: &'static str, _: bool, _: bool) {}
    fn limit_waited(&self, _: &'static str, _: Duration) {}
    fn limit_level(&self, _: &'static str, _: f64, _: f64) {}
    fn limited(&self, _: &'static str, _: Micros) {}
    fn banned(&self, _: &'static str, _: Micros) {}
    fn clock_measured(&self, _: &'static str, _: SignedDuration) {}
}

impl Watch for Telemetry {
    fn request_done(
        &self,
        exchange: &'static str,
        endpoint: &'static str,
        code: u16,
        took: Duration,
        bytes: usize,
    ) {
        self.emit(RequestDone { exchange, endpoint, code, took, bytes: bytes as u64 });
    }

    fn request_failed(
        &self,
        exchange: &'static str,
        endpoint: &'static str,
        error: &NetError,
        took: Duration,
    ) {
        self.emit(RequestFailed { exchange, endpoint, reason: error.reason(), error, took });
    }

    fn exchange_up(&self, exchange: &'static str, up: bool, is_new: bool) {
        self.emit(ExchangeUp { exchange, up, is_new });
    }

    fn limit_waited(&self, exchange: &'static str, waited: Duration) {
        self.emit(LimitWaited { exchange, waited });
    }

    fn limit_level(&self, exchange: &'static str, level: f64, capacity: f64) {
        self.emit(LimitLevel { exchange, tokens: level, capacity });
    }

    fn limited(&self, exchange: &'static str, until: Micros) {
        self.emit(Limited { exchange, until });
    }

    fn banned(&self, exchange: &'static str, until: Micros) {
        self.emit(Banned { exchange, until });
    }

    fn clock_measured(&self, exchange: &'static str, offset: SignedDuration) {
        self.emit(ClockMeasured { exchange, offset_secs: offset.as_secs_f64() });
    }
}
