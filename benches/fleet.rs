//! How much faster three workers of a fleet are than one, where exchanges see each at an address of its own: the same history of
//! many pairs, until all of it is in the bucket. `cargo bench --bench parts -- fleet`.
//!
//! Simulated exchanges with the same data stand for one exchange that is seen from several addresses: each allows its worker what
//! Binance allows an address.

use std::time::{Duration, Instant};

use crate::world::{World, at};
use dccd::model::{Series, Window};
use dccd::sim::{Clock, Knobs, Sim};

const PAIRS: usize = 24;
const FROM: &str = "2024-01-01";
const UNTIL: &str = "2024-12-30";
/// The weight in a minute that Binance allows an address.
const WEIGHT_LIMIT: u32 = 6_000;
/// No number of workers may take longer.
const LONGEST: Duration = Duration::from_secs(900);

#[tokio::main]
pub(crate) async fn main() {
    let mut alone = None;
    for workers in [1, 3] {
        let Some(took) = measured(workers).await else { return println!("PostgreSQL cannot run here") };
        let faster = alone.get_or_insert(took).as_secs_f64() / took.as_secs_f64();
        let rows = (at(UNTIL).0 - at(FROM).0) / 60_000_000 * PAIRS as i64;
        println!(
            "{workers} workers: {rows} candles of {PAIRS} pairs in the bucket after {:.0} s, {faster:.2} times as fast as one",
            took.as_secs_f64()
        );
        println!("figure fleet_{workers} {faster:.2} times");
    }
}

/// How long so many workers take until everything is in the bucket.
async fn measured(workers: usize) -> Option<Duration> {
    let names: Vec<String> = (0..PAIRS).map(|number| format!("P{number:02}")).collect();
    let knobs = || Knobs {
        symbols: names.iter().map(|name| format!("{name}USDT")).collect(),
        clock: Clock::running_from(at("2025-01-01")),
        weight_limit: WEIGHT_LIMIT,
        ..Knobs::default()
    };
    let mut world = World::with(crate::postgres::database().await?, knobs()).await;
    world.own_addresses = true;
    let series: Vec<Series> =
        names.iter().map(|name| format!("binance/{name}-USDT/ohlc/1m").parse().unwrap()).collect();
    let pairs: Vec<String> = names.iter().map(|name| format!("{name}/USDT")).collect();

    let (began, mut seen_from, mut running) = (Instant::now(), Vec::new(), Vec::new());
    for number in 0..workers {
        let sim = Sim::start("127.0.0.1:0".parse().unwrap(), knobs()).await.unwrap();
        let sections = format!(
            "exchanges: {{binance: {{rest_url: '{}'}}}}\nhisto_jobs: [{{exchange: binance, pairs: [{}], span: 60, start: {FROM}, every: 60}}]\n",
            sim.url(),
            pairs.join(", ")
        );
        running.push(world.start_with(&format!("worker{number}"), "", &sections));
        seen_from.push(sim);
    }
    let whole = Window::new(at(FROM), at(UNTIL)).unwrap();
    let mut missing = series;
    while !missing.is_empty() {
        assert!(began.elapsed() < LONGEST, "{} series are not whole", missing.len());
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut still = Vec::new();
        for own in missing {
            let ledger = world.ledger(&own).await.unwrap_or_default();
            still.extend((!ledger.settled().missing(whole).is_empty()).then_some(own));
        }
        missing = still;
    }
    let took = began.elapsed();
    for worker in &mut running {
        worker.stop().await;
    }
    Some(took)
}
