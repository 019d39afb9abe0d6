//! The rows of a series in key order, one row group at a time, so that any amount of them fits in memory.
//!
//! Files whose name or row groups whose statistics lie outside the window are never read. Nothing here
//! writes or repairs: every file in the window is checked, byte by byte, before the first row is given, and one that
//! is gone or damaged ends the scan with its name.

use std::collections::VecDeque;
use std::path::Path;

use crate::model::{Batch, Kind, Micros, Series, Window, ts_index};
use crate::store::checked::Checked;
use crate::store::file::PeriodFile;
use crate::store::rows::column_range;
use crate::store::{Layout, Ledger, Part, Period, StoreError};

/// Rows of one series whose `ts` lies in a window, oldest first; after an error it gives nothing more.
pub struct Scan {
    layout: Layout,
    series: Series,
    window: Window,
    /// Names of periods.
    waiting: VecDeque<String>,
    reading: Option<PeriodRows>,
    /// The account of the series, and the files of it that were checked.
    checked: Checked,
}

/// Begins to read the rows of a series in `[from, until)`; without a bound, to the end on that side.
///
/// # Errors
/// Where the folder of the series cannot be listed, its ledger not read, or a file in the window is gone, damaged,
/// not ours or on remotes only. A series without a folder has no rows.
pub fn scan(
    layout: &Layout,
    series: &Series,
    from: Option<Micros>,
    until: Option<Micros>,
) -> Result<Scan, StoreError> {
    let window = Window { from: from.unwrap_or(Micros(i64::MIN)), until: until.unwrap_or(Micros(i64::MAX)) };
    let mut checked = Checked::begin(layout, series)?;
    let waiting = periods(&layout.folder(series), series.kind(), window, checked.ledger())?;
    for period in &waiting {
        checked.period(layout, series, period)?;
    }
    Ok(Scan { layout: layout.clone(), series: series.clone(), window, waiting, reading: None, checked })
}

impl Scan {
    fn step(&mut self) -> Result<Option<Batch>, StoreError> {
        loop {
            if let Some(reading) = &mut self.reading {
                if let Some(rows) = reading.next_rows()? {
                    return Ok(Some(rows));
                }
                self.reading = None;
            }
            match self.waiting.pop_front() {
                None => return Ok(None),
                Some(period) => self.reading = Some(PeriodRows::open(self, &period)?),
            }
        }
    }
}

impl Iterator for Scan {
    type Item = Result<Batch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.step().transpose();
        if matches!(rows, Some(Err(_))) {
            self.waiting.clear();
            self.reading = None;
        }
        rows
    }
}

/// The periods that have a file, or are to have one, and meet the window, in the order of their rows.
pub(crate) fn periods(
    folder: &Path,
    kind: Kind,
    window: Window,
    ledger: &Ledger,
) -> Result<VecDeque<String>, StoreError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(VecDeque::new()),
        Err(error) => return Err(StoreError::io("listing", folder)(error)),
    };
    let mut periods: Vec<Period> = ledger.periods().filter_map(|name| Period::named(kind, name)).collect();
    for entry in entries {
        let name = entry.map_err(StoreError::io("listing", folder))?.file_name();
        let name = name.to_string_lossy();
        periods
            .extend(Part::of_older_name(&name, kind).or_else(|| Part::of(&name, kind).map(|(own, _)| own)));
    }
    periods.retain(|period| period.window.intersection(window).is_some());
    periods.sort_by_key(|period| period.window.from);
    periods.dedup();
    Ok(periods.into_iter().map(|period| period.name).collect())
}

/// The rows of one period: the one place where what a period consists of is put together.
struct PeriodRows {
    files: VecDeque<PeriodFile>,
    kind: Kind,
    window: Window,
    next_group: usize,
}

impl PeriodRows {
    fn open(scan: &mut Scan, period: &str) -> Result<Self, StoreError> {
        // Files published since the first check are checked as well.
        let files = scan.checked.period(&scan.layout, &scan.series, period)?;
        Ok(PeriodRows { files: files.into(), kind: scan.series.kind(), window: scan.window, next_group: 0 })
    }

    /// The rows of the next row group that has any in the window.
    fn next_rows(&mut self) -> Result<Option<Batch>, StoreError> {
        while let Some(file) = self.files.front() {
            let index = self.next_group;
            if index == file.groups() {
                self.files.pop_front();
                self.next_group = 0;
                continue;
            }
            self.next_group += 1;
            if !self.may_hold(file, index) {
                continue;
            }
            let rows = inside(file.group(index)?, self.window);
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }

    /// Whether the statistics of a row group leave it possible that it has rows in the window.
    fn may_hold(&self, file: &PeriodFile, index: usize) -> bool {
        let group = file.metadata().row_group(index);
        column_range(group, ts_index(self.kind))
            .is_none_or(|(first, last)| first < self.window.until.0 && last >= self.window.from.0)
    }
}

/// The rows that lie in the window; books are ordered by `ord`, so each row is looked at.
fn inside(rows: Batch, window: Window) -> Batch {
    let held: Vec<usize> = (0..rows.len()).filter(|row| window.holds(Micros(rows.ts()[*row]))).collect();
    if held.len() == rows.len() { rows } else { rows.gather(&held) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Candle, Side, Trade};
    use crate::store::rows::GROUP_ROWS;
    use crate::store::{Accepted, Store, StoreSettings};

    const YEAR_2024: i64 = 1_704_067_200_000_000;
    const MINUTE: i64 = 60_000_000;

    fn store(layout: &Layout, series: &Series, rows: Batch) {
        let settings = StoreSettings::of(7, Micros(0));
        let (store, _) = Store::open(layout, settings).unwrap();
        let (writer, _) = store.writer(series).unwrap();
        writer.accept(Accepted { rows, covered: None, empty: None, derived: false }).unwrap();
        writer.flush().unwrap();
    }

    fn minutes(first: i64, last: i64) -> Batch {
        let mut rows = Batch::of(Kind::Ohlc);
        for index in first..last {
            rows.candles_mut().push(Candle {
                ts: Micros(YEAR_2024 + index * MINUTE),
                open: 1.0,
                high: 1.0,
                low: 1.0,
                close: index as f64,
                volume: 1.0,
                quote_volume: None,
                trades: None,
            });
        }
        rows
    }

    #[test]
    fn a_scan_gives_the_rows_of_its_window_and_reads_no_group_outside_it() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let series: Series = "binance/BTC-USDT/ohlc/1m".parse().unwrap();
        let many = 2 * GROUP_ROWS as i64 + 10;
        store(&layout, &series, minutes(-5, many));
        let at = |index: i64| Some(Micros(YEAR_2024 + index * MINUTE));
        let rows = |from, until| {
            let mut all = Batch::of(Kind::Ohlc);
            let mut batches = 0;
            for rows in scan(&layout, &series, from, until).unwrap() {
                all.take_all(&rows.unwrap());
                batches += 1;
            }
            (all, batches)
        };

        assert_eq!(rows(None, None), (minutes(-5, many), 4));
        assert_eq!(rows(at(-2), at(3)), (minutes(-2, 3), 2));
        let last_group = 2 * GROUP_ROWS as i64;
        assert_eq!(rows(at(last_group), None), (minutes(last_group, many), 1));
        assert_eq!(rows(at(many), None).0.len(), 0);
    }

    #[test]
    fn a_file_that_is_not_ours_ends_the_scan_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let series: Series = "binance/BTC-USDT/trades".parse().unwrap();
        let mut rows = Batch::of(Kind::Trades);
        rows.trades_mut().push(Trade {
            ts: Micros(YEAR_2024),
            ts_recv: None,
            id: Some("1"),
            price: 1.0,
            amount: 1.0,
            side: Some(Side::Buy),
        });
        store(&layout, &series, rows.clone());
        std::fs::File::create(layout.folder(&series).join("2024-01-02.parquet")).unwrap();

        let refused = scan(&layout, &series, None, None).err().unwrap();
        let before = Period::named(Kind::Trades, "2024-01-02").unwrap().window.from;

        assert!(refused.to_string().contains("2024-01-02.parquet"), "{refused}");
        let mut scan = scan(&layout, &series, None, Some(before)).unwrap();
        assert_eq!(scan.next().unwrap().unwrap(), rows);
        assert!(scan.next().is_none());
    }
}
