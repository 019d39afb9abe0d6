//! Counts how many accepted rows are certainly new: immediately where possible, otherwise when they are merged.

use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::Ledger;

/// Where rows may already exist: in files, or accepted since the last publish.
#[derive(Debug, Default)]
pub(super) struct KnownRows {
    in_files: Option<Windows>,
    waiting: Windows,
}

impl KnownRows {
    /// Accepted rows were published: from now on the files show what exists.
    pub(super) fn published(&mut self) {
        *self = KnownRows::default();
    }

    /// Adds an accepted batch, and returns how many of its rows are at instants without one before.
    pub(super) fn take(&mut self, rows: &Batch, ledger: &Ledger) -> u64 {
        // Every update of a book has its own number.
        if rows.kind() == Kind::OrderBook {
            return rows.len() as u64;
        }
        let Some(own) = rows.ends().and_then(|(first, last)| Window::new(first, after(last))) else {
            return 0;
        };
        let in_files = self.in_files.get_or_insert_with(|| of_files(ledger));
        let is_apart = |held: &Windows| held.within(own).is_empty();
        let fresh = match is_apart(in_files) && is_apart(&self.waiting) {
            true => rows.len(),
            false => {
                let is_held = |ts: &&i64| in_files.holds(Micros(**ts)) || self.waiting.holds(Micros(**ts));
                rows.ts().iter().filter(|ts| !is_held(ts)).count()
            }
        };
        self.waiting.add(own);
        fresh as u64
    }
}

fn of_files(ledger: &Ledger) -> Windows {
    let filled = ledger.entries().filter(|entry| entry.rows > 0);
    filled.filter_map(|entry| Window::new(Micros(entry.first), after(Micros(entry.last)))).collect()
}

fn after(at: Micros) -> Micros {
    Micros(at.0.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Candle;
    use crate::store::FileEntry;

    fn candles(minutes: impl IntoIterator<Item = i64>) -> Batch {
        let mut rows = Batch::of(Kind::Ohlc);
        for minute in minutes {
            let ts = Micros(minute * 60_000_000);
            rows.candles_mut().push(Candle {
                ts,
                open: 1.0,
                high: 1.0,
                low: 1.0,
                close: 1.0,
                volume: 1.0,
                quote_volume: None,
                trades: None,
            });
        }
        rows
    }

    #[test]
    fn only_rows_where_none_is_held_are_surely_new() {
        let minutes = |minute: i64| minute * 60_000_000;
        let entry = FileEntry { rows: 9, first: minutes(0), last: minutes(99), ..FileEntry::default() };
        let ledger = Ledger { files: [("1970".to_owned(), entry)].into(), ..Ledger::default() };
        let mut known = KnownRows::default();

        assert_eq!(known.take(&candles(97..103), &ledger), 3, "three were in the file");
        assert_eq!(known.take(&candles(102..110), &ledger), 7, "pages overlap by a row");
        assert_eq!(
            known.take(&candles(40..50), &ledger),
            0,
            "whether a file lacks them is seen at the merge"
        );
        assert_eq!(known.take(&candles(200..210), &ledger), 10);
        known.published();
        assert_eq!(known.take(&candles([]), &ledger), 0);
    }
}
