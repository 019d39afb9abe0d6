//! How fast frames of trades become rows, and what a trade allocates: the parse alone, without a socket.
//!
//! Frames are written after the documentation, with prices and amounts as they come over the wire. As a driver does, 256
//! of them are read, then handed over and forgotten.

#[path = "common/mod.rs"]
#[allow(dead_code, reason = "nothing of it is fetched here")]
mod common;
#[path = "../tests/conformance/live/written.rs"]
#[allow(dead_code, reason = "only trades are measured")]
mod written;

use std::alloc::System;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::live::{Now, Received, Session, Topic, TopicId};
use dccd::exchange::{Contract, Decimal, Instrument, find};
use dccd::model::{Market, Micros, Series};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use common::{median, timed};
use written::{Dice, kraken_trades, trade_frames, trades};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TRADES: u64 = 400_000;
const ROUNDS: usize = 5;

/// Frames between two hand-overs.
const BURST: usize = 256;

/// The goals.
const GOAL_MILLIONS: f64 = 0.5;
const GOAL_ALLOCATIONS: f64 = 0.05;

/// Frames of some trades.
struct Case {
    what: &'static str,
    series: &'static str,
    symbol: &'static str,
    /// Trades in a frame, where not as the exchange would have it.
    single: bool,
}

const CASES: [Case; 6] = [
    Case { what: "binance spot", series: "binance/BTC-USDT/trades", symbol: "BTCUSDT", single: true },
    Case { what: "binance USD-M", series: "binance/BTC-USDT_PERP/trades", symbol: "BTCUSDT", single: true },
    Case {
        what: "binance COIN-M",
        series: "binancecoinm/BTC-USD_PERP/trades",
        symbol: "BTCUSD_PERP",
        single: true,
    },
    Case { what: "kraken, 1 a frame", series: "kraken/BTC-USD/trades", symbol: "BTC/USD", single: true },
    Case { what: "kraken, 1 to 4", series: "kraken/BTC-USD/trades", symbol: "BTC/USD", single: false },
    Case { what: "coinbase", series: "coinbase/BTC-USD/trades", symbol: "BTC-USD", single: true },
];

fn main() {
    println!(
        "{:<20} {:>8} {:>12} {:>14} {:>12}",
        "frames", "bytes", "M trades/s", "M messages/s", "allocations"
    );
    let mut missed = Vec::new();
    for case in &CASES {
        let frames = frames(case);
        let bytes: usize = frames.iter().map(|(_, frame)| frame.len()).sum();
        let rates = (0..ROUNDS).map(|_| 1.0 / timed(|| assert_eq!(read(case, &frames).0, TRADES)).1);
        let passes = median(rates.collect());
        let (_, allocations) = read(case, &frames);
        let millions = passes * TRADES as f64 / 1e6;
        let per_trade = allocations as f64 / TRADES as f64;
        println!(
            "{:<20} {:>8} {millions:>12.2} {:>14.2} {per_trade:>12.4}",
            case.what,
            bytes / frames.len(),
            passes * frames.len() as f64 / 1e6
        );
        if millions < GOAL_MILLIONS || per_trade >= GOAL_ALLOCATIONS {
            missed.push(case.what);
        }
    }
    println!(
        "a CPU second; below {GOAL_MILLIONS} M trades or from {GOAL_ALLOCATIONS} allocations a trade on: {missed:?}"
    );
}

fn frames(case: &Case) -> Vec<(Micros, String)> {
    let exchange = case.series.split('/').next().expect("a series");
    let mut dice = Dice(1);
    let trades = trades(exchange, TRADES, &mut dice);
    if case.single && exchange == "kraken" {
        return trades
            .iter()
            .map(|own| (own.ts, kraken_trades(case.symbol, std::slice::from_ref(own))))
            .collect();
    }
    trade_frames(exchange, case.symbol, &trades, &mut dice)
}

/// Rows that frames became, and the allocations of it.
fn read(case: &Case, frames: &[(Micros, String)]) -> (u64, usize) {
    let mut session = session(case);
    let (mut received, mut rows) = (Received::new(), 0);
    let region = Region::new(ALLOCATIONS);
    for burst in frames.chunks(BURST) {
        for (at, frame) in burst {
            session.text(black_box(frame), now(*at), &mut received);
        }
        session.tick(now(burst[burst.len() - 1].0), &mut received);
        rows += received.batches().map(|(_, batch)| batch.len() as u64).sum::<u64>();
        black_box(session.covered(TopicId(0)));
        received.clear();
    }
    let change = region.change();
    (rows, change.allocations + change.reallocations)
}

fn now(at: Micros) -> Now {
    Now { elapsed: Duration::from_secs(1), at: at + Duration::from_millis(20) }
}

fn session(case: &Case) -> Box<dyn Session> {
    let series: Series = case.series.parse().expect("a series");
    let exchange = find(series.exchange()).expect("it is registered");
    let live = exchange.live().expect("it is live");
    let mut session = live.session(live.offer_for(&series).expect("it is offered").line);
    let is_coin = series.pair().market() != Market::Spot;
    let contract = is_coin.then_some(Contract::Quote(Decimal::whole(100)));
    let instrument = Instrument { contract, ..Instrument::named(exchange.symbol(series.pair())) };
    let topic =
        Topic { id: TopicId(0), series: Arc::new(series), instrument: Arc::new(instrument), held: None };
    session.want(topic).expect("it is offered");
    session
}
