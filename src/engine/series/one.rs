//! One series: its line, its gaps and its coverage.

use thiserror::Error;

use super::catalogue::{CatalogueError, KnownSeries};
use super::status::configured;
use super::{coverage, files, gaps};
use crate::api::{Coverage, CoverageAsked, FilesAsked, FilesPage, GapLine, GapsAsked, GapsPage, SeriesLine};
use crate::config::Config;
use crate::engine::wrong::Wrong;
use crate::model::{Micros, NoMatch, Series};
use crate::store::{Layout, Ledger, StoreError, holding, set_aside_rows};

/// Why a question about one series has no answer.
#[derive(Debug, Error)]
pub(crate) enum OneError {
    /// A part of it is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// No series has that name.
    #[error("{0}")]
    NoSeries(NoMatch),
    /// The series are not known.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// There are files, and no account of them.
    #[error("{series}: {why}")]
    Unaccounted {
        /// The series.
        series: String,
        /// The fault of its ledger.
        why: String,
    },
    /// Rows that were set aside cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading broke off.
    #[error("the series could not be read: {reason}")]
    Broken {
        /// The cause.
        reason: String,
    },
}

/// The line of a series.
///
/// # Errors
/// If no series has that name.
pub(crate) fn line_of(known: &[KnownSeries], name: &str, now: Micros) -> Result<SeriesLine, OneError> {
    let found = known.binary_search_by(|one| one.name.as_str().cmp(name));
    match found {
        Ok(at) => Ok(known[at].line(now)),
        Err(_) => Err(OneError::NoSeries(NoMatch::among(name, known.iter().map(|one| &one.series)))),
    }
}

/// A page of the windows of a series that are not covered, and of its rows that were set aside.
///
/// # Errors
/// If the question is wrong, no series has that name, or its account cannot be read.
pub(crate) fn gaps_of(
    layout: &Layout,
    config: &Config,
    name: &str,
    asked: &GapsAsked,
) -> Result<GapsPage, OneError> {
    let (series, ledger) = account(layout, config, name)?;
    let rows = set_aside_rows(layout, &series)?;
    let mut all: Vec<GapLine> = gaps::open_windows(&series, &ledger);
    all.extend(gaps::settled_windows(&series, &ledger));
    all.extend(gaps::aside(&series, rows, &layout.set_aside(&series)));
    Ok(gaps::page(&series, all, asked)?)
}

/// The coverage of a series over a range.
///
/// # Errors
/// If the question is wrong, no series has that name, or its account cannot be read.
pub(crate) fn coverage_of(
    layout: &Layout,
    config: &Config,
    name: &str,
    asked: &CoverageAsked,
    now: Micros,
) -> Result<Coverage, OneError> {
    let (series, ledger) = account(layout, config, name)?;
    Ok(coverage::coverage(&series, &ledger, asked, now)?)
}

/// A page of the files of a series.
///
/// # Errors
/// If the question is wrong, no series has that name, or its account cannot be read.
pub(crate) fn files_of(
    layout: &Layout,
    config: &Config,
    name: &str,
    asked: &FilesAsked,
) -> Result<FilesPage, OneError> {
    let (series, ledger) = account(layout, config, name)?;
    Ok(files::files(&series, &ledger, asked)?)
}

/// The account of a series; an empty one if it is configured and nothing is stored yet.
fn account(layout: &Layout, config: &Config, name: &str) -> Result<(Series, Ledger), OneError> {
    let unknown = || {
        let all = layout.series();
        OneError::NoSeries(NoMatch::among(name, all.iter().chain(&configured(config))))
    };
    let series: Series = name.parse().map_err(|_| unknown())?;
    let Some(held) = holding(layout, &series) else {
        let is_known = configured(config).contains(&series) || layout.set_aside(&series).exists();
        return if is_known { Ok((series, Ledger::default())) } else { Err(unknown()) };
    };
    match held.ledger {
        Ok(ledger) => Ok((series, ledger)),
        Err(why) => Err(OneError::Unaccounted { series: name.to_owned(), why: why.to_string() }),
    }
}
