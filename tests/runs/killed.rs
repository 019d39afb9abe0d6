//! The program killed at any moment: afterwards one run makes everything exact.

use std::path::Path;
use std::time::{Duration, SystemTime};

use dccd::model::{Series, Window};
use dccd::sim::Knobs;

use crate::program::{command, configure, dccd};
use crate::test_daemon::{TestDaemon, assert_same, at};

const PAIRS: [&str; 6] = ["BTC", "ETH", "XRP", "ADA", "SOL", "DOT"];

/// A generator of moments, from a seed that is printed where a test fails.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let seed = std::env::var("DCCD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1
        });
        println!("DCCD_SEED={seed}");
        Moments(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.display().to_string()] })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_program_loses_nothing_for_good_and_leaves_nothing_behind() {
    let times = if std::env::var("DCCD_SIEGE").is_ok_and(|value| value == "1") { 200 } else { 20 };
    let pairs = PAIRS.map(|base| format!("{base}/USDT")).join(", ");
    let job = format!(
        "{{exchange: binance, pairs: [{pairs}], span: 60, start: 2023-12-30, retry_delay: 0.01}}\n\
         {{exchange: binance, pairs: [BTC/USDT], data_type: trades, start: \"2023-12-31 22:00:00\"}}"
    );
    let knobs = Knobs {
        symbols: PAIRS.map(|base| format!("{base}USDT")).to_vec(),
        latency: Duration::from_millis(15),
        weight_limit: 1_000_000,
        ..Knobs::default()
    };
    let setup = TestDaemon::with(&job, "2024-01-01 03:00:30", knobs).await;
    configure(&setup, &setup.text());
    let mut moments = Moments::new();

    let mut killed = 0;
    for _ in 0..times {
        setup.now.fetch_add(420_000_000, std::sync::atomic::Ordering::Relaxed);
        let mut child = command(&setup, &["backfill"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(20 + moments.below(400))).await;
        child.start_kill().unwrap();
        killed += usize::from(child.wait().await.unwrap().code().is_none());
    }
    // One that was killed while it wrote its health, whatever the moments were.
    std::fs::write(setup.data_path().join(".dccd/.metrics.json.tmp-4711"), "{").unwrap();
    assert!(killed * 3 > times, "only {killed} of {times} were killed before they ended");

    let last = dccd(&setup, &["backfill", "--parallel"]).await;
    assert_eq!(last.code, Some(0), "{last:?}");
    let until = at("2024-01-01 03:00:00").0 + times as i64 * 420_000_000;
    for base in PAIRS {
        let series = format!("binance/{base}-USDT/ohlc/1m");
        let window = Window::new(at("2023-12-30"), dccd::model::Micros(until)).unwrap();
        assert_same(&setup.stored(&series), &setup.existing(&series, window));
        let parsed: Series = series.parse().unwrap();
        assert!(setup.layout().folder(&parsed).join("2023.parquet").is_file());
        assert_eq!(setup.ledger(&series).settled().missing(window).len(), 0);
    }
    let trades = setup.stored("binance/BTC-USDT/trades");
    let window = Window::new(at("2023-12-31 22:00:00"), dccd::model::Micros(until)).unwrap();
    let held = trades.ts().partition_point(|ts| *ts < until);
    assert_same(&trades.slice(0..held), &setup.existing("binance/BTC-USDT/trades", window));

    let engine = setup.engine().await;
    for job in dccd::engine::Job::all(&setup.config()) {
        let (name, known) = (job.series().to_string(), engine.telemetry().health().of(job.series()).unwrap());
        assert_eq!(known.rows, setup.stored(&name).len() as u64, "{name}: reported and stored");
    }
    engine.close().await;

    let verified = dccd(&setup, &["verify"]).await;
    assert_eq!(
        (verified.code, verified.out.trim()),
        (Some(0), "Verified 7 series: 0 fault(s)."),
        "{verified:?}"
    );
    let left: Vec<String> =
        files(&setup.data_path()).into_iter().filter(|path| path.contains(".tmp-")).collect();
    assert_eq!(left, Vec::<String>::new(), "temporary files");
    // Half a frame of the journal may lie there; the kill was amid its write.
    let aside = setup.layout().quarantine();
    let damaged = if aside.exists() { files(&aside) } else { Vec::new() };
    assert!(damaged.iter().all(|path| path.contains(".journal.")), "taken for damaged: {damaged:?}");
}
