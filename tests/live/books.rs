//! Books that are followed and stored while their exchange breaks them in every way: at each instant the stored book is the
//! exchange's, or the ledger says that nothing can tell what it was.

use std::time::{Duration, Instant};

use dccd::clock::now;
use dccd::model::{Micros, Series};
use dccd::sim::{Clock, Endpoint, Fault, Knobs, Rate, Rule, WsFault};
use dccd::store::Note;

use crate::dice::{Dice, times};
use crate::program::{command, dccd, end, terminate};
use crate::rebuilt::Stored;
use crate::rig::{Rig, is_siege};
use crate::test_daemon::Metrics;

/// How many instants of each book are looked at.
const INSTANTS: u64 = 1_000;

/// How long a book may be out of step after a fault, and for how long it may be where the connection went.
const RESYNC: Duration = Duration::from_secs(2);
const RECONNECT: Duration = Duration::from_secs(8);

const USD: [&str; 5] = ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD"];
const USDT: [&str; 5] = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT"];
const PERP: [&str; 5] = ["BTC/USDT:perp", "ETH/USDT:perp", "SOL/USDT:perp", "XRP/USDT:perp", "ADA/USDT:perp"];
const COIN: [&str; 5] = ["BTC/USD:perp", "ETH/USD:perp", "SOL/USD:perp", "XRP/USD:perp", "ADA/USD:perp"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_binance_are_those_of_the_exchange_or_not_known_by_what_broke_them() {
    let faults = [WsFault::Hole, WsFault::Crossed, WsFault::Swap, WsFault::Cut, WsFault::Double];
    broken_every_while("binance", &USDT, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_usd_margined_contracts_are_those_of_the_exchange_or_not_known() {
    broken_every_while("binance", &PERP, &[WsFault::Hole, WsFault::Reset, WsFault::Crossed]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_coin_margined_contracts_are_those_of_the_exchange_or_not_known() {
    broken_every_while("binancecoinm", &COIN, &[WsFault::Hole, WsFault::Reset, WsFault::Crossed]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_kraken_are_those_of_the_exchange_or_not_known_by_what_broke_them() {
    let faults = [WsFault::BadSum, WsFault::Hole, WsFault::Cut, WsFault::Double, WsFault::Crossed];
    broken_every_while("kraken", &USD, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_coinbase_are_those_of_the_exchange_or_not_known_by_what_broke_them() {
    broken_every_while("coinbase", &USD, &[WsFault::Crossed, WsFault::Cut, WsFault::Double]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_kraken_derivatives_are_those_of_the_exchange_or_not_known_by_what_broke_them() {
    let faults = [WsFault::Hole, WsFault::Crossed, WsFault::Swap, WsFault::Cut, WsFault::Double];
    broken_every_while("krakenfutures", &COIN, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_bitfinex_are_those_of_the_exchange_or_not_known_by_what_broke_them() {
    let faults = [WsFault::BadSum, WsFault::Hole, WsFault::Cut, WsFault::Double, WsFault::Crossed];
    broken_every_while("bitfinex", &USD, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_bitmex_are_those_of_the_exchange_or_not_known_by_what_broke_them() {
    broken_every_while("bitmex", &USDT, &[WsFault::Crossed, WsFault::Cut, WsFault::Double]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_okx_are_those_of_the_exchange_or_not_known_by_what_broke_them() {
    let faults = [WsFault::Hole, WsFault::Crossed, WsFault::Swap, WsFault::Cut, WsFault::Double];
    broken_every_while("okx", &USDT, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_contracts_of_okx_are_those_of_the_exchange_or_not_known() {
    broken_every_while("okx", &PERP, &[WsFault::Hole, WsFault::Reset, WsFault::Crossed]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_bybit_are_those_of_the_exchange_or_not_known_by_what_broke_them() {
    let faults = [WsFault::Hole, WsFault::Crossed, WsFault::Swap, WsFault::Cut, WsFault::Double];
    broken_every_while("bybit", &USDT, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_books_of_contracts_of_bybit_are_those_of_the_exchange_or_not_known() {
    broken_every_while("bybit", &PERP, &[WsFault::Hole, WsFault::Reset, WsFault::Crossed]).await;
}

/// Breaks the connection or the books again and again; midnight at the exchange is amid it.
async fn broken_every_while(exchange: &'static str, pairs: &[&str], faults: &[WsFault]) {
    // Some whole books over REST are older than the updates that wait for them.
    let stale =
        Rule { fault: Fault::StaleSnapshot, endpoint: Some(Endpoint::BookSnapshot), rate: Rate::EveryNth(9) };
    let (rounds, pause) = (times(4, 60), Duration::from_secs(times(5, 10)));
    let (clock, midnight) = midnight_in(Duration::from_secs(10) + pause * rounds as u32 / 2);
    let knobs = Knobs { faults: vec![stale], clock: clock.clone(), ..Knobs::default() };
    let rig = Rig::of_books(exchange, pairs, "depth: 10, book_deltas: true", knobs).await;
    let daemon = rig.start().await;
    rig.in_step_until(clock.now() + Duration::from_secs(2), Duration::from_secs(60)).await;
    // Nothing else writes into a followed book.
    let repaired = dccd(&rig.setup, &["repair", &rig.series[0]]).await;
    assert_eq!(repaired.code, Some(0), "{repaired:?}");
    for (round, fault) in (0..rounds).zip(faults.iter().cycle()) {
        rig.setup.sim.strike(*fault);
        rig.struck(round + 1, Duration::from_secs(30)).await;
        tokio::time::sleep(pause).await;
    }
    rig.in_step_until(clock.now().max(midnight), Duration::from_secs(60)).await;
    daemon.stop().await;

    let mut dice = Dice::drawn();
    for name in &rig.series {
        let stored = Stored::read(&rig, name);
        assert_eq!(stored.ledger.periods().count(), 2, "{name}");
        let is_gone = |fault: &&WsFault| matches!(fault, WsFault::Cut | WsFault::Reset);
        let longest = if faults.iter().any(|fault| is_gone(&fault)) { RECONNECT } else { RESYNC };
        // One whole book in a few is stale, which is a fault of its own, with a longer wait each time.
        let resync = if exchange.starts_with("binance") { RESYNC * 2 } else { RESYNC };
        stored.hold_to_the_exchange(&rig, &mut dice, INSTANTS);
        stored.each_day_is_enough(&rig, &mut dice, times(50, 150));
        println!(
            "{name}: {} updates, out of step {:?}",
            stored.updates(),
            stored
                .ledger
                .unfillable
                .iter()
                .map(|note| (&note.reason, note.window.secs()))
                .collect::<Vec<_>>()
        );
        for note in &stored.ledger.unfillable {
            let limit = match () {
                () if note.reason.contains("reconnect") => longest,
                // The price moved through all that was known: no fault of the exchange, and a deeper book is asked for.
                () if note.reason.contains("shallow") => RECONNECT,
                () => resync,
            };
            // Other tests run beside the short form.
            let limit = if is_siege() { limit } else { limit * 4 };
            assert!(note.window.secs() <= limit.as_secs_f64(), "{name}: {note:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_while_it_follows_books_doubles_no_number_and_knows_what_it_does_not() {
    let keys = "depth: 10, book_deltas: true";
    let rig = Rig::of_books("binance", &USDT[..2], keys, Knobs::default()).await;
    let mut dice = Dice::drawn();
    let kills = times(5, 50);
    for _ in 0..kills {
        let mut child = command(&rig.setup, &["start"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(1_500 + dice.below(4_000))).await;
        child.start_kill().unwrap();
        assert!(child.wait().await.unwrap().code().is_none(), "it ended by itself");
    }
    let last = command(&rig.setup, &["start"]).spawn().unwrap();
    rig.in_step_until(now() + Duration::from_secs(2), Duration::from_secs(60)).await;
    terminate(&last).await;
    let ended = end(last).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    for name in &rig.series {
        let stored = Stored::read(&rig, name);
        stored.hold_to_the_exchange(&rig, &mut dice, INSTANTS);
        let holes = &stored.ledger.unfillable;
        let reasons = ["(restart)", "without a clean stop", "not in step (shallow)"];
        let has_reason = |note: &Note| reasons.iter().any(|reason| note.reason.contains(reason));
        assert!(holes.len() as u64 >= kills && holes.iter().all(has_reason), "{holes:?}");
        println!("{name}: {} updates, {} holes", stored.updates(), holes.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_books_that_begin_at_once_come_into_step_without_asking_for_more_than_the_exchange_allows() {
    // Whole books of 500 levels, of which the exchange allows 240 a minute, come later and beside those in step.
    let (count, within) = if is_siege() { (500, 90) } else { (60, 60) };
    let pairs: Vec<String> = (0..count).map(|number| format!("B{number:03}/USDT")).collect();
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    let knobs = Knobs { book_levels: 300, ..Knobs::default() };
    let rig = Rig::of_books("binance", &pairs, "depth: 100", knobs).await;
    let (daemon, began) = (rig.start().await, Instant::now());
    let sum = |family: &str| Metrics::of(&daemon.engine).sum(family);
    let mut most_waiting = 0.0;
    let all = || {
        most_waiting = f64::max(most_waiting, sum("dccd_book_waiting_bytes"));
        sum("dccd_book_in_step") >= f64::from(count)
    };
    let told = || format!("{} in step", sum("dccd_book_in_step"));
    rig.wait_for(Duration::from_secs(within), all, told).await;
    let waiting_mib = most_waiting / f64::from(1 << 20);
    println!("{count} books in step after {:?}, at most {waiting_mib:.2} MiB waited", began.elapsed());
    // A few dozen answers come before anything is seen to wait for them.
    assert!(!is_siege() || most_waiting > 0.0, "no updates were seen to wait");
    assert!(waiting_mib <= 64.0, "{waiting_mib} MiB of updates waited");
    let shown = dccd(&rig.setup, &["book", "binance/B007/USDT", "--levels", "5", "--json"]).await;
    let book: Shown = serde_json::from_str(&shown.out).unwrap_or_else(|_| panic!("{shown:?}"));
    assert_eq!((&*book.source, book.covered, book.ord), ("live", true, None));
    assert!(book.age_seconds < 5.0 && book.seq.is_some(), "{shown:?}");
    assert!(book.bids.len() == 5 && book.bids[0].price < book.asks[0].price, "{shown:?}");
    let refused = rig.setup.sim.requests().iter().filter(|seen| matches!(seen.status, 429 | 418)).count();
    assert_eq!(refused, 0, "of {} requests", rig.setup.sim.requests().len());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_book_whose_checksums_are_always_wrong_is_begun_anew_ever_less_often_and_disturbs_no_other() {
    let pairs: Vec<String> = (0..50).map(|number| format!("B{number:02}/USD")).collect();
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    let knobs = Knobs { bad_sums: vec!["B07USD".to_owned()], ..Knobs::default() };
    let rig = Rig::of_books("kraken", &pairs, "depth: 10", knobs).await;
    let daemon = rig.start().await;
    let metrics = || Metrics::of(&daemon.engine);
    let in_step = || metrics().sum("dccd_book_in_step");
    rig.wait_for(Duration::from_secs(60), || in_step() >= 49.0, || format!("{} in step", in_step())).await;
    let (secs, most) = if is_siege() { (600, 12.0) } else { (20, 6.0) };
    let bad: Series = "kraken/B07-USD/orderbook".parse().unwrap();
    let of = |family: &str| metrics().of_series(family, &bad);
    let before = (of("dccd_book_breaks_total"), of("dccd_book_out_of_step_seconds_total"));
    tokio::time::sleep(Duration::from_secs(secs)).await;

    let breaks = of("dccd_book_breaks_total") - before.0;
    let out = of("dccd_book_out_of_step_seconds_total") - before.1;
    assert!((1.0..=most).contains(&breaks), "{breaks} breaks in {secs} s");
    // The alert looks at three quarters of the time.
    assert!(out > 0.75 * secs as f64, "out of step for {out} of {secs} s");
    for name in rig.series.iter().filter(|name| *name != &bad.to_string()) {
        let own: Series = name.parse().unwrap();
        assert_eq!(metrics().of_series("dccd_book_breaks_total", &own), 0.0, "{name}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_over_midnight_have_two_files_each_of_which_can_be_read_alone() {
    let (clock, midnight) = midnight_in(Duration::from_secs(15));
    // Their instants jump back over it.
    let knobs = Knobs { clock, book_back_ms: 500, ..Knobs::default() };
    let rig = Rig::of_books("binance", &USDT[..2], "depth: 10, book_deltas: true", knobs).await;
    let daemon = rig.start().await;
    rig.in_step_until(midnight + Duration::from_secs(5), Duration::from_secs(60)).await;
    daemon.stop().await;

    let mut dice = Dice::drawn();
    for name in &rig.series {
        let stored = Stored::read(&rig, name);
        assert_eq!(stored.ledger.periods().count(), 2, "{name}");
        stored.hold_to_the_exchange(&rig, &mut dice, INSTANTS);
        stored.each_day_is_enough(&rig, &mut dice, times(50, 150));
    }
}

/// The clock of an exchange whose day ends in a while, and when.
fn midnight_in(wait: Duration) -> (Clock, Micros) {
    const DAY: i64 = 86_400_000_000;
    let ahead = DAY - now().0.rem_euclid(DAY) - wait.as_micros() as i64;
    let midnight = Micros((now().0 + ahead).div_euclid(DAY) * DAY + DAY);
    (Clock::of(move || Micros(now().0 + ahead)), midnight)
}

/// A book as `dccd book --json` prints it.
#[derive(serde::Deserialize)]
struct Shown {
    source: String,
    covered: bool,
    ord: Option<i64>,
    seq: Option<i64>,
    age_seconds: f64,
    bids: Vec<ShownLevel>,
    asks: Vec<ShownLevel>,
}

#[derive(serde::Deserialize)]
struct ShownLevel {
    price: f64,
}
