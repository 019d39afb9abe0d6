//! One series while it is listened to: accepts its rows and vouches for what they cover.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{Batch, Grid, Micros, Series, Window, Windows};
use crate::store::{Mark, Store, StoreError, Writer};

/// A series that a live session writes to. It outlives connections: windows of one may need rows of the one before.
pub(crate) struct LiveSeries {
    writer: Writer,
    series: Arc<Series>,
    /// The grid of its candles.
    grid: Option<Grid>,
    /// Accepted frames that may hold rows not vouched for, each with its newest instant.
    frames: VecDeque<(Micros, Mark)>,
    /// Where the last window ended that was vouched for.
    vouched: Option<Micros>,
    /// The end of what the rows received so far can prove.
    proven: Option<Micros>,
    /// Holes that sessions reported, as far as they are not vouched past.
    holes: Windows,
}

impl LiveSeries {
    /// Opens a series of a store; blocks on the disk.
    ///
    /// # Errors
    /// If its files cannot be used.
    pub(crate) fn open(store: &Store, series: &Arc<Series>, grid: Option<Grid>) -> Result<Self, StoreError> {
        let (writer, _) = store.writer(series)?;
        Ok(LiveSeries::of(writer, series, grid))
    }

    fn of(writer: Writer, series: &Arc<Series>, grid: Option<Grid>) -> Self {
        LiveSeries {
            writer,
            series: Arc::clone(series),
            grid,
            frames: VecDeque::new(),
            vouched: None,
            proven: None,
            holes: Windows::new(),
        }
    }

    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    /// The end of what its rows prove; `None` before the first row.
    pub(crate) fn proven(&self) -> Option<Micros> {
        self.proven
    }

    /// Accepts rows in the order received.
    ///
    /// # Errors
    /// If the journal cannot be written; the rows are not accepted then.
    pub(crate) fn accept(&mut self, rows: &Batch) -> Result<u64, StoreError> {
        let Some(newest) = rows.ts().iter().copied().max().map(Micros) else { return Ok(0) };
        let count = rows.len() as u64;
        let mark = self.writer.accept_live(rows.clone(), None)?;
        self.frames.extend(mark.map(|mark| (newest, mark)));
        // More trades of the newest instant may follow; a closed candle is complete.
        let end = self.grid.map_or(newest, |grid| grid.next(newest));
        self.proven = self.proven.max(Some(end));
        Ok(count)
    }

    /// Leaves a window out of what is vouched for.
    pub(crate) fn miss(&mut self, window: Window) {
        self.holes.add(window);
    }

    /// Vouches for a window that a connection covers, but for its holes and for what no row proves yet. Returns the
    /// windows that are new.
    ///
    /// # Errors
    /// If the journal cannot be written; the windows can be vouched for again then.
    pub(crate) fn vouch(&mut self, covered: Window) -> Result<Windows, StoreError> {
        let from = self.vouched.map_or(covered.from, |vouched| vouched.max(covered.from));
        let until = self.proven.map_or(from, |proven| proven.min(covered.until));
        let Some(window) = Window::new(from, until) else { return Ok(Windows::new()) };
        let mut windows = Windows::from(window);
        windows.remove_all(&self.holes);
        let since = self.frames.iter().find(|(newest, _)| *newest >= from).map(|(_, mark)| *mark);
        for window in windows.iter() {
            self.writer.vouch(since, window)?;
        }
        self.vouched = Some(until);
        while self.frames.front().is_some_and(|(newest, _)| *newest < until) {
            self.frames.pop_front();
        }
        self.holes.remove(Window { from: Micros::OLDEST, until });
        Ok(windows)
    }

    /// Records that rows could not be accepted. Returns the window that is a hole now: whatever came after the last
    /// row that was accepted.
    pub(crate) fn drop_rows(&mut self, rows: &Batch) -> Option<Window> {
        let ts = || rows.ts().iter().copied().map(Micros);
        let (oldest, newest) = (ts().min()?, ts().max()?);
        let from = self.proven.map_or(oldest, |proven| proven.min(oldest));
        let until = self.grid.map_or(Micros(newest.0 + 1), |grid| grid.next(newest));
        let window = Window::new(from, until)?;
        self.miss(window);
        Some(window)
    }

    /// Whether anything wanted before an instant is neither stored nor known not to exist.
    pub(crate) fn is_missing_before(&self, until: Micros) -> bool {
        let Some(since) = self.writer.ledger().wanted_since else { return true };
        Window::new(since, until).is_some_and(|wanted| !self.writer.settled().missing(wanted).is_empty())
    }

    /// Its writer, to publish with.
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }
}
