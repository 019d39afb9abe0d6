//! The results of runs: in detail for each series, and per pair in `metrics.json`.
//!
//! The state store saves and restores the details; this room writes only `metrics.json`.

mod file;
mod fold;
mod record;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use file::read_pairs;
pub use record::{PairHealth, RunRecord, SeriesHealth};

use crate::clock::now;
use crate::model::{Micros, Series};

/// The message of an error of which only the count is known.
const FORGOTTEN: &str = "what failed is not known: the state store was made anew since";

/// Maintains `{data_path}/.dccd/metrics.json`, and the health of each series behind it.
///
/// ```
/// use dccd::telemetry::HealthMonitor;
///
/// let folder = std::env::temp_dir().join(format!("dccd-health-{}", std::process::id()));
/// let monitor = HealthMonitor::open(&folder)?;
/// monitor.record_success("binance", "BTC/USDT", 120)?;
/// monitor.record_success("binance", "BTC/USDT", 95)?;
/// monitor.record_failure("binance", "BTC/USDT")?;
///
/// let health = &monitor.get_metrics()["binance/BTC/USDT"];
/// assert_eq!((health.rows_collected, health.errors_count), (215, 1));
/// assert_eq!(HealthMonitor::open(&folder)?.get_metrics()["binance/BTC/USDT"], *health);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HealthMonitor {
    file: Option<PathBuf>,
    state: Mutex<HealthState>,
    /// Held while the file is written, so that an older state never replaces a newer one.
    writing: Mutex<()>,
}

#[derive(Default)]
struct HealthState {
    /// By pair: what is known beyond its series, from the file or from calls that name only the pair.
    pairs: BTreeMap<String, PairHealth>,
    series: BTreeMap<Series, SeriesHealth>,
    changed: bool,
}

impl HealthMonitor {
    /// Reads the file of a data path, if there is one. An invalid file is renamed to
    /// `metrics.json.unreadable`, with a warning in the log.
    ///
    /// # Errors
    /// If the file exists but cannot be read or renamed.
    pub fn open(data_path: &Path) -> io::Result<Self> {
        let file = data_path.join(".dccd").join("metrics.json");
        let pairs = file::read_or_set_aside(&file)?;
        let state = Mutex::new(HealthState { pairs, ..HealthState::default() });
        Ok(HealthMonitor { file: Some(file), state, writing: Mutex::default() })
    }

    /// A monitor that writes nothing.
    #[must_use]
    pub fn in_memory() -> Self {
        HealthMonitor { file: None, state: Mutex::default(), writing: Mutex::default() }
    }

    /// Records a successful run of a pair (`BTC/USDT`) at the present time, and writes the file.
    ///
    /// # Errors
    /// If the file cannot be written; the run is recorded and written with the next one.
    pub fn record_success(&self, exchange: &str, pair: &str, rows: u64) -> io::Result<()> {
        self.record_pair(exchange, pair, |health, at| {
            health.last_success_at = Some(at);
            health.rows_collected = health.rows_collected.saturating_add(rows);
            health.errors_count = 0;
        })
    }

    /// Records a failed run of a pair (`BTC/USDT`) at the present time, and writes the file.
    ///
    /// # Errors
    /// If the file cannot be written; the run is recorded and written with the next one.
    pub fn record_failure(&self, exchange: &str, pair: &str) -> io::Result<()> {
        self.record_pair(exchange, pair, |health, _| {
            health.errors_count = health.errors_count.saturating_add(1);
        })
    }

    fn record_pair(
        &self,
        exchange: &str,
        pair: &str,
        change: impl FnOnce(&mut PairHealth, f64),
    ) -> io::Result<()> {
        let at = now().as_secs_f64();
        {
            let mut state = self.state();
            let health = state.pairs.entry(format!("{exchange}/{pair}")).or_default();
            health.last_run_at = Some(at);
            change(health, at);
            state.changed = true;
        }
        self.save()
    }

    /// Every known pair, by its key `binance/BTC/USDT`.
    #[must_use]
    pub fn get_metrics(&self) -> BTreeMap<String, PairHealth> {
        self.state().folded()
    }

    /// Records a run of a series and returns its health. Nothing is written: see [`Self::save`].
    #[doc(hidden)]
    pub fn record_run(&self, series: &Series, outcome: RunRecord) -> SeriesHealth {
        let mut state = self.state();
        state.changed = true;
        let health = state.series.entry(series.clone()).or_insert_with(|| SeriesHealth::unknown(series));
        health.record(outcome);
        health.clone()
    }

    /// Adds rows of a run that neither succeeded nor failed.
    #[doc(hidden)]
    pub fn add_rows(&self, series: &Series, rows: u64) {
        let mut state = self.state();
        state.changed = true;
        let health = state.series.entry(series.clone()).or_insert_with(|| SeriesHealth::unknown(series));
        health.rows = health.rows.saturating_add(rows);
    }

    /// Raises the number of a series' rows to the number stored, which is a lower bound.
    #[doc(hidden)]
    pub fn know_rows(&self, series: &Series, held: u64) {
        let known = self.of(series).map_or(0, |health| health.rows);
        if held > known {
            self.add_rows(series, held - known);
        }
    }

    /// Initializes a series unknown to the state store from its pair's entry in the file: as many of its rows
    /// as are stored, its times and its errors. Creating the store again thus changes nothing in the file.
    #[doc(hidden)]
    pub fn recover(&self, series: &Series, held: u64) {
        let mut state = self.state();
        if state.series.contains_key(series) {
            return;
        }
        let Some(pair) = state.pairs.get_mut(&series.pair_key()) else { return };
        let rows = pair.rows_collected.min(held);
        pair.rows_collected -= rows;
        let at = |secs: Option<f64>| secs.map(Micros::from_secs_f64);
        let health = SeriesHealth {
            last_run_at: at(pair.last_run_at),
            last_success_at: at(pair.last_success_at),
            rows,
            consecutive_errors: pair.errors_count,
            last_error: (pair.errors_count > 0).then(|| FORGOTTEN.to_owned()),
            ..SeriesHealth::unknown(series)
        };
        state.series.insert(series.clone(), health);
    }

    /// Replaces the health of the series by what the state store knows. Their rows are included in their
    /// pair's entry in the file, so they are not added to it.
    #[doc(hidden)]
    pub fn restore(&self, known: Vec<SeriesHealth>) {
        let mut state = self.state();
        for health in known {
            let (key, rows) = (health.series.pair_key(), health.rows);
            let is_new = state.series.insert(health.series.clone(), health).is_none();
            if let Some(pair) = state.pairs.get_mut(&key).filter(|_| is_new) {
                pair.rows_collected = pair.rows_collected.saturating_sub(rows);
            }
        }
        state.changed = true;
    }

    /// Drops the record of a series; its rows stay with its pair.
    #[doc(hidden)]
    pub fn forget(&self, series: &Series) {
        let mut state = self.state();
        let Some(health) = state.series.remove(series) else { return };
        let pair = state.pairs.entry(series.pair_key()).or_default();
        pair.rows_collected = pair.rows_collected.saturating_add(health.rows);
        pair.last_run_at = health.last_run_at.map(Micros::as_secs_f64).or(pair.last_run_at);
        pair.last_success_at = health.last_success_at.map(Micros::as_secs_f64).or(pair.last_success_at);
        pair.errors_count = 0;
        state.changed = true;
    }

    /// Every series that has recorded a run, in order.
    #[must_use]
    pub fn series(&self) -> Vec<SeriesHealth> {
        self.state().series.values().cloned().collect()
    }

    /// The health of one series.
    #[must_use]
    pub fn of(&self, series: &Series) -> Option<SeriesHealth> {
        self.state().series.get(series).cloned()
    }

    /// Writes the file if anything has changed; blocks on the disk.
    ///
    /// # Errors
    /// If it cannot be written; the next call tries again.
    pub fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let folded = {
            let mut state = self.state();
            if !std::mem::take(&mut state.changed) {
                return Ok(());
            }
            state.folded()
        };
        let written = file::write(file, &folded);
        if written.is_err() {
            self.state().changed = true;
        }
        written
    }

    fn state(&self) -> MutexGuard<'_, HealthState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURLY: &str = "binance/BTC-USDT/ohlc/1h";
    const DAILY: &str = "binance/BTC-USDT/ohlc/1d";
    const KEY: &str = "binance/BTC/USDT";

    #[test]
    fn the_file_of_an_earlier_process_is_read_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let first = HealthMonitor::open(folder.path()).unwrap();
        first.record_run(&series(HOURLY), succeeded(7, 100));
        first.record_run(&series("kraken/ETH-USD/trades"), failed(200));
        first.save().unwrap();

        let second = HealthMonitor::open(folder.path()).unwrap();

        assert_eq!(second.get_metrics(), first.get_metrics());
        assert_eq!(second.get_metrics()[KEY].rows_collected, 7);
        assert_eq!(second.get_metrics()["kraken/ETH/USD"].errors_count, 1);
    }

    #[test]
    fn rows_restored_from_the_store_are_not_counted_twice() {
        let folder = tempfile::tempdir().unwrap();
        let first = HealthMonitor::open(folder.path()).unwrap();
        first.record_success("binance", "BTC/USDT", 1_000).unwrap();
        first.record_run(&series(HOURLY), succeeded(7, 100));
        first.record_run(&series(DAILY), succeeded(3, 100));
        first.save().unwrap();

        let second = HealthMonitor::open(folder.path()).unwrap();
        second.restore(first.series());
        second.restore(first.series());
        second.record_run(&series(HOURLY), succeeded(5, 200));

        assert_eq!(second.get_metrics()[KEY].rows_collected, 1_015);
    }

    #[test]
    fn a_series_that_holds_more_than_was_reported_is_raised_to_what_it_holds() {
        let monitor = HealthMonitor::in_memory();
        monitor.record_run(&series(HOURLY), succeeded(7, 100));

        monitor.know_rows(&series(HOURLY), 5);
        assert_eq!(monitor.of(&series(HOURLY)).unwrap().rows, 7, "rows were removed since");
        monitor.know_rows(&series(HOURLY), 12);

        assert_eq!(monitor.get_metrics()[KEY].rows_collected, 12);
        assert_eq!(monitor.of(&series(HOURLY)).unwrap().last_run_at, Some(Micros(100)));
    }

    #[test]
    fn series_that_a_new_store_knows_nothing_of_leave_the_file_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = HealthMonitor::open(folder.path()).unwrap();
        first.record_run(&series(HOURLY), succeeded(7, 100));
        first.record_run(&series(HOURLY), failed(150));
        first.record_run(&series(DAILY), succeeded(3, 200));
        first.save().unwrap();

        let second = HealthMonitor::open(folder.path()).unwrap();
        for (text, held) in [(HOURLY, 7), (DAILY, 3), (DAILY, 3)] {
            second.recover(&series(text), held);
            second.know_rows(&series(text), held);
        }

        assert_eq!(second.get_metrics(), first.get_metrics());
        assert_eq!(second.of(&series(DAILY)).unwrap().rows, 3);
        assert!(second.of(&series(HOURLY)).unwrap().last_error.is_some());
        second.recover(&series("kraken/ETH-USD/trades"), 5);
        assert_eq!(second.of(&series("kraken/ETH-USD/trades")), None, "nobody ever spoke of it");
    }

    #[test]
    fn a_store_that_is_ahead_of_the_file_wins() {
        let monitor = HealthMonitor::in_memory();
        monitor.record_success("binance", "BTC/USDT", 10).unwrap();

        monitor.restore(vec![SeriesHealth { rows: 12, ..SeriesHealth::unknown(&series(HOURLY)) }]);

        assert_eq!(monitor.get_metrics()[KEY].rows_collected, 12);
    }

    #[test]
    fn a_success_ends_the_errors_in_a_row_and_clears_the_last_error() {
        let monitor = HealthMonitor::in_memory();
        monitor.record_run(&series(HOURLY), failed(1));
        assert_eq!(monitor.record_run(&series(HOURLY), failed(2)).consecutive_errors, 2);

        let health = monitor.record_run(&series(HOURLY), succeeded(1, 3));

        assert_eq!((health.consecutive_errors, health.last_error), (0, None));
        assert_eq!((health.last_run_at, health.last_success_at), (Some(Micros(3)), Some(Micros(3))));
    }

    #[test]
    fn a_forgotten_series_leaves_its_rows_and_takes_its_errors_along() {
        let monitor = HealthMonitor::in_memory();
        monitor.record_run(&series(HOURLY), succeeded(5, 1));
        monitor.record_run(&series(HOURLY), failed(2));

        monitor.forget(&series(HOURLY));

        let pair = &monitor.get_metrics()[KEY];
        assert_eq!((pair.rows_collected, pair.errors_count), (5, 0));
    }

    #[test]
    fn a_file_that_could_not_be_written_is_written_by_the_next_save() {
        let folder = tempfile::tempdir().unwrap();
        let monitor = HealthMonitor::open(folder.path()).unwrap();
        let in_the_way = folder.path().join(".dccd");
        std::fs::File::create(&in_the_way).unwrap();
        monitor.record_run(&series(HOURLY), succeeded(5, 1));
        assert!(monitor.save().is_err());

        std::fs::remove_file(&in_the_way).unwrap();
        monitor.save().unwrap();

        assert_eq!(read_pairs(folder.path()).unwrap()[KEY].rows_collected, 5);
    }

    fn series(text: &str) -> Series {
        text.parse().unwrap()
    }

    fn succeeded(rows: u64, at: i64) -> RunRecord {
        RunRecord { rows, error: None, at: Micros(at) }
    }

    fn failed(at: i64) -> RunRecord {
        RunRecord { rows: 0, error: Some("no answer".to_owned()), at: Micros(at) }
    }
}
