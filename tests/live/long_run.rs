//! All exchanges at once for a long while: connections are short-lived, contracts expire, days end, and the daemon is restarted
//! again and again. Everything that the exchanges had is stored once, and the daemon is as large at the end as at the beginning.
//!
//! A restart is where the exchanges' clocks jump to shortly before the next midnight, or the next expiry of contracts.

use std::fs::{self, File};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use dccd::clock::now;
use dccd::model::{Batch, Candle, Kind, Micros, Series, Window, Windows};
use dccd::sim::{Clock, Knobs};
use dccd::store::verify_series;
use tokio::process::Child;

use crate::contracts::{self, EXPIRIES, existing, expiry, is_settled};
use crate::dice::Dice;
use crate::program::{command, end, terminate};
use crate::rebuilt::Stored;
use crate::reported::comparable;
use crate::rig::{Rig, assert_same, is_siege, trades};
use crate::streams;
use crate::test_daemon::{TestDaemon, at};

/// The exchanges whose dated contracts expire, and those that pass midnights.
const EXPIRING: &str = r#"
{exchange: binance, pairs: [BTC/USDT, "BTC/USDT:perp", "BTC/USDT:quarter"], channels: [trades, ohlc], spans: [3600]}
{exchange: binance, pairs: [BTC/USDT, "BTC/USDT:quarter"], channels: [book], depth: 10, book_deltas: true}
{exchange: binancecoinm, pairs: ["BTC/USD:perp", "BTC/USD:quarter"], channels: [trades, ohlc], spans: [3600]}
{exchange: binancecoinm, pairs: ["BTC/USD:quarter"], channels: [book], depth: 10, book_deltas: true}
{exchange: bybit, pairs: [BTC/USDT, "BTC/USDT:perp", "BTC/USDT:quarter"], channels: [trades, ohlc], spans: [3600]}
{exchange: bybit, pairs: ["BTC/USDT:perp", "BTC/USDT:quarter"], channels: [book], depth: 10, book_deltas: true}
"#;
const OTHERS: &str = r#"
{exchange: kraken, pairs: [BTC/USDT], channels: [trades, ohlc], spans: [3600]}
{exchange: okx, pairs: [BTC/USDT, "BTC/USDT:perp"], channels: [trades, ohlc], spans: [3600]}
{exchange: bitfinex, pairs: [BTC/USD], channels: [trades, ohlc], spans: [3600]}
{exchange: coinbase, pairs: [BTC/USD], channels: [trades]}
{exchange: bitmex, pairs: [BTC/USDT], channels: [trades]}
{exchange: krakenfutures, pairs: ["BTC/USD:perp"], channels: [trades]}
{exchange: kraken, pairs: [BTC/USDT], channels: [book], depth: 10, book_deltas: true}
{exchange: okx, pairs: [BTC/USDT], channels: [book], depth: 10, book_deltas: true}
{exchange: bitfinex, pairs: [BTC/USD], channels: [book], depth: 10, book_deltas: true}
{exchange: coinbase, pairs: [BTC/USD], channels: [book], depth: 10, book_deltas: true}
{exchange: bitmex, pairs: [BTC/USDT], channels: [book], depth: 10, book_deltas: true}
{exchange: krakenfutures, pairs: ["BTC/USD:perp"], channels: [book], depth: 10, book_deltas: true}
"#;

/// Trades a second of each pair while a process listens; in the months between it is one an hour. Bybit shows the newest 60
/// of a spot market: more of them would be gone before a hole is asked for.
const RATE_OF_EXPIRING: u64 = 1;
const RATE_OF_OTHERS: u64 = 5;

/// Once so long after a process started everything that is heard is complete.
const HEARD_AFTER: Duration = Duration::from_secs(15);

/// How long what is missing at the end of a session may take: the end of a contract is known a minute after it.
const SETTLED_WITHIN: Duration = Duration::from_secs(150);

/// How long a book may be out of step where a connection ends, or another contract takes its name.
const OUT_OF_STEP: Duration = Duration::from_secs(8);

/// The instants of each book that are compared in each session.
const INSTANTS: u64 = 100;

/// How long things take.
struct Timing {
    sessions: usize,
    /// How many of the sessions see contracts expire.
    expiries: u32,
    session: Duration,
    /// How long before the midnight or expiry a session starts.
    before: Duration,
    lifetime: Duration,
}

impl Timing {
    fn drawn() -> Self {
        let secs = Duration::from_secs;
        match is_siege() {
            true => {
                Timing { sessions: 9, expiries: 9, session: secs(300), before: secs(150), lifetime: secs(60) }
            }
            false => {
                Timing { sessions: 2, expiries: 1, session: secs(25), before: secs(17), lifetime: secs(20) }
            }
        }
    }
}

/// Some exchanges, the clock that they share, and the daemon that listens to them.
struct Group {
    rig: Rig,
    /// Trades a second while a process listens.
    rate: u64,
    clock: Clock,
    /// How far the clock is ahead of the host's, in microseconds.
    ahead: Arc<AtomicI64>,
    /// The time that each process heard whole, by the clock of the exchanges.
    heard: Vec<Window>,
    /// The resident memory of each process at its end, in bytes.
    resident: Vec<u64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_exchanges_are_stored_whole_over_restarts_expiries_midnights_and_ends_of_connections() {
    let timing = Timing::drawn();
    let dated = ["BTCUSDT", "BTCUSD"].into_iter().flat_map(contracts::symbols);
    let mut expiring = Group::new(EXPIRING, RATE_OF_EXPIRING, &timing, dated).await;
    let plain = ["BTCUSDT", "BTCUSD"].map(str::to_owned).into_iter();
    let mut others = Group::new(OTHERS, RATE_OF_OTHERS, &timing, plain).await;
    for (session, date) in (0..).zip(&EXPIRIES[..timing.sessions]) {
        let midnight = at("2024-03-29") + Duration::from_secs(86_400) * session;
        let of_expiring = if session < timing.expiries { expiry(date) } else { midnight };
        tokio::join!(expiring.listen(of_expiring, &timing), others.listen(midnight, &timing));
    }
    let mut late = Vec::new();
    for group in [&expiring, &others] {
        late.extend(group.hold_to_the_exchanges());
        let [first, second, .., last] = group.resident[..] else { continue };
        println!(
            "resident memory: {first} after the first process, {second} after the second, {last} after the last"
        );
        assert!(last as f64 <= 1.1 * second as f64, "{:?}", group.resident);
    }
    assert_eq!(late, Vec::<String>::new(), "books out of step for too long");
}

impl Group {
    async fn new(jobs: &str, rate: u64, timing: &Timing, symbols: impl Iterator<Item = String>) -> Group {
        let ahead = Arc::new(AtomicI64::new(0));
        let own = Arc::clone(&ahead);
        let clock = Clock::of(move || Micros(now().0 + own.load(Ordering::Relaxed)));
        let knobs = Knobs {
            symbols: symbols.collect(),
            trades_per_hour: 1,
            weight_limit: 60_000,
            ws_lifetime: Some(timing.lifetime),
            ws_notice: Duration::from_secs(5),
            clock: clock.clone(),
            ..Knobs::default()
        };
        let setup = TestDaemon::keeping_time("", knobs).await;
        let text = streams::text(&setup, jobs);
        let rig = Rig::of_text(setup, text);
        Group { rig, rate, clock, ahead, heard: Vec::new(), resident: Vec::new() }
    }

    /// One process, from shortly before an instant of interest until everything of it is settled.
    async fn listen(&mut self, interest: Micros, timing: &Timing) {
        let (from, began) = (interest - timing.before, Instant::now());
        self.ahead.store(from.0 - now().0, Ordering::Relaxed);
        let busy = Window::new(from, from + Duration::from_secs(3_600)).unwrap();
        self.rig.setup.sim.set(|knobs| knobs.ws_rushes.push((busy, self.rate)));
        let log =
            File::options().create(true).append(true).open(self.rig.setup.folder.path().join("log")).unwrap();
        let mut start = command(&self.rig.setup, &["start"]);
        let child = start.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        tokio::time::sleep(timing.session.saturating_sub(began.elapsed())).await;

        let until = self.clock.now();
        let settled = |name: &&String| {
            let series: Series = name.parse().unwrap();
            is_settled(&self.rig.setup.ledger(name), &series, until)
        };
        let open = || self.rig.series.iter().filter(|name| !settled(name)).collect::<Vec<_>>();
        let told = |name: &&String| {
            let ledger = self.rig.setup.ledger(name);
            format!(
                "{name}: gaps {:?}, covered {:?}, unfillable {:?}",
                ledger.gaps(until),
                ledger.covered,
                ledger.unfillable
            )
        };
        let all = || open().iter().map(told).collect::<Vec<_>>().join("\n");
        self.rig.wait_for(SETTLED_WITHIN, || open().is_empty(), all).await;
        println!("{} in order up to {until}, {:?} after the start", self.rig.series.len(), began.elapsed());

        self.resident.push(resident(&child));
        terminate(&child).await;
        let ended = end(child).await;
        assert_eq!(
            ended.code,
            Some(0),
            "{}",
            fs::read_to_string(self.rig.setup.folder.path().join("log")).unwrap()
        );
        self.heard.push(Window::new(from + HEARD_AFTER, until).unwrap());
    }

    /// Holds everything stored to the exchanges. Returns the times in which books were out of step for too long.
    fn hold_to_the_exchanges(&self) -> Vec<String> {
        let (mut dice, mut late) = (Dice::drawn(), Vec::new());
        for name in &self.rig.series {
            let series: Series = name.parse().unwrap();
            if series.kind() == Kind::OrderBook {
                late.extend(self.hold_book(name, &mut dice));
            } else {
                self.hold_rows(name, &series);
            }
        }
        let sockets = self.rig.setup.sim.sockets();
        assert!(sockets.values().all(|own| own.over.is_empty()), "{sockets:?}");
        let ends: Vec<_> = sockets.iter().map(|(exchange, own)| (exchange, own.connections)).collect();
        println!("connections: {ends:?}");
        late
    }

    /// Each row of the exchange in what is covered is stored once, nothing else is, and what processes heard is covered.
    fn hold_rows(&self, name: &str, series: &Series) {
        let (stored, ledger, mut rows) = (self.rig.setup.stored(name), self.rig.setup.ledger(name), 0);
        for window in ledger.covered.iter() {
            let theirs = existing(&self.rig.setup, series, window);
            rows += theirs.len();
            if series.span().is_some() {
                assert_same(
                    name,
                    &sent(&stored, window, &ledger.derived),
                    &sent(&theirs, window, &ledger.derived),
                );
            } else {
                let of = |rows: &Batch| trades(&comparable(series, rows), window);
                assert_same(name, &of(&stored), &of(&theirs));
            }
        }
        // Of the instants heard first and last nothing proves that all their trades came.
        let beside = |row: &usize| !ledger.covered.holds(Micros(stored.ts()[*row]));
        for row in (0..stored.len()).filter(beside) {
            assert!(series.span().is_none(), "{name}: a candle beside {:?}", ledger.covered);
            let own = Window { from: Micros(stored.ts()[row]), until: Micros(stored.ts()[row] + 1) };
            let theirs = trades(&existing(&self.rig.setup, series, own), own);
            let ours = trades(&comparable(series, &stored.gather(&[row])), own);
            assert!(theirs.contains(&ours[0]), "{name}: {ours:?} is not of {theirs:?}");
        }
        for note in &ledger.empty {
            assert_eq!(
                existing(&self.rig.setup, series, note.window).len(),
                0,
                "{name}: {note:?} is not empty"
            );
        }
        for heard in &self.heard {
            let lost = ledger.unfillable.iter().find(|note| note.window.intersection(*heard).is_some());
            assert!(lost.is_none(), "{name}: {lost:?} while a process listened: {heard:?}");
            let is_open = series.span().is_none() && !ledger.settled().cover(*heard);
            assert!(!is_open, "{name}: something of {heard:?} is missing: {:?}", ledger.settled());
        }
        assert_eq!(verify_series(&self.rig.setup.layout(), series).unwrap(), []);
        assert!(rows > 0, "{name}: nothing of it is covered");
        println!("{name}: {rows} rows, {} windows unfillable between processes", ledger.unfillable.len());
    }

    /// A book is the exchange's while a process listened, but for the moments after its connection ended. Returns the times
    /// that were longer.
    fn hold_book(&self, name: &str, dice: &mut Dice) -> Vec<String> {
        let (stored, mut longest, mut late) = (Stored::read(&self.rig, name), 0.0_f64, Vec::new());
        for heard in &self.heard {
            stored.hold_within(&self.rig, dice, *heard, INSTANTS);
            for note in &stored.ledger.unfillable {
                let Some(part) = note.window.intersection(*heard) else { continue };
                longest = longest.max(part.secs());
                if part.secs() > OUT_OF_STEP.as_secs_f64() {
                    late.push(format!("{name}: {part:?}: {}", note.reason));
                }
            }
        }
        println!("{name}: {} updates, out of step {longest} s at most", stored.updates());
        late
    }
}

/// The candles of a window that were sent, not computed from trades.
fn sent(rows: &Batch, window: Window, derived: &Windows) -> Vec<Candle> {
    let is_own = |candle: &Candle| window.holds(candle.ts) && !derived.holds(candle.ts);
    rows.candles().iter().filter(is_own).collect()
}

/// The resident memory of a process, in bytes.
fn resident(child: &Child) -> u64 {
    let path = format!("/proc/{}/status", child.id().expect("it runs"));
    let status = fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1_024
}
