//! Families of rows and listing entries that are impossible or not understood, and affect only themselves.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus::IntCounterVec;

use super::forget::forget;
use super::register::Register;
use crate::model::OddFault;

/// The most listing entries remembered as logged; further ones are neither logged nor counted.
const MOST_NAMED: usize = 10_000;

/// Rows set aside, and listing entries skipped.
pub(crate) struct Odd {
    pub(crate) rows: IntCounterVec,
    pub(crate) listing_entries: IntCounterVec,
    /// The exchange and symbol of each entry that was logged.
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

    /// Whether a listing entry is new; remembers it.
    pub(crate) fn is_new(&self, exchange: &str, symbol: &str) -> bool {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.len() < MOST_NAMED && named.insert((exchange.to_owned(), symbol.to_owned()))
    }
}
