//! Writes a data path of many series with three small yearly files each, to measure commands on, and a
//! configuration for it. Usage: `inventory_tree FOLDER [SERIES]`.

use std::path::Path;

use dccd::model::{Batch, Candle, Kind, Micros, Series, Window};
use dccd::store::{Accepted, Layout, Store, StoreSettings};

/// Days from 2021-01-01 to 2023-12-31, and the length of one in microseconds.
const DAYS: i64 = 1_095;
const DAY: i64 = 86_400_000_000;
const BEGIN: i64 = 1_609_459_200_000_000;

pub(crate) fn main() {
    let mut words = std::env::args().skip(2).filter(|word| !word.starts_with('-'));
    let Some(folder) = words.next() else {
        println!("inventory_tree: no folder given, nothing to do");
        return;
    };
    let count: usize = words.next().map_or(1_000, |word| word.parse().expect("a number of series"));
    let folder = Path::new(&folder);
    let pairs: Vec<String> = (0..count).map(|number| format!("C{number:04}/USDT")).collect();
    let layout = Layout::new(folder.join("data"));
    for pair in &pairs {
        let series = format!("binance/{}/ohlc/1d", pair.replace('/', "-"));
        fill(&layout, &series.parse().expect("a series"));
    }
    let config = format!(
        "settings: {{data_path: {}, timezone: UTC}}\nhttp: {{listen: []}}\nhisto_jobs:\n  - {{exchange: binance, pairs: [{}], span: 86400}}\n",
        folder.join("data").display(),
        pairs.join(", "),
    );
    dccd::disk::atomic::replace(&folder.join("config.yml"), config.as_bytes()).expect("the file is written");
    println!("{count} series in {}", folder.display());
}

fn fill(layout: &Layout, series: &Series) {
    let settings = StoreSettings::of(7, Micros(BEGIN));
    let (store, _) = Store::open(layout, settings).expect("an empty folder");
    let (writer, _) = store.writer(series).expect("an empty series");
    let mut rows = Batch::of(Kind::Ohlc);
    rows.reserve(DAYS as usize);
    for day in 0..DAYS {
        let price = 100.0 + (day % 89) as f64 / 4.0;
        rows.candles_mut().push(Candle {
            ts: Micros(BEGIN + day * DAY),
            open: price,
            high: price + 2.0,
            low: price - 2.0,
            close: price + 1.0,
            volume: day as f64,
            quote_volume: Some(price * day as f64),
            trades: Some(day),
        });
    }
    let covered = Window::new(Micros(BEGIN), Micros(BEGIN + DAYS * DAY));
    let page = Accepted { rows, covered, empty: None, derived: false };
    writer.accept(page).expect("it is journalled");
    writer.flush().expect("it is published");
}
