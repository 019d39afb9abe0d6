//! The cost of a scrape: gathering, writing and compressing ten thousand samples.

use std::time::{Duration, Instant};

use dccd::telemetry::Telemetry;
use dccd::telemetry::exposition::{Format, encode, gzip};

use crate::common::cpu_secs;

/// Samples that are written at least.
const SAMPLES: usize = 10_000;
const ROUNDS: usize = 101;

pub(crate) fn main() {
    let telemetry = Telemetry::new();
    let exchanges = ["binance", "kraken", "okx", "bybit"];
    exchanges.iter().for_each(|exchange| {
        telemetry.metrics().declare_exchange(exchange, &["ohlc", "trades", "instruments", "time"]);
    });
    let mut series = 0;
    while samples(&telemetry) < SAMPLES {
        for exchange in exchanges {
            let name = format!("{exchange}/A{series}-USDT/ohlc/1h").parse().expect("a series");
            telemetry.declare_series(&name, "job", Duration::from_secs(3_600));
        }
        series += 1;
    }
    println!("{} samples of {} series:", samples(&telemetry), series * exchanges.len());
    let text_ms =
        measure("text 0.0.4", || encode(telemetry.metrics(), Format::Text).expect("it is written").len());
    println!("figure metrics {text_ms:.2} ms");
    measure("OpenMetrics 1.0", || {
        encode(telemetry.metrics(), Format::OpenMetrics).expect("it is written").len()
    });
    let text = encode(telemetry.metrics(), Format::Text).expect("it is written");
    measure("gzip of the text", || gzip(&text).expect("it is compressed").len());
}

fn samples(telemetry: &Telemetry) -> usize {
    let text = encode(telemetry.metrics(), Format::Text).expect("it is written");
    text.lines().filter(|line| !line.starts_with('#')).count()
}

/// Prints what one time takes; returns the median in milliseconds.
fn measure(what: &str, mut once: impl FnMut() -> usize) -> f64 {
    let mut took = Vec::with_capacity(ROUNDS);
    let cpu = cpu_secs();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        bytes = once();
        took.push(began.elapsed());
    }
    let cpu_ms = (cpu_secs() - cpu) / ROUNDS as f64 * 1e3;
    took.sort_unstable();
    let [median, worst] = [ROUNDS / 2, ROUNDS - 1].map(|at| took[at].as_secs_f64() * 1e3);
    println!(
        "  {what:16} median {median:6.2} ms, worst {worst:6.2} ms, {cpu_ms:6.2} ms of CPU, {} kB",
        bytes / 1_000
    );
    median
}
