//! Books as the program rebuilds them from a tree in which one day's file is left.

use std::fs;
use std::path::Path;

use dccd::engine::book::{BookError, BookState, Level, StoredBook};
use dccd::model::{Kind, Micros, Series, Window};
use dccd::store::Period;

use crate::dice::Dice;
use crate::rebuilt::{COMPARED, Stored};
use crate::rig::Rig;

impl Stored {
    /// Of each day alone the program gives the exchange's books, or refuses; of every other day it then gives nothing.
    pub(crate) fn each_day_is_enough(&self, rig: &Rig, dice: &mut Dice, instants: u64) {
        let (series, covered): (Series, _) = (self.name.parse().unwrap(), &self.ledger.covered);
        let all = Window::new(covered.first().unwrap().from, covered.last().unwrap().until).unwrap();
        for name in self.ledger.periods() {
            let (tree, folder) = (tempfile::tempdir().unwrap(), rig.setup.layout().folder(&series));
            let from = rig.setup.data_path();
            leave_one_day(&folder, &tree.path().join(folder.strip_prefix(from).unwrap()), name);
            let book = StoredBook::new(tree.path(), &series).unwrap();
            let day = Period::named(Kind::OrderBook, name).unwrap().window;
            for _ in 0..instants {
                let at = Micros(all.from.0 + dice.below((all.until.0 - all.from.0) as u64) as i64);
                match book.as_of(at) {
                    Ok(state) => {
                        assert!(
                            day.holds(at) && covered.holds(at) && state.is_covered,
                            "{}: {at}",
                            self.name
                        );
                        self.compare_state(rig, at, &state);
                    }
                    Err(BookError::NotCovered { .. }) if !covered.holds(at) => {}
                    Err(error) => {
                        // Its book before the first update of the day is the last of the day before.
                        let is_told = day.holds(at) && at >= self.begin_of(day);
                        assert!(!is_told, "{}: {at}: {error}", self.name);
                    }
                }
            }
        }
    }

    fn compare_state(&self, rig: &Rig, at: Micros, state: &BookState) {
        let theirs = self.existing(rig, state.ts, state.seq);
        let own = |level: &Level| ((level.price * 100.0).round() as i64, (level.amount * 1e8).round() as i64);
        let told = || format!("{} at {at}: update {} of {}", self.name, state.ord, state.ts);
        let (bids, asks) = (state.bids().take(COMPARED).map(own), state.asks().take(COMPARED).map(own));
        assert_eq!(bids.collect::<Vec<_>>(), self.listed(theirs.bids()), "{}", told());
        assert_eq!(asks.collect::<Vec<_>>(), self.listed(theirs.asks()), "{}", told());
    }
}

/// Copies the folder of a series without the files of all days but one.
fn leave_one_day(from: &Path, to: &Path, day: &str) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with('_') || name.starts_with(day) {
            fs::copy(entry.path(), to.join(&name)).unwrap();
        }
    }
}
