//! Live series in a fleet: shared, handed over, and taken over from a worker that was killed.

use std::collections::BTreeMap;
use std::time::Duration;

use dccd::clock::now;
use dccd::model::{Micros, Series, Window};
use dccd::sim::Knobs;
use dccd::store::Layout;
use tokio::time::{Instant, sleep};

use crate::postgres;
use crate::world::{LEASE_SECS, Worker, World, wait_for};

const PAIRS: usize = 40;
/// Seconds between two uploads of a live series; the shipped interval is 300 s.
const INTERVAL_SECS: u64 = 5;
const SHIPPED_SECS: u64 = 300;
const TWO_LEASES: Duration = Duration::from_secs(2 * LEASE_SECS);
/// Trades a second of each pair: a series is live once trades of it came, and at one a second some pairs are quiet for
/// eight.
const TRADES_A_SECOND: u64 = 5;

fn all() -> impl Iterator<Item = Series> {
    (0..PAIRS).map(|number| format!("binance/S{number:02}-USDT/trades").parse().unwrap())
}

fn start(world: &World, name: &str) -> Worker {
    let pairs: Vec<String> = all().map(|series| series.pair().to_string()).collect();
    let sections = format!(
        "exchanges: {{binance: {{rest_url: '{}', ws_url: '{}'}}}}\n\
         stream_jobs: [{{exchange: binance, pairs: [{}], channels: [trades]}}]\n",
        world.sim.url(),
        world.sim.ws_url(),
        pairs.join(", ")
    );
    world.start_with(name, &format!("live_sync_interval: {INTERVAL_SECS}, "), &sections)
}

/// The part of `/health` that counts live series by state.
#[derive(Default, serde::Deserialize)]
struct Health {
    streams: States,
}

#[derive(Default, serde::Deserialize)]
struct States {
    states: BTreeMap<String, u64>,
}

/// How many live series a worker's health says are live.
async fn live(worker: &Worker) -> u64 {
    let health = worker.get("/health").await.unwrap_or_default();
    let health: Health = serde_json::from_str(&health).unwrap_or_default();
    health.streams.states.get("live").copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_40_live_series_and_one_takes_over_all_of_a_killed_one() {
    let Some(database) = postgres::database().await else { return };
    let symbols = all().map(|series| format!("{}{}", series.pair().base(), series.pair().quote()));
    let knobs = Knobs {
        symbols: symbols.collect(),
        weight_limit: u32::MAX,
        ws_rate: TRADES_A_SECOND,
        ws_rate_from: now(),
        ..Knobs::default()
    };
    let world = World::with(database, knobs).await;
    let mut a = start(&world, "a");
    wait_for("the first is live with all", &[&a], || async { live(&a).await == PAIRS as u64 }).await;

    let began = Instant::now();
    let b = start(&world, "b");
    wait_for("each is live with its share", &[&a, &b], || async {
        let owners: Vec<i64> = world.owners().await.into_values().collect();
        owners == [20, 20] && live(&a).await == 20 && live(&b).await == 20
    })
    .await;
    let shared = began.elapsed();
    println!("live with 20 each after {shared:?}");
    assert!(shared <= TWO_LEASES, "it took {shared:?}\n{}\n{}", a.log(), b.log());

    let puts = puts_an_hour(&world).await;
    println!("{puts:.1} PUTs an hour and live series at the shipped interval");
    assert!(puts <= 40.0, "{puts}");

    let began = Instant::now();
    a.kill().await;
    wait_for("the other is live with all", &[&b], || async { live(&b).await == PAIRS as u64 }).await;
    let taken = began.elapsed();
    println!("live with all after {taken:?}");
    assert!(taken <= TWO_LEASES, "it took {taken:?}\n{}", b.log());

    let until = now();
    wait_for("everything until then is in the bucket", &[&b], || is_complete(&world, until)).await;
    for series in all() {
        check(&world, &series).await;
    }
    let overlaps: Vec<(String,)> = world
        .ask(
            "SELECT a.task_id FROM attempt a JOIN attempt b ON a.task_id = b.task_id AND a.fence < b.fence
             WHERE b.started_at < COALESCE(a.ended_at, b.started_at + 1)",
        )
        .await;
    assert_eq!(overlaps, [], "no two listened to one series");
}

/// Objects written of the busiest series in an hour, at the shipped interval: each upload is counted over five intervals.
async fn puts_an_hour(world: &World) -> f64 {
    let puts = || all().map(|series| world.served.puts_below(&format!("fleet/{}", Layout::key(&series))));
    let before: Vec<u64> = puts().collect();
    let began = Instant::now();
    while puts().zip(&before).any(|(now, before)| now < before + 10) && began.elapsed().as_secs() < 60 {
        sleep(Duration::from_millis(100)).await;
    }
    let intervals = began.elapsed().as_secs_f64() / INTERVAL_SECS as f64;
    let most = puts().zip(&before).map(|(now, before)| now - before).max().unwrap();
    assert!(most > 0, "live series are uploaded");
    most as f64 / intervals * 3_600.0 / SHIPPED_SECS as f64
}

/// Whether every series is covered in the bucket until an instant, from where it begins, without a hole.
async fn is_complete(world: &World, until: Micros) -> bool {
    for series in all() {
        let covered = world.ledger(&series).await.unwrap_or_default().covered;
        let from = covered.first().map(|window| window.from);
        if !from.and_then(|from| Window::new(from, until)).is_some_and(|wanted| covered.cover(wanted)) {
            return false;
        }
    }
    true
}

/// Every trade of what is covered is in the bucket once, and no other.
async fn check(world: &World, series: &Series) {
    let began = Instant::now();
    loop {
        let Err(what) = compared(world, series).await else { return };
        // Between an object and its account the bucket is not what it says.
        assert!(began.elapsed() < Duration::from_secs(30), "{series}: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn compared(world: &World, series: &Series) -> Result<(), String> {
    let (ledger, rows) = world.rows(series).await?;
    let window = ledger.covered.first().unwrap();
    let market = world.sim.market(&format!("{}{}", series.pair().base(), series.pair().quote())).unwrap();
    let existing = market.trades(window);
    let trades = |batch: &dccd::model::Batch| {
        let trades = batch.trades();
        let all = trades
            .iter()
            .map(|trade| (trade.ts, trade.id.map(ToString::to_string), trade.price, trade.amount));
        all.filter(|trade| window.holds(trade.0)).collect::<Vec<_>>()
    };
    let (own, theirs) = (trades(&rows), trades(&existing));
    let first_apart = own.iter().zip(&theirs).find(|(own, their)| own != their);
    if own.len() == theirs.len() && first_apart.is_none() && own.len() > 20 {
        return Ok(());
    }
    Err(format!(
        "{} trades, not the {} of the exchange; the first apart {first_apart:?}",
        own.len(),
        theirs.len()
    ))
}
