//! One series while it is listened to: accepts its rows and vouches for what they cover.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs::stream::holes::Holes;
use crate::jobs::stream::live_writer::LiveWriter;
use crate::model::{Batch, Grid, Micros, Series, Window, Windows};
use crate::store::{Mark, Store, StoreError, Writer};

/// The shortest time between two words for a busy series. What a crash leaves without one is asked for again.
const VOUCH_EVERY: Duration = Duration::from_millis(200);

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
            writer: Arc::new(LiveWriter::new(writer)),
            series: Arc::clone(series),
            grid,
            frames: VecDeque::new(),
            vouched: None,
            vouched_at: None,
            pending: None,
            proven: None,
            holes: Holes::default(),
        }
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
        let until = self.proven.map_or(from, |proven| proven.min(covered.until));
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
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::model::{Kind, Side, Trade};
    use crate::store::{Layout, StoreSettings};

    const SOON: Duration = Duration::from_millis(10);

    fn live() -> (LiveSeries, TempDir) {
        let root = TempDir::new().unwrap();
        let settings = StoreSettings::of(7, Micros(0));
        let (store, _) = Store::open(&Layout::new(root.path()), settings).unwrap();
        let series = Arc::new("kraken/BTC-USD/trades".parse().unwrap());
        (LiveSeries::open(&store, &series, None).unwrap(), root)
    }

    fn accept(live: &mut LiveSeries, ts: &[i64]) {
        let mut rows = Batch::of(Kind::Trades);
        for ts in ts {
            let (id, side, ts) = (ts.to_string(), Some(Side::Sell), Micros(*ts));
            let trade = Trade { ts, ts_recv: Some(ts), id: Some(&id), price: 1.0, amount: 1.0, side };
            rows.trades_mut().push(trade);
        }
        let mark = live.live_writer().writer().accept_live(rows.clone(), None).unwrap();
        live.accepted(&rows, mark);
    }

    fn window(from: i64, until: i64) -> Window {
        Window::new(Micros(from), Micros(until)).unwrap()
    }

    fn settled(live: &LiveSeries) -> Vec<Window> {
        live.live_writer().writer().settled().iter().collect()
    }

    #[test]
    fn a_busy_series_is_vouched_for_now_and_then_and_when_its_connection_ends() {
        let ((mut live, _root), now) = (live(), Instant::now());
        accept(&mut live, &[0, 10]);
        live.cover(window(0, 10), now, false).unwrap();
        accept(&mut live, &[20]);
        live.cover(window(0, 20), now + SOON, false).unwrap();
        assert_eq!(settled(&live), [window(0, 10)]);

        accept(&mut live, &[30]);
        live.cover(window(0, 30), now + VOUCH_EVERY, false).unwrap();
        assert_eq!(settled(&live), [window(0, 30)]);

        accept(&mut live, &[40]);
        live.cover(window(0, 40), now + VOUCH_EVERY + SOON, true).unwrap();
        assert_eq!(settled(&live), [window(0, 40)]);
    }

    #[test]
    fn what_a_connection_covered_counts_where_the_next_begins_before_it_was_vouched_for() {
        let ((mut live, _root), now) = (live(), Instant::now());
        accept(&mut live, &[0, 10]);
        live.cover(window(0, 10), now, false).unwrap();
        accept(&mut live, &[20]);
        live.cover(window(0, 20), now, false).unwrap();

        accept(&mut live, &[25, 30]);
        live.cover(window(25, 30), now + SOON, true).unwrap();

        assert_eq!(settled(&live), [window(0, 20), window(25, 30)]);
    }

    #[test]
    fn a_hole_that_shows_before_a_window_is_vouched_for_is_left_out_of_it() {
        let ((mut live, _root), now) = (live(), Instant::now());
        accept(&mut live, &[0, 10]);
        live.cover(window(0, 10), now, false).unwrap();
        accept(&mut live, &[20, 30]);
        live.cover(window(0, 30), now, false).unwrap();

        live.miss(window(20, 25));
        live.cover(window(0, 30), now, true).unwrap();

        assert_eq!(settled(&live), [window(0, 20), window(25, 30)]);
    }

    #[test]
    fn a_hole_whose_rows_come_late_is_vouched_for_before_and_after_others_were() {
        let ((mut live, _root), now) = (live(), Instant::now());
        accept(&mut live, &[0, 10, 30]);
        live.miss(window(10, 31));
        live.cover(window(0, 30), now, true).unwrap();
        assert_eq!(settled(&live), [window(0, 10)]);

        accept(&mut live, &[20]);
        assert_eq!(live.close(window(10, 31)).unwrap(), Windows::from(window(10, 31)));
        assert_eq!(settled(&live), [window(0, 30)]);

        accept(&mut live, &[50]);
        live.miss(window(30, 51));
        accept(&mut live, &[40]);
        live.close(window(30, 51)).unwrap();
        live.cover(window(0, 50), now, true).unwrap();
        assert_eq!(settled(&live), [window(0, 50)]);
        assert_eq!(
            live.close(window(0, 50)).unwrap(),
            Windows::from(window(10, 50)),
            "nothing else was a hole"
        );
    }

    #[test]
    fn rows_that_come_late_do_not_close_a_hole_of_rows_that_were_left_out_here() {
        let ((mut live, _root), now) = (live(), Instant::now());
        accept(&mut live, &[0, 10]);
        let mut rows = Batch::of(Kind::Trades);
        let (id, side) = (Some("30"), Some(Side::Buy));
        rows.trades_mut().push(Trade { ts: Micros(30), ts_recv: None, id, price: 1.0, amount: 1.0, side });
        assert_eq!(live.drop_rows(&rows), Some(window(10, 31)));
        live.miss(window(10, 31));
        accept(&mut live, &[20, 40]);
        live.close(window(10, 31)).unwrap();
        live.cover(window(0, 40), now, true).unwrap();
        assert_eq!(settled(&live), [window(0, 10), window(31, 40)]);
    }

    #[test]
    fn a_hole_that_closed_counts_after_a_crash_only_with_the_row_that_came_late() {
        let (mut live, root) = live();
        accept(&mut live, &[0, 10, 30]);
        live.miss(window(10, 31));
        live.cover(window(0, 30), Instant::now(), true).unwrap();
        let before = read_journal(&root).len();
        accept(&mut live, &[20]);
        let late = read_journal(&root).len() - before;
        live.close(window(10, 31)).unwrap();
        let bytes = read_journal(&root);

        for is_lost in [false, true] {
            let crashed = TempDir::new().unwrap();
            let layout = Layout::new(crashed.path());
            let (mut bytes, segment) = (bytes.clone(), segment(&root));
            if is_lost {
                // A byte of the frame of the late row.
                bytes[before + late / 2] ^= 1;
            }
            std::fs::create_dir_all(layout.journal()).unwrap();
            let name = layout.journal().join(segment.file_name().unwrap());
            crate::disk::atomic::replace(&name, &bytes).unwrap();
            let (store, _) = Store::open(&layout, StoreSettings::of(8, Micros(0))).unwrap();
            let (writer, _) = store.writer(live.series()).unwrap();
            let covered: Vec<Window> = writer.settled().iter().collect();
            let whole = if is_lost { vec![window(0, 10)] } else { vec![window(0, 30)] };
            assert_eq!(covered, whole, "lost: {is_lost}");
        }
    }

    fn segment(root: &TempDir) -> std::path::PathBuf {
        let folder = Layout::new(root.path()).journal();
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.pop().unwrap()
    }

    fn read_journal(root: &TempDir) -> Vec<u8> {
        std::fs::read(segment(root)).unwrap()
    }
}
