//! The label sets of exchanges and series: created at 0 on declaration, dropped with the last that needs them.

use std::time::Duration;

use super::forget::forget;
use super::{Known, Metrics};
use crate::model::{Kind, Series};
use crate::telemetry::labels::{CODES_AT_ZERO, Discard, Reason, StorageReason};

impl Metrics {
    /// Creates the label sets of an exchange, each at 0. `endpoints` are our names of its endpoints.
    pub fn declare_exchange(&self, exchange: &str, endpoints: &[&str]) {
        let names = endpoints.iter().map(ToString::to_string).collect();
        self.exchanges().insert(exchange.to_owned(), Known { endpoints: names, is_shown: true });
        self.create_exchange_label_sets(exchange, endpoints);
    }

    fn create_exchange_label_sets(&self, exchange: &str, endpoints: &[&str]) {
        self.tasks.declare(exchange);
        let requests = &self.requests;
        for endpoint in endpoints {
            for code in CODES_AT_ZERO {
                requests.sent.with_label_values(&[exchange, endpoint, code]);
            }
            for reason in Reason::ALL {
                requests.failures.with_label_values(&[exchange, endpoint, reason.name()]);
            }
            requests.duration.create(&[exchange, endpoint]);
            requests.response_bytes.with_label_values(&[exchange, endpoint]);
            requests.retries.with_label_values(&[exchange, endpoint]);
        }
        requests.wait.with_label_values(&[exchange]);
        requests.throttled.with_label_values(&[exchange]);
        self.odd.listing_entries.with_label_values(&[exchange]);
        for gauges in [
            &requests.tokens,
            &requests.capacity,
            &requests.limited_until,
            &requests.banned_until,
            &requests.clock_offset,
            &requests.up,
            &requests.failing,
        ] {
            gauges.with_label_values(&[exchange]);
        }
    }

    /// Creates the label sets of a series, each at 0; see [`crate::telemetry::Telemetry::declare_series`].
    pub(crate) fn declare_series(&self, series: &Series, job_id: &str, interval: Duration) {
        let Some(own) = self.series.declare(series, job_id) else {
            self.program.series_dropped.with_label_values(&["series"]).inc();
            tracing::warn!(series = %series, "the limit of series with metrics is reached; it has none");
            return;
        };
        let interval_secs = interval.as_secs_f64();
        own.job_interval.set(interval_secs);
        own.expected_interval.set(if interval.is_zero() {
            0.0
        } else {
            interval_secs.max(usual_secs(series))
        });
        let (exchange, kind) = (series.exchange(), series.kind().name());
        self.show_exchange(exchange);
        self.runs.duration.create(&[exchange, kind]);
        self.runs.delay.with_label_values(&[kind]);
        for reason in Discard::ALL {
            self.runs.discarded.with_label_values(&[exchange, kind, reason.name()]);
        }
        for outcome in ["filled", "failed"] {
            self.runs.repairs.with_label_values(&[exchange, kind, outcome]);
        }
        self.create_storage_label_sets(kind);
        self.doubts.declare(exchange, kind);
        self.odd.declare(exchange, kind);
    }

    /// Creates the label sets of an exchange again after they were dropped with its last series.
    fn show_exchange(&self, exchange: &str) {
        let mut exchanges = self.exchanges();
        let Some(known) = exchanges.get_mut(exchange).filter(|known| !known.is_shown) else { return };
        known.is_shown = true;
        let endpoints: Vec<&str> = known.endpoints.iter().map(String::as_str).collect();
        self.create_exchange_label_sets(exchange, &endpoints);
    }

    /// Drops the label sets of a series, and those that only it needed.
    pub(crate) fn forget_series(&self, series: &Series) {
        self.forget_stream(series);
        self.series.forget(series);
        let (exchange, kind) = (series.exchange(), series.kind().name());
        if !self.series.has(|other| other.exchange() == exchange && other.kind() == series.kind()) {
            let runs = &self.runs;
            runs.duration.forget(&[("exchange", exchange), ("kind", kind)]);
            forget(&runs.discarded, &[("exchange", exchange), ("kind", kind)]);
            forget(&runs.repairs, &[("exchange", exchange), ("kind", kind)]);
            self.doubts.forget(exchange, kind);
            self.odd.forget(exchange, kind);
        }
        if !self.series.has(|other| other.exchange() == exchange) {
            self.forget_exchange(exchange);
        }
    }

    fn forget_exchange(&self, exchange: &str) {
        if let Some(known) = self.exchanges().get_mut(exchange) {
            known.is_shown = false;
        }
        let (requests, held) = (&self.requests, [("exchange", exchange)]);
        for counters in [
            &requests.sent,
            &requests.failures,
            &requests.response_bytes,
            &requests.retries,
            &requests.throttled,
            &self.odd.listing_entries,
        ] {
            forget(counters, &held);
        }
        for gauges in [
            &requests.tokens,
            &requests.capacity,
            &requests.limited_until,
            &requests.banned_until,
            &requests.clock_offset,
            &requests.up,
            &requests.failing,
        ] {
            forget(gauges, &held);
        }
        requests.duration.forget(&held);
        forget(&requests.wait, &held);
    }

    /// Sets whether the job of a declared series is paused.
    pub(crate) fn show_paused(&self, series: &Series, is_paused: bool) {
        if let Some(own) = self.series.get(series) {
            own.job_paused.set(f64::from(u8::from(is_paused)));
        }
    }

    fn create_storage_label_sets(&self, kind: &str) {
        let storage = &self.storage;
        storage.publish_duration.create(&[kind]);
        for reason in StorageReason::ALL {
            storage.publish_failures.with_label_values(&[kind, reason.name()]);
        }
        storage.written_bytes.with_label_values(&[kind]);
        storage.copied_bytes.with_label_values(&[kind]);
        storage.file_size.with_label_values(&[kind]);
        storage.folds.with_label_values(&[kind]);
        storage.buffered_rows.with_label_values(&[kind]);
    }
}

/// The expected distance between rows of a series, in seconds; 0 if unknown. Funding is paid at least every eight
/// hours.
fn usual_secs(series: &Series) -> f64 {
    match series.span() {
        Some(span) => f64::from(span.secs()),
        None if series.kind() == Kind::Funding => 8.0 * 3_600.0,
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::telemetry::Telemetry;

    #[test]
    fn the_label_sets_of_an_exchange_go_with_its_last_series_and_come_back_with_the_next() {
        let telemetry = Telemetry::new();
        let series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        telemetry.metrics().declare_exchange("binance", &["ohlc"]);
        telemetry.declare_series(&series, "job", Duration::from_secs(60));
        let is_shown =
            || telemetry.metrics().gather().iter().any(|family| family.name() == "dccd_exchange_up");
        assert!(is_shown());

        telemetry.forget_series(&series);
        assert!(!is_shown());

        telemetry.declare_series(&series, "job", Duration::from_secs(60));
        assert!(is_shown());
    }
}
