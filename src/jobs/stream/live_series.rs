//! One series while it is listened to: accepts its rows and vouches for what they cover.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::exchange::live::BookFault;
use crate::jobs::stream::book_steps::{BookSteps, Gap, begin_book};
use crate::jobs::stream::holes::Holes;
use crate::jobs::stream::live_writer::LiveWriter;
use crate::model::{Batch, Grid, Kind, Micros, Series, Window, Windows};
use crate::store::{Mark, Store, StoreError, Writer};

/// The shortest time between two words for a busy series. What a crash leaves without one is asked for again.
const VOUCH_EVERY: Duration = Duration::from_millis(200);

/// How often a session is told that rows of its book were lost, until it begins anew.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How often the time in which a book is out of step is entered while it lasts.
const ENTERED_EVERY: Duration = Duration::from_secs(10);

/// A book that came into step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rose {
    /// The time in which it was not, with the reason.
    pub(crate) gap: Option<(&'static str, Window)>,
}

/// A series that a live session writes to. It outlives connections: windows of one may need rows of the one before.
pub(crate) struct LiveSeries {
    writer: Arc<LiveWriter>,
    series: Arc<Series>,
    /// The grid of its candles.
    grid: Option<Grid>,
    /// Accepted frames that may hold rows not vouched for, each with its newest instant.
    frames: VecDeque<(Micros, Mark)>,
    /// Where the last window ended that was vouched for.
    vouched: Option<Micros>,
    /// When that was.
    vouched_at: Option<Instant>,
    /// The window that the connection covers, where it is not vouched for yet.
    pending: Option<Window>,
    /// The end of what the rows received so far can prove.
    proven: Option<Micros>,
    holes: Holes,
    /// How far it is in step, of a book.
    steps: Option<BookSteps>,
    /// When rows of a book that were lost were last told to be.
    lost_told: Option<Instant>,
    /// Up to where time out of step is entered, and when that was.
    entered: Option<Instant>,
}

impl LiveSeries {
    /// Opens a series of a store; blocks on the disk.
    ///
    /// # Errors
    /// If its files cannot be used.
    pub(crate) fn open(store: &Store, series: &Arc<Series>, grid: Option<Grid>) -> Result<Self, StoreError> {
        let (writer, _) = store.writer(series)?;
        LiveSeries::of(writer, series, grid)
    }

    fn of(writer: Writer, series: &Arc<Series>, grid: Option<Grid>) -> Result<Self, StoreError> {
        let is_book = series.kind() == Kind::OrderBook;
        let steps = if is_book { Some(begin_book(&writer)?) } else { None };
        Ok(LiveSeries {
            steps,
            lost_told: None,
            entered: None,
            writer: Arc::new(LiveWriter::new(writer)),
            series: Arc::clone(series),
            grid,
            frames: VecDeque::new(),
            vouched: None,
            vouched_at: None,
            pending: None,
            proven: None,
            holes: Holes::default(),
        })
    }

    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    /// The grid of its candles, where there is one.
    pub(crate) fn grid(&self) -> Option<Grid> {
        self.grid
    }

    /// The end of what its rows prove; `None` before the first row.
    pub(crate) fn proven(&self) -> Option<Micros> {
        self.proven
    }

    /// Records rows that were accepted in the order received, from a mark on if any of them is new.
    pub(crate) fn accepted(&mut self, rows: &Batch, mark: Option<Mark>) {
        let Some(newest) = rows.ts().iter().copied().max().map(Micros) else { return };
        self.frames.extend(mark.map(|mark| (newest, mark)));
        if self.is_book() {
            // How far it is known its session says.
            return;
        }
        // More trades of the newest instant may follow; a closed candle is complete.
        let end = self.grid.map_or(newest, |grid| grid.next(newest));
        self.proven = self.proven.max(Some(end));
    }

    /// Leaves a window out of what is vouched for, until rows that come late close it.
    pub(crate) fn miss(&mut self, window: Window) {
        let own = self.frames.iter().find(|(newest, _)| *newest >= window.from);
        self.holes.miss(window, own.map(|(_, mark)| *mark));
    }

    /// Leaves a window out of what is vouched for, whatever comes late.
    pub(crate) fn lose(&mut self, window: Window) {
        self.holes.lose(window);
    }

    /// All that was missing in a window has come late: vouches for it, as far as it was a hole and nothing of it was left
    /// out here. Returns that.
    ///
    /// # Errors
    /// If the journal cannot be written; it stays a hole then.
    pub(crate) fn close(&mut self, window: Window) -> Result<Windows, StoreError> {
        let (closed, since) = self.holes.close(window);
        // The part that is not vouched past yet is so with the next window.
        let Some(vouched) = self.vouched else { return Ok(closed) };
        let first = self.frames.front().map(|(_, mark)| *mark);
        let since = since.into_iter().chain(first).min_by_key(|mark| mark.position);
        for window in closed.within(Window { from: Micros(i64::MIN), until: vouched }).iter() {
            self.writer.writer().vouch(since, window)?;
        }
        Ok(closed)
    }

    /// Vouches for a window that a connection covers, but for its holes and for what no row proves yet: at once where the
    /// last word is a while ago or this is the connection's last, else with one of the next windows. Returns the windows
    /// that are new.
    ///
    /// # Errors
    /// If the journal cannot be written; the windows can be vouched for again then.
    pub(crate) fn cover(
        &mut self,
        covered: Window,
        now: Instant,
        is_last: bool,
    ) -> Result<Windows, StoreError> {
        if let Some(steps) = &self.steps {
            if !steps.takes_rows() {
                return Ok(Windows::new());
            }
            self.proven = self.proven.max(Some(covered.until));
        }
        // One that begins elsewhere does not say again what the one before said.
        let before = self.pending.filter(|pending| pending.from != covered.from);
        let mut new = before.map_or_else(|| Ok(Windows::new()), |before| self.vouch(before))?;
        self.pending = Some(covered);
        let is_due = |at: Instant| now.saturating_duration_since(at) >= VOUCH_EVERY;
        if is_last || self.vouched_at.is_none_or(is_due) {
            new.add_all(&self.vouch(covered)?);
            self.vouched_at = Some(now);
            self.pending = None;
        }
        Ok(new)
    }

    fn vouch(&mut self, covered: Window) -> Result<Windows, StoreError> {
        let from = self.vouched.map_or(covered.from, |vouched| vouched.max(covered.from));
        let until = match self.is_book() {
            true => covered.until,
            false => self.proven.map_or(from, |proven| proven.min(covered.until)),
        };
        let Some(window) = Window::new(from, until) else { return Ok(Windows::new()) };
        let mut windows = Windows::from(window);
        windows.remove_all(self.holes.open());
        let since = self.frames.iter().find(|(newest, _)| *newest >= from).map(|(_, mark)| *mark);
        for window in windows.iter() {
            self.writer.writer().vouch(since, window)?;
        }
        self.vouched = Some(until);
        while self.frames.front().is_some_and(|(newest, _)| *newest < until) {
            self.frames.pop_front();
        }
        self.holes.vouched(until);
        Ok(windows)
    }

    /// Whether it is a book, whose missing time nothing can fill.
    pub(crate) fn is_book(&self) -> bool {
        self.steps.is_some()
    }

    /// Whether its rows may be accepted: of a book no more once some were not.
    pub(crate) fn takes_rows(&self) -> bool {
        self.steps.as_ref().is_none_or(BookSteps::takes_rows)
    }

    /// Whether a book is known to be out of step.
    pub(crate) fn is_out_of_step(&self) -> bool {
        self.steps.as_ref().is_some_and(|steps| !steps.is_in())
    }

    /// The book is out of step; it was known up to an instant.
    pub(crate) fn fell(&mut self, known: Micros, fault: BookFault) {
        self.steps.iter_mut().for_each(|steps| steps.fell(known, fault));
    }

    /// The book was wrong, since an instant at the earliest: what was covered from then on is taken back.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(crate) fn disown(&mut self, from: Micros) -> Result<(), StoreError> {
        let vouched = self.pending.take().map_or_else(|| Ok(Windows::new()), |pending| self.vouch(pending));
        let Some(until) = self.vouched.max(self.proven) else { return Ok(()) };
        let disowned = Window::new(from, until).map_or(Ok(()), |window| {
            self.lose(window);
            self.writer.publish_soon();
            self.writer.writer().disown(window, &Gap::words(BookFault::Audit.name()))
        });
        vouched.and(disowned)
    }

    /// The connection that carried the book ended.
    pub(crate) fn disconnected(&mut self) {
        if let Some(known) = self.proven {
            self.fell(known, BookFault::Reconnect);
        }
    }

    /// The book is in step from an instant on. Returns the time in which it was not, once that is left out of what is
    /// vouched for and entered as unfillable; `None` if rows of it are still to be lost.
    ///
    /// # Errors
    /// If what was covered before cannot be vouched for; it is left open then.
    pub(crate) fn rose(&mut self, at: Micros) -> Result<Option<Rose>, StoreError> {
        let vouched = self.pending.take().map_or_else(|| Ok(Windows::new()), |pending| self.vouch(pending));
        let known = self.vouched.max(self.proven);
        let mut entered = Ok(());
        let Some((gap, is_again)) = self.steps.as_mut().and_then(|steps| steps.rose(at, known)) else {
            return vouched.map(|_| None);
        };
        // It is known at that instant, though its connection may end before anything is vouched for.
        self.proven = self.proven.max(Some(at));
        if let Some(Gap { window, reason }) = gap {
            self.lose(window);
            entered = self.writer.writer().unfillable(window, &Gap::words(reason));
            if is_again {
                self.writer.publish_soon();
            }
        }
        (self.entered, self.lost_told) = (None, None);
        vouched.and(entered)?;
        Ok(Some(Rose { gap: gap.map(|gap| (gap.reason, gap.window)) }))
    }

    /// Rows of the book could not be accepted. Returns whether its session is to be told, now that it was not for a
    /// while.
    pub(crate) fn lose_book(&mut self, now: Instant) -> bool {
        let known = self.proven;
        self.steps.iter_mut().for_each(|steps| steps.lost(known));
        let is_due = self.lost_told.is_none_or(|at| now.saturating_duration_since(at) >= TOLD_EVERY);
        if is_due {
            self.lost_told = Some(now);
        }
        is_due
    }

    /// Enters the time out of step under way, up to an instant, where it lasts; it is published then.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(crate) fn enter_out_of_step(&mut self, until: Micros, now: Instant) -> Result<(), StoreError> {
        let Some(gap) = self.steps.as_ref().and_then(|steps| steps.until(until)) else { return Ok(()) };
        let began = *self.entered.get_or_insert(now);
        if now.saturating_duration_since(began) >= ENTERED_EVERY {
            self.entered = Some(now);
            self.writer.publish_soon();
            self.writer.writer().unfillable(gap.window, &Gap::words(gap.reason))?;
        }
        Ok(())
    }

    /// The window between the last one that was vouched for and an instant.
    pub(crate) fn unvouched_before(&self, until: Micros) -> Option<Window> {
        Window::new(self.vouched?, until)
    }

    /// Records that rows could not be accepted. Returns the window that is a hole now: whatever came after the last
    /// row that was accepted.
    pub(crate) fn drop_rows(&mut self, rows: &Batch) -> Option<Window> {
        let ts = || rows.ts().iter().copied().map(Micros);
        let (oldest, newest) = (ts().min()?, ts().max()?);
        let from = self.proven.map_or(oldest, |proven| proven.min(oldest));
        let until = self.grid.map_or(Micros(newest.0 + 1), |grid| grid.next(newest));
        let window = Window::new(from, until)?;
        self.lose(window);
        Some(window)
    }

    /// The end of the candles that are closed at an instant, where one of them is missing. Trades show by themselves what
    /// is missing before them; of candles only the next close would, which may be a day away.
    pub(crate) fn closed_and_missing(&self, at: Micros) -> Option<Micros> {
        let until = self.grid?.floor(at);
        self.is_missing_before(until).then_some(until)
    }

    /// Whether a candle that no row proves closed by an instant, of those that close after `since`; of rows without a grid
    /// any may have come about.
    pub(crate) fn is_overdue(&self, since: Option<Micros>, at: Micros) -> bool {
        let Some(grid) = self.grid else { return true };
        let open = self.proven.max(since.map(|since| grid.floor(since)));
        open.is_none_or(|open| grid.next(open) <= at)
    }

    /// Whether anything wanted before an instant is neither stored nor known not to exist.
    pub(crate) fn is_missing_before(&self, until: Micros) -> bool {
        if self.is_book() {
            return false;
        }
        let writer = self.writer.writer();
        let Some(since) = writer.ledger().wanted_since else { return true };
        Window::new(since, until).is_some_and(|wanted| !writer.settled().missing(wanted).is_empty())
    }

    /// The end of everything that is stored or known not to exist.
    pub(crate) fn settled_until(&self) -> Option<Micros> {
        self.writer.writer().settled().last().map(|window| window.until)
    }

    /// Its writer, to accept and publish with.
    pub(crate) fn live_writer(&self) -> &Arc<LiveWriter> {
        &self.writer
    }
}

#[cfg(test)]
#[path = "live_series_tests.rs"]
mod tests;
