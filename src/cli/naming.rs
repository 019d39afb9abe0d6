//! Resolves the arguments of commands: series that are held or collected, and exchanges.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::Config;
use crate::engine::Job;
use crate::exchange::{find, names};
use crate::model::{NoMatch, Series, foreign, select};
use crate::store::{Layout, StoreError, is_held};
use crate::telemetry::events::Chain;

/// Why series cannot be resolved.
#[derive(Debug, Error)]
pub(crate) enum NamingError {
    /// A selector matches none.
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    /// A folder of the data path cannot be listed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NamingError {
    /// Reports it, and ends the command.
    pub(crate) fn fail(&self, out: &mut Output) -> Exit {
        let exit = match self {
            NamingError::NoMatch(_) => Exit::Failed,
            NamingError::Store(_) => Exit::Storage,
        };
        out.fail(exit, Chain(self))
    }
}

/// The held series that selectors match. A folder without a ledger or a file holds none.
///
/// # Errors
/// The first selector that matches none, or a folder that cannot be listed.
pub(crate) fn held(config: &Config, selectors: &[String]) -> Result<Vec<Series>, NamingError> {
    let layout = Layout::new(&config.data_path);
    let all = layout.listed()?;
    let held: Vec<&Series> = all.iter().filter(|series| is_held(&layout, series)).collect();
    Ok(select(selectors, held)?.into_iter().cloned().collect())
}

/// The series that selectors match among those held, those with rows set aside and those of jobs.
///
/// # Errors
/// The first selector that matches none, or a folder that cannot be listed.
pub(crate) fn known(config: &Config, selectors: &[String]) -> Result<Vec<Series>, NamingError> {
    let layout = Layout::new(&config.data_path);
    let mut all: BTreeSet<Series> = layout.listed()?.into_iter().collect();
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
