//! How many of the rows that were just accepted are surely new: counted at once, and the rest where they are merged.

use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::Ledger;

/// Where rows may be held already: in files, or accepted since the last publish.
#[derive(Debug, Default)]
pub(super) struct Held {
    in_files: Option<Windows>,
    waiting: Windows,
}

impl Held {
    /// Accepted rows are published: the files say from now on what is held.
    pub(super) fn published(&mut self) {
        *self = Held::default();
    }

    /// How many rows of an accepted batch lie where none was held; from now on they are held too.
    pub(super) fn take(&mut self, rows: &Batch, ledger: &Ledger) -> u64 {
        // Every update of a book has a number of its own.
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
        let mut held = Held::default();

        assert_eq!(held.take(&candles(97..103), &ledger), 3, "three were in the file");
        assert_eq!(held.take(&candles(102..110), &ledger), 7, "pages overlap by a row");
        assert_eq!(held.take(&candles(40..50), &ledger), 0, "whether a file lacks them is seen at the merge");
        assert_eq!(held.take(&candles(200..210), &ledger), 10);
        held.published();
        assert_eq!(held.take(&candles([]), &ledger), 0);
    }
}
