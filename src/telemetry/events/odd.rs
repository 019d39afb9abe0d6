//! What exchanges sent that cannot be true or is not understood, and costs only itself.

use std::fmt::Write as _;
use std::path::Path;

use crate::model::{OddFault, Series};
use crate::telemetry::{Event, Telemetry};

/// Entries of a listing that one line names.
const NAMED: usize = 10;

/// Rows that two answers held and that cannot be true were set aside as text.
pub struct RowsSetAside<'a> {
    /// Whose rows.
    pub series: &'a Series,
    /// What is wrong with them.
    pub fault: OddFault,
    /// How many were not set aside before.
    pub rows: u64,
    /// Where their texts are.
    pub file: &'a Path,
}

impl Event for RowsSetAside<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name(), self.fault.name()];
        telemetry.metrics().odd.rows.with_label_values(&labels).inc_by(self.rows);
        tracing::warn!(
            series = %self.series,
            fault = self.fault.name(),
            rows = self.rows,
            file = %self.file.display(),
            "rows that cannot be true were set aside, all others are stored; `dccd gaps` names them"
        );
    }
}

/// A listing has entries of which something is not understood; the others are not affected.
pub struct ListingEntriesOdd<'a> {
    /// Whose listing.
    pub exchange: &'a str,
    /// The exchange's name of each, and what is odd about it.
    pub entries: &'a [(&'a str, &'a str)],
}

impl Event for ListingEntriesOdd<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let odd = &telemetry.metrics().odd;
        let entries = self.entries.iter().filter(|(symbol, _)| odd.is_new(self.exchange, symbol));
        let new: Vec<&(&str, &str)> = entries.collect();
        if new.is_empty() {
            return;
        }
        odd.listing_entries.with_label_values(&[self.exchange]).inc_by(new.len() as u64);
        let mut named = String::new();
        for (symbol, why) in new.iter().take(NAMED) {
            let parted = if named.is_empty() { "" } else { "; " };
            let _ = write!(named, "{parted}{symbol}: {why}");
        }
        if let Some(more) = new.len().checked_sub(NAMED).filter(|more| *more > 0) {
            let _ = write!(named, "; and {more} more");
        }
        tracing::warn!(
            exchange = self.exchange,
            entries = new.len(),
            named,
            "entries of the listing are not understood and passed over; all others are used"
        );
    }
}
