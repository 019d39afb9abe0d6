//! Resolves the arguments of commands: series that are held or collected, and exchanges.

use std::collections::BTreeSet;

use crate::cli::output::Output;
use crate::config::Config;
use crate::engine::Job;
use crate::exchange::{find, names};
use crate::model::{NoMatch, Series, foreign, select};
use crate::store::{Layout, is_held};

/// The held series that selectors match. A folder without a ledger or a file holds none.
///
/// # Errors
/// The first selector that matches none.
pub(crate) fn held(config: &Config, selectors: &[String]) -> Result<Vec<Series>, NoMatch> {
    let layout = Layout::new(&config.data_path);
    let all = layout.series();
    let held: Vec<&Series> = all.iter().filter(|series| is_held(&layout, series)).collect();
    Ok(select(selectors, held)?.into_iter().cloned().collect())
}

/// The series that selectors match among those held, those with rows set aside and those of jobs.
///
/// # Errors
/// The first selector that matches none.
pub(crate) fn known(config: &Config, selectors: &[String]) -> Result<Vec<Series>, NoMatch> {
    let layout = Layout::new(&config.data_path);
    let mut all: BTreeSet<Series> = layout.series().into_iter().collect();
    all.retain(|series| is_held(&layout, series));
    // The command that reads these rows reports the error.
    all.extend(layout.series_with_rows_aside().unwrap_or_default());
    all.extend(Job::all(config).iter().map(|job| (**job.series()).clone()));
    Ok(select(selectors, &all)?.into_iter().cloned().collect())
}

/// Checks that an exchange is supported.
///
/// # Errors
/// Names the nearest that is.
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

/// Notes jobs of the configuration that are not running, which a run leaves out.
pub(crate) fn note_jobs_off(config: &Config, out: &mut Output) {
    config.notes.iter().filter(|note| note.contains("not running")).for_each(|note| out.note(note));
}
