//! The check of the files of a series.

use crate::api::{FileFault, Verified};
use crate::model::Series;
use crate::store::{Layout, Ledger, verify_series};

/// Checks every file of a series of this name.
pub(crate) fn verified(layout: &Layout, name: &str) -> Verified {
    let line = |path, fault| FileFault { series: name.to_owned(), path, fault };
    let Ok(series) = name.parse::<Series>() else {
        return Verified { series: name.to_owned(), remote_only: 0, faults: Vec::new() };
    };
    let ledger = Ledger::read(&layout.ledger(&series), &series).ok().flatten();
    let faults = match verify_series(layout, &series) {
        Ok(found) => found
            .into_iter()
            .map(|fault| line(Some(fault.path.display().to_string()), fault.what.to_string()))
            .collect(),
        Err(error) => vec![line(None, error.to_string())],
    };
    let remote_only = ledger.map_or(0, |ledger| ledger.remote_only().count() as u64);
    Verified { series: name.to_owned(), remote_only, faults }
}
