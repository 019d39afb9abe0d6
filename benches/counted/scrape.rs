//! A scrape: every metric gathered and written as text.

use std::hint::black_box;
use std::time::Duration;

use dccd::telemetry::Telemetry;
use dccd::telemetry::exposition::{Format, encode};

/// Series that are declared on each of two exchanges.
const SERIES: usize = 50;

pub(crate) fn scrape(times: usize) {
    let telemetry = Telemetry::new();
    for exchange in ["binance", "kraken"] {
        telemetry.metrics().declare_exchange(exchange, &["ohlc", "trades", "instruments", "time"]);
        for number in 0..SERIES {
            let series = format!("{exchange}/A{number}-USDT/ohlc/1h").parse().expect("a series");
            telemetry.declare_series(&series, "job", Duration::from_secs(3_600));
        }
    }
    for _ in 0..times {
        black_box(encode(telemetry.metrics(), Format::Text).expect("it is written"));
    }
}
