//! Families of what exchanges sent that cannot be true or is not understood, and costs only itself.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus::IntCounterVec;

use super::forget::forget;
use super::register::Register;
use crate::model::OddFault;

/// Entries of listings that are remembered as named; later ones are neither named nor counted.
const MOST_NAMED: usize = 10_000;

/// Rows set aside, and entries of listings passed over.
pub(crate) struct Odd {
    pub(crate) rows: IntCounterVec,
    pub(crate) listing_entries: IntCounterVec,
    /// Exchange and symbol of the entries that were named.
    named: Mutex<BTreeSet<(String, String)>>,
}

impl Odd {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Odd {
            rows: add.counters(
                "rows_set_aside_total",
                "Rows that cannot be true, by what is wrong with them: seen in two answers and set aside as text, once each.",
                &["exchange", "kind", "fault"],
            ),
            listing_entries: add.counters(
                "listing_entries_odd_total",
                "Entries of the exchange's listing of which something is not understood, each counted once a process.",
                &["exchange"],
            ),
            named: Mutex::default(),
        }
    }

    /// Creates the label sets of an exchange and a kind, each at 0.
    pub(super) fn declare(&self, exchange: &str, kind: &str) {
        for fault in OddFault::ALL {
            self.rows.with_label_values(&[exchange, kind, fault.name()]);
        }
    }

    /// Drops them.
    pub(super) fn forget(&self, exchange: &str, kind: &str) {
        forget(&self.rows, &[("exchange", exchange), ("kind", kind)]);
    }

    /// Whether an entry of a listing is named for the first time, which it then was.
    pub(crate) fn is_new(&self, exchange: &str, symbol: &str) -> bool {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.len() < MOST_NAMED && named.insert((exchange.to_owned(), symbol.to_owned()))
    }
}
