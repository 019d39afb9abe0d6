//! Rows that the journal holds of some series, read beside the process that writes it.

use std::collections::HashMap;
use std::io;

use crate::disk::Os;
use crate::model::{Batch, Kind, Micros, Series, Window};
use crate::store::journal::{Entry, Rows, scan};
use crate::store::merge::merge_onto;
use crate::store::{Layout, Ledger, Mark, Period, StoreError};

/// How often the journal is read anew whose segments go meanwhile.
const ATTEMPTS: u32 = 100;

/// Frames of some series, in order.
#[derive(Default)]
pub(super) struct Frames {
    by_series: HashMap<Series, Vec<(Mark, Rows)>>,
    /// The last frame of any series.
    pub(super) last: Option<Mark>,
}

impl Frames {
    /// Reads the rows in a window of the series that have a ledger here, but for those that it settles.
    pub(super) fn read(
        layout: &Layout,
        ledgers: &HashMap<&Series, &Ledger>,
        window: Window,
    ) -> Result<Self, StoreError> {
        for _ in 0..ATTEMPTS {
            let mut frames = Frames::default();
            let read = scan(&Os, &layout.journal(), &mut |found, entry| {
                frames.last = Some(found.mark);
                if let Entry::Page(series, page) = entry {
                    frames.take(ledgers, window, found.mark, series, page);
                }
                Ok(())
            });
            match read {
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                read => return read.map(|_| frames),
            }
        }
        let restless = io::Error::other("its segments are replaced again and again");
        Err(StoreError::io("reading", &layout.journal())(restless))
    }

    fn take(
        &mut self,
        ledgers: &HashMap<&Series, &Ledger>,
        window: Window,
        mark: Mark,
        series: Series,
        page: Rows,
    ) {
        let Some(ledger) = ledgers.get(&series) else { return };
        if ledger.journal.is_some_and(|own| own.holds(mark)) {
            return;
        }
        // As recovery takes rows of an earlier owner.
        let is_late = page.fence < ledger.fence;
        if is_late && (series.kind() == Kind::OrderBook || page.derived) {
            return;
        }
        let counts = |ts: i64| window.holds(Micros(ts)) && !(is_late && ledger.covered.holds(Micros(ts)));
        let ts = page.rows.ts();
        let held: Vec<usize> = (0..ts.len()).filter(|row| counts(ts[*row])).collect();
        if held.is_empty() {
            return;
        }
        let rows = if held.len() == ts.len() { page.rows } else { page.rows.gather(&held) };
        self.by_series.entry(series).or_default().push((mark, Rows { rows, ..page }));
    }

    /// Whether any row of a series is here.
    pub(super) fn has(&self, series: &Series) -> bool {
        self.by_series.contains_key(series)
    }

    /// The periods that rows of a series lie in.
    pub(super) fn periods(&self, series: &Series) -> Vec<Period> {
        let frames = self.by_series.get(series).into_iter().flatten();
        let mut periods: Vec<Period> = Vec::new();
        for (_, page) in frames {
            for ts in page.rows.ts() {
                if !periods.last().is_some_and(|last| last.window.holds(Micros(*ts))) {
                    periods.push(Period::of(series.kind(), Micros(*ts)));
                }
            }
        }
        periods.sort_by_key(|period| period.window.from);
        periods.dedup();
        periods
    }

    /// The rows of a period that lie behind a mark; a later answer wins over an earlier one.
    pub(super) fn rows(&self, series: &Series, period: &Period, held: Option<Mark>) -> Batch {
        let mut rows = Batch::of(series.kind());
        for (mark, page) in self.by_series.get(series).into_iter().flatten() {
            if held.is_some_and(|held| held.holds(*mark)) {
                continue;
            }
            let ts = page.rows.ts();
            let own: Vec<usize> = (0..ts.len()).filter(|row| period.window.holds(Micros(ts[*row]))).collect();
            if own.len() == ts.len() {
                merge_onto(&mut rows, &page.rows);
            } else if !own.is_empty() {
                merge_onto(&mut rows, &page.rows.gather(&own));
            }
        }
        rows
    }
}
