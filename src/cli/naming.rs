//! What the words of a command stand for: series that are held or collected, and exchanges.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::engine::Job;
use crate::exchange::{find, names};
use crate::model::{NoMatch, Series, foreign, select};
use crate::store::{Layout, is_held};

/// The series held under the data path that selectors mean; a folder without a ledger or a file holds none.
///
/// # Errors
/// The first selector that means none of them.
pub(crate) fn held(config: &Config, asked: &[String]) -> Result<Vec<Series>, NoMatch> {
    let layout = Layout::new(&config.data_path);
    let all = layout.series();
    let held: Vec<&Series> = all.iter().filter(|series| is_held(&layout, series)).collect();
    Ok(select(asked, held)?.into_iter().cloned().collect())
}

/// The series that selectors mean among those held, those of which rows were set aside and those that are collected.
///
/// # Errors
/// The first selector that means none of them.
pub(crate) fn known(config: &Config, asked: &[String]) -> Result<Vec<Series>, NoMatch> {
    let layout = Layout::new(&config.data_path);
    let mut all: BTreeSet<Series> = layout.series().into_iter().collect();
    all.retain(|series| is_held(&layout, series));
    // What cannot be listed is told by whoever reads it.
    all.extend(layout.series_with_rows_aside().unwrap_or_default());
    all.extend(Job::all(config).iter().map(|job| (**job.series()).clone()));
    Ok(select(asked, &all)?.into_iter().cloned().collect())
}

/// Whether this version speaks an exchange.
///
/// # Errors
/// A sentence that names the nearest one it speaks.
pub(crate) fn exchange(name: &str) -> Result<(), String> {
    if find(name).is_some() {
        return Ok(());
    }
    let likeness = |other: &&str| strsim::jaro_winkler(other, &name.to_lowercase());
    let nearest = names().into_iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let nearest = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
    Err(format!(
        "`{}` has no adapter in this version{nearest} Use one of {}",
        foreign(name),
        names().join(", ")
    ))
}
