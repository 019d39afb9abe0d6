//! The cost of writing and reading the metric history on both stores: `cargo bench --bench parts -- history`.

use std::time::{Duration, Instant};

use dccd::db::Database;
use dccd::history::{HistoryQuery, Kind, MetricHistory, Resolution};
use dccd::model::Micros;
use dccd::telemetry::Telemetry;

const METRICS: u32 = 1_000;
/// Values of each metric between two writes: those of a minute.
const VALUES: u32 = 4;
const WRITES: u32 = 65;
const START: Micros = Micros(1_767_607_200_000_000);

#[tokio::main]
pub(crate) async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = Database::open(folder.path()).await.expect("an empty folder");
    measure("SQLite", &sqlite).await;
    match crate::postgres::Server::start("") {
        Some(server) => {
            let database = Database::connect(&server.database().await).await.expect("a new database");
            measure("PostgreSQL", &database).await;
            database.close().await;
        }
        None => println!("PostgreSQL cannot run here"),
    }
}

async fn measure(store: &str, database: &Database) {
    let telemetry = Telemetry::new();
    let history = MetricHistory::new(database, &telemetry, ("bench", "here"), "1");
    let (mut recorded, mut written) = (Vec::new(), Vec::new());
    for minute in 0..WRITES {
        let at = START + Duration::from_secs(u64::from(minute) * 60);
        let began = Instant::now();
        for number in 0..METRICS {
            for value in 0..VALUES {
                let (key, value) =
                    (format!("load:{number}:latency"), f64::from(number * 7 + value + minute) / 100.0);
                telemetry.history().record(&key, (Kind::Histogram, "seconds"), value, at).expect("room");
            }
        }
        recorded.push(began.elapsed() / (METRICS * VALUES));
        let began = Instant::now();
        assert!(history.write(at).await, "the store takes it");
        written.push(began.elapsed());
    }
    let first = written.remove(0);
    println!("{store}: a value is recorded in {:.2} us", of(&mut recorded, 50).as_secs_f64() * 1e6);
    println!(
        "{store}: {METRICS} histograms at four resolutions written in {:.1} ms p50, {:.1} ms p99; the first time {:.1} ms",
        millis(of(&mut written, 50)),
        millis(of(&mut written, 99)),
        millis(first),
    );

    let now = START + Duration::from_secs(u64::from(WRITES) * 60);
    let query = |prefix: &str, most| HistoryQuery {
        prefix: prefix.to_owned(),
        worker: None,
        resolution: Resolution::Minute,
        range: Resolution::Minute.kept(now),
        after: None,
        most,
    };
    for (what, query) in [("one metric", query("load:7", 1)), ("a page of 100", query("load", 100))] {
        let mut took = Vec::new();
        for _ in 0..20 {
            let began = Instant::now();
            let page = database.read_history(&query).await.expect("it is there");
            assert!(page.metrics.iter().all(|metric| metric.points.len() >= 58));
            took.push(began.elapsed());
        }
        println!("{store}: {what} of an hour read in {:.1} ms p50", millis(of(&mut took, 50)));
    }
    let began = Instant::now();
    let pruned = history.cleanup_at(now + Duration::from_secs(3_600)).await.expect("it is there");
    println!("{store}: {pruned} points deleted in {:.1} ms", millis(began.elapsed()));
}

fn of(took: &mut [Duration], percent: usize) -> Duration {
    took.sort_unstable();
    took[(took.len() - 1) * percent / 100]
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
