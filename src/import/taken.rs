//! The rows accepted from one file, and an account of the others.

use std::collections::BTreeMap;

use crate::import::reason::{Change, Reason};
use crate::model::{Batch, Kind, Micros, Window, Windows};

/// The credible rows of one file, and an account of the others.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The rows, in order.
    pub(crate) rows: Batch,
    /// Windows that these rows prove complete, once they are stored.
    pub(crate) proven: Windows,
    /// Windows of rows that the earlier program computed itself.
    pub(crate) derived: Windows,
    /// Rows left out, with the windows that are gaps because of it.
    pub(crate) left: BTreeMap<Reason, (u64, Windows)>,
    /// Rows corrected.
    pub(crate) changed: BTreeMap<Change, u64>,
    /// From the first window in the file to the end of the last, including rows left out.
    pub(crate) hull: Option<Window>,
}

impl Taken {
    pub(crate) fn nothing(kind: Kind) -> Self {
        Taken {
            rows: Batch::of(kind),
            proven: Windows::new(),
            derived: Windows::new(),
            left: BTreeMap::new(),
            changed: BTreeMap::new(),
            hull: None,
        }
    }

    /// Leaves a row out; `window` is the time it would have covered.
    pub(crate) fn leave(&mut self, reason: Reason, window: Option<Window>) {
        let (count, windows) = self.left.entry(reason).or_default();
        *count += 1;
        if let Some(window) = window {
            windows.add(window);
            self.reach(window);
        }
    }

    pub(crate) fn change(&mut self, change: Change) {
        *self.changed.entry(change).or_default() += 1;
    }

    /// Extends the hull of the file.
    pub(crate) fn reach(&mut self, window: Window) {
        let hull = self.hull.get_or_insert(window);
        hull.from = hull.from.min(window.from);
        hull.until = hull.until.max(window.until);
    }

    /// Extends it to a single instant.
    pub(crate) fn reach_instant(&mut self, at: Micros) {
        self.reach(Window { from: at, until: Micros(at.0 + 1) });
    }
}

/// Whether a row can have this instant.
pub(crate) fn is_possible(at: Micros, now: Micros) -> bool {
    at >= Micros::OLDEST && at <= now
}

/// Whether this can be a price.
pub(crate) fn is_price(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// Whether this can be an amount.
pub(crate) fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}
