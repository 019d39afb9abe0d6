//! A data path with two years of one series, and what is stored in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dccd::model::{Batch, Candle, Kind, Micros, Series, Window};
use dccd::remote::{Remote, Restorer};
use dccd::store::{
    Accepted, Copied, Finding, Layout, Ledger, Part, Store, StoreSettings, Verified, Writer, period_files,
};
use dccd::telemetry::Telemetry;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub(crate) const HOUR: i64 = 3_600_000_000;
/// 2024-01-01 00:00 UTC.
pub(crate) const YEAR_2024: i64 = 1_704_067_200_000_000;

/// A data path that is gone with the test.
pub(crate) struct Home {
    _folder: TempDir,
    pub(crate) layout: Layout,
    pub(crate) series: Series,
}

impl Home {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("data"));
        Home { _folder: folder, layout, series: "binance/BTC-USDT/ohlc/1h".parse().unwrap() }
    }

    /// The hours -2 to 2 around the new year, all with close 1.
    pub(crate) fn with_two_years() -> Self {
        let home = Home::empty();
        home.take(-2, 5, 1.0);
        home
    }

    pub(crate) fn store(&self) -> Store {
        static JOURNALS: AtomicU64 = AtomicU64::new(1);
        let journal_id = JOURNALS.fetch_add(1, Ordering::Relaxed);
        let settings = StoreSettings::of(journal_id, Micros(YEAR_2024));
        Store::open(&self.layout, settings).unwrap().0
    }

    pub(crate) fn open(&self) -> (Writer, Vec<Finding>) {
        self.store().writer(&self.series).unwrap()
    }

    /// Accepts and publishes hours.
    pub(crate) fn take(&self, first: i64, count: usize, close: f64) {
        let (writer, _) = self.open();
        writer.accept(hours(first, count, close)).unwrap();
        writer.flush().unwrap();
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::read(&self.layout.ledger(&self.series), &self.series).unwrap().unwrap()
    }

    pub(crate) fn file(&self, period: &str) -> PathBuf {
        self.layout.folder(&self.series).join(format!("{period}.parquet"))
    }

    /// Enters that a remote holds every file.
    pub(crate) fn verified_on(&self, store: &Store, remote: &str) {
        let files = self
            .ledger()
            .files
            .iter()
            .map(|(name, entry)| Verified {
                period: name.clone(),
                part: Part::File,
                sha256: entry.sha256.clone(),
            })
            .collect();
        store.copied(&self.series, Copied { remote: remote.to_owned(), files, ..Copied::default() }).unwrap();
    }

    /// Takes a late row of 2023, with what is on a remote only brought back from there.
    pub(crate) async fn late_row(&self, remote: Arc<dyn Remote>) {
        let store = self.store();
        store.restore_with(Arc::new(Restorer {
            remotes: vec![remote],
            telemetry: Telemetry::new(),
            runtime: Handle::current(),
            stop: CancellationToken::new(),
        }));
        let series = self.series.clone();
        let taking = tokio::task::spawn_blocking(move || {
            let (writer, _) = store.writer(&series).unwrap();
            writer.accept(hours(-3, 1, 5.0)).unwrap();
            writer.flush().unwrap();
        });
        taking.await.unwrap();
    }

    /// Every stored row as (hour, close).
    pub(crate) fn stored(&self) -> BTreeMap<i64, f64> {
        let mut stored = BTreeMap::new();
        for period in self.ledger().periods() {
            for file in period_files(&self.layout, &self.series, period).unwrap() {
                for candle in file.rows().unwrap().candles().iter() {
                    let before = stored.insert((candle.ts.0 - YEAR_2024).div_euclid(HOUR), candle.close);
                    assert_eq!(before, None, "a row is there twice");
                }
            }
        }
        stored
    }
}

pub(crate) fn span(first: i64, count: i64) -> Window {
    let from = YEAR_2024 + first * HOUR;
    Window::new(Micros(from), Micros(from + count * HOUR)).unwrap()
}

pub(crate) fn closes(first: i64, count: i64, close: f64) -> BTreeMap<i64, f64> {
    (first..first + count).map(|hour| (hour, close)).collect()
}

pub(crate) fn hours(first: i64, count: usize, close: f64) -> Accepted {
    let mut rows = Batch::of(Kind::Ohlc);
    for at in (first..).take(count) {
        rows.candles_mut().push(Candle {
            ts: Micros(YEAR_2024 + at * HOUR),
            open: 1.0,
            high: 9.0,
            low: 0.5,
            close,
            volume: at as f64,
            quote_volume: None,
            trades: Some(at),
        });
    }
    Accepted { rows, covered: Some(span(first, i64::try_from(count).unwrap())), empty: None, derived: false }
}
