//! Turns a series' ledger into the event that publishes its coverage.

use crate::model::{Micros, Series, Windows};
use crate::store::{Ledger, Note};
use crate::telemetry::events::CoverageChanged;

/// The coverage of a series: time before `until` that is wanted is covered, a gap, empty or unfillable.
#[must_use]
pub fn coverage<'a>(series: &'a Series, ledger: &Ledger, until: Micros) -> CoverageChanged<'a> {
    let gaps = ledger.gaps(until);
    let ends = ledger.ends();
    CoverageChanged {
        series,
        oldest: ends.map(|ends| ends.0),
        newest: ends.map(|ends| ends.1),
        covered_secs: ledger.covered.secs(),
        gap_secs: gaps.secs(),
        gaps: gaps.len() as u64,
        empty_secs: secs(&ledger.empty),
        unfillable_secs: secs(&ledger.unfillable),
    }
}

fn secs(notes: &[Note]) -> f64 {
    notes.iter().map(|note| note.window).collect::<Windows>().secs()
}
