//! The figures that the daemon's snapshot reads back.

use super::Metrics;

/// The state of an exchange.
pub(crate) struct ExchangeTold {
    /// Whether its last request was answered.
    pub(crate) is_up: bool,
}

impl Metrics {
    /// The state of an exchange; `None` for one that no series needs any more: to ask must not bring its label
    /// sets back.
    pub(crate) fn exchange(&self, name: &str) -> Option<ExchangeTold> {
        let exchanges = self.exchanges();
        exchanges.get(name).filter(|known| known.is_shown)?;
        Some(ExchangeTold { is_up: self.requests.up.with_label_values(&[name]).get() > 0.0 })
    }

    /// Free bytes and size of the disk as it was last measured.
    pub(crate) fn disk(&self) -> (u64, u64) {
        let bytes = |gauge: &prometheus::Gauge| gauge.get() as u64;
        (bytes(&self.storage.free_bytes), bytes(&self.storage.size_bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::telemetry::Telemetry;

    #[test]
    fn asking_for_an_exchange_whose_last_series_is_gone_does_not_bring_its_label_sets_back() {
        let telemetry = Telemetry::new();
        let series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        telemetry.metrics().declare_exchange("binance", &["ohlc"]);
        telemetry.declare_series(&series, "job", Duration::from_secs(60));
        let is_told = || telemetry.metrics().exchange("binance").is_some();
        let is_shown =
            || telemetry.metrics().gather().iter().any(|family| family.name() == "dccd_exchange_up");
        assert!(is_told() && is_shown());

        telemetry.forget_series(&series);
        assert!(!is_told() && !is_shown());

        telemetry.declare_series(&series, "job", Duration::from_secs(60));
        assert!(is_told() && is_shown());
    }
}
