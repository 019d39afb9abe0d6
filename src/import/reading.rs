//! Reads the files of one folder in turn, each in the context of its neighbours.

use parquet::errors::{ParquetError, Result};

use crate::import::candles::{Context, FileScan};
use crate::import::layout::required;
use crate::import::raw::RawFile;
use crate::import::taken::Taken;
use crate::import::tree::{Folder, Source};
use crate::import::{books, candles, samples, trades};
use crate::model::{Kind, Micros, Series};

/// Checks that a file can be read, and collects what its neighbours need to know about it.
pub(crate) fn scan(source: &Source, series: &Series, now: Micros) -> Result<FileScan> {
    let file = RawFile::open(&source.path)?;
    if let Some(missing) = required(series.kind()).iter().find(|name| !file.has(name)) {
        return Err(ParquetError::General(format!("it has no column {missing}")));
    }
    match series.kind() {
        Kind::Ohlc => candles::scan(&file, series, now),
        _ => Ok(FileScan::default()),
    }
}

/// Reads the sources of a folder, remembering what the next one is compared with.
pub(crate) struct Reading<'a> {
    folder: &'a Folder,
    scans: &'a [FileScan],
    context: Context,
    run: Option<trades::Run>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(folder: &'a Folder, scans: &'a [FileScan], now: Micros) -> Self {
        let context = Context {
            now,
            last_of_three: scans.iter().filter_map(|scan| scan.last_of_three).max(),
            two_is_off_grid: scans.iter().any(|scan| scan.two_is_off_grid),
            ..Context::default()
        };
        Reading { folder, scans, context, run: None }
    }

    /// Reads the rows of one source.
    pub(crate) fn take(&mut self, index: usize) -> Result<Taken> {
        let (source, series, now) = (&self.folder.sources[index], &self.folder.series, self.context.now);
        let file = RawFile::open(&source.path)?;
        match series.kind() {
            Kind::Ohlc => self.candles(index, &file),
            Kind::Trades => trades::read(&file, series, now, &mut self.run),
            Kind::OrderBook => books::read(&file, now),
            Kind::Funding | Kind::OpenInterest => samples::read(&file, series, now),
        }
    }

    fn candles(&mut self, index: usize, file: &RawFile) -> Result<Taken> {
        let source = &self.folder.sources[index];
        let begins = source.period.window.from;
        let before = self.folder.sources[..index].last();
        if before.is_none_or(|before| before.period.window.until != begins) {
            self.context.before = None;
        }
        self.context.period_from = begins;
        self.context.is_cut_off = source.is_cut_off;
        self.context.next_file = self.scans[index + 1..].iter().find_map(|scan| scan.first);
        let (taken, last) = candles::read(file, &self.folder.series, &self.context)?;
        self.context.before = last;
        Ok(taken)
    }
}
