//! The ledger after an import: time that the rows prove is covered, everything else is a gap with a reason.

use crate::import::taken::Taken;
use crate::model::{Window, Windows};
use crate::store::Ledger;

/// The reason of a gap where nothing was found.
const NOT_IN_THE_TREE: &str = "not in what was imported, or not proven by it";
/// Most windows of one reason that get a note; older ones stay gaps without one.
const MOST_NOTED: usize = 500;

/// Records what one file proves and what it lacks.
pub(crate) fn account(ledger: &mut Ledger, taken: &Taken) {
    cover(ledger, &taken.proven);
    ledger.derived.add_all(&taken.derived);
    let settled = ledger.settled();
    if let Some(hull) = taken.hull {
        ledger.wanted_since = Some(ledger.wanted_since.map_or(hull.from, |since| since.min(hull.from)));
        note(ledger, &settled.missing(hull), &settled, NOT_IN_THE_TREE);
    }
    for (reason, (_, windows)) in &taken.left {
        reason.note().into_iter().for_each(|text| note(ledger, windows, &settled, text));
    }
}

/// Covers windows. Searching the notes costs more than adding a window, so it is done only if there are any.
fn cover(ledger: &mut Ledger, proven: &Windows) {
    let said = ledger.notes.iter().chain(&ledger.empty).chain(&ledger.unfillable);
    let said: Windows = said.map(|note| note.window).collect();
    for window in proven.iter() {
        if said.within(window).is_empty() { ledger.covered.add(window) } else { ledger.cover(window) }
    }
}

/// Notes a reason on the newest unsettled windows.
fn note(ledger: &mut Ledger, windows: &Windows, settled: &Windows, reason: &str) {
    let open: Vec<Window> =
        windows.iter().rev().filter(|window| !settled.cover(*window)).take(MOST_NOTED).collect();
    open.iter().rev().for_each(|window| ledger.note(*window, reason));
}
