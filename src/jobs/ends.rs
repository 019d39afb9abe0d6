//! The oldest and the newest known row of a series, learned from its files and from every page.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::model::Micros;

/// The `ts` of both ends; unset until a row is known.
#[derive(Debug)]
pub(crate) struct Ends {
    oldest: AtomicI64,
    newest: AtomicI64,
}

impl Default for Ends {
    fn default() -> Self {
        Ends { oldest: AtomicI64::new(i64::MAX), newest: AtomicI64::new(i64::MIN) }
    }
}

impl Ends {
    /// Both ends, once a row is known.
    pub(crate) fn known(&self) -> Option<(Micros, Micros)> {
        let ends = [&self.oldest, &self.newest].map(|end| Micros(end.load(Ordering::Relaxed)));
        (ends[0] <= ends[1]).then_some((ends[0], ends[1]))
    }

    /// Extends the ends by these rows.
    pub(crate) fn learn(&self, ts: &[i64]) {
        if let Some(at) = ts.iter().min() {
            self.oldest.fetch_min(*at, Ordering::Relaxed);
        }
        if let Some(at) = ts.iter().max() {
            self.newest.fetch_max(*at, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_only_move_outwards_and_nothing_is_known_before_a_row_is() {
        let ends = Ends::default();
        assert_eq!(ends.known(), None);
        ends.learn(&[5, 7, 6]);
        ends.learn(&[6]);
        ends.learn(&[]);
        assert_eq!(ends.known(), Some((Micros(5), Micros(7))));
    }
}
