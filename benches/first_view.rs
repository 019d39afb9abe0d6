//! How long the first view of the list of ten thousand series takes: the page and the API's answer, just after a daemon has
//! started, after a rest, and beside appends. Usage: `first_view [SERIES]`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dccd::config::{Surroundings, check};
use dccd::model::{Batch, Candle, Kind, Micros, Series, Window};
use dccd::store::{Accepted, Layout, Store, StoreSettings, Writer};
use dccd::{Config, Service};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const DAY: i64 = 86_400_000_000;
const DAYS: i64 = 40;
const VIEWS: usize = 12;
const MOST_MS: f64 = 200.0;

pub(crate) fn main() {
    let mut words = std::env::args().skip(2).filter(|word| !word.starts_with('-'));
    let count: usize = words.next().map_or(10_000, |word| word.parse().expect("a number of series"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let series: Vec<Series> = (0..count)
        .map(|number| format!("binance/C{number:05}-USDT/ohlc/1d").parse().expect("a series"))
        .collect();
    fill(folder.path(), &series);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(folder.path(), &series));
}

/// A daemon with one job, whose exchange does not answer: nothing but the views is at work.
fn config(folder: &Path) -> Config {
    let text = format!(
        "settings: {{data_path: {:?}, timezone: UTC}}\nhttp: {{listen: [\"127.0.0.1:0\"]}}\nexchanges: {{binance: \
         {{rest_url: \"http://127.0.0.1:1\"}}}}\nhisto_jobs: [{{exchange: binance, pairs: [BTC/USDT], span: 86400}}]\n",
        folder.join("data").display().to_string()
    );
    check(&text, &folder.join("config.yml"), &Surroundings::default()).expect("a configuration")
}

async fn measure(folder: &Path, series: &[Series]) {
    let service = Service::prepare(config(folder)).await.expect("a free data path");
    let (address, engine) = (service.addresses()[0], service.engine());
    let stop = CancellationToken::new();
    let began = Instant::now();
    let mut running = JoinSet::new();
    running.spawn(service.run(stop.clone()));
    let view = async |path: &'static str| {
        let asking = tokio::task::spawn_blocking(move || ask(address, path));
        asking.await.expect("an answer")
    };
    for pause in [0.2, 1.0] {
        tokio::time::sleep(Duration::from_secs_f64(pause)).await;
        let first = view("/series").await;
        report(&format!("{:.1} s after the start", began.elapsed().as_secs_f64()), vec![first]);
    }
    let views = async |about: &str| {
        let mut slowest: f64 = 0.0;
        for path in ["/series", "/api/v1/series?sort=-gap_seconds"] {
            let mut took = Vec::new();
            for _ in 0..VIEWS {
                // Longer than what was found is good for.
                tokio::time::sleep(Duration::from_millis(1_300)).await;
                took.push(view(path).await);
            }
            slowest = slowest.max(report(&format!("{about}: {path}"), took));
        }
        slowest
    };
    println!("figure views {:.0} ms", views("at rest").await);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let appending = scope.spawn(|| append(engine.store(), series, &is_over));
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(views("beside appends")));
        is_over.store(true, Ordering::Relaxed);
        println!("{} appends were published meanwhile", appending.join().expect("it ends"));
    });
    stop.cancel();
    running.join_next().await.expect("it runs").expect("it ends");
}

/// Prints how long views took; gives the longest, in milliseconds.
fn report(about: &str, took: Vec<Duration>) -> f64 {
    let mut took: Vec<f64> = took.iter().map(|own| own.as_secs_f64() * 1e3).collect();
    took.sort_by(f64::total_cmp);
    let most = took.last().copied().unwrap_or_default();
    let met = if most <= MOST_MS { "met" } else { "missed" };
    let median = crate::common::median(took);
    println!("{about:<56} {median:>6.0} ms, at most {most:.0} ms (goal {MOST_MS:.0} ms: {met})");
    most
}

fn ask(address: SocketAddr, path: &str) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).expect("a server");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is answered");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    began.elapsed()
}

/// Appends a day to one series after the other, each published at once.
fn append(store: &Store, series: &[Series], is_over: &AtomicBool) -> u64 {
    let mut appended = 0;
    for round in 0.. {
        for own in series {
            if is_over.load(Ordering::Relaxed) {
                return appended;
            }
            let (writer, _) = store.writer(own).expect("a series");
            accept(&writer, DAYS + round..DAYS + round + 1);
            writer.flush().expect("it is published");
            appended += 1;
        }
    }
    appended
}

fn fill(folder: &Path, series: &[Series]) {
    let layout = Layout::new(folder.join("data"));
    let (store, _) =
        Store::open(&layout, StoreSettings::of(7, crate::common::BEGIN)).expect("an empty folder");
    for own in series {
        let (writer, _) = store.writer(own).expect("an empty series");
        accept(&writer, 0..DAYS);
        writer.flush().expect("it is published");
    }
}

fn accept(writer: &Writer, days: std::ops::Range<i64>) {
    let mut rows = Batch::of(Kind::Ohlc);
    for day in days.clone() {
        let price = 100.0 + (day % 89) as f64 / 4.0;
        rows.candles_mut().push(Candle {
            ts: Micros(crate::common::BEGIN.0 + day * DAY),
            open: price,
            high: price + 2.0,
            low: price - 2.0,
            close: price + 1.0,
            volume: day as f64,
            quote_volume: Some(price * day as f64),
            trades: Some(day),
        });
    }
    let at = |day: i64| Micros(crate::common::BEGIN.0 + day * DAY);
    let covered = Window::new(at(days.start), at(days.end));
    writer.accept(Accepted { rows, covered, empty: None, derived: false }).expect("it is journalled");
}
