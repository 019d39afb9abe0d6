//! Candidates of tab completion: exchanges, pairs and series of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use clap_complete::CompletionCandidate;

use crate::config;
use crate::engine::{Job, LiveJob};
use crate::exchange::{ALL, names};
use crate::model::{Kind, Market};
use crate::store::Layout;

/// Supported exchanges.
pub(crate) fn exchanges(typed: &OsStr) -> Vec<CompletionCandidate> {
    matching(names().into_iter().map(str::to_owned), typed)
}

/// Pairs of the default configuration; none if it cannot be read.
pub(crate) fn pairs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(config) = config::load(None) else { return Vec::new() };
    let mut pairs: Vec<String> =
        config.histo_jobs.iter().flat_map(|job| job.pairs.iter().map(ToString::to_string)).collect();
    pairs.sort();
    pairs.dedup();
    matching(pairs, typed)
}

/// Series held under the data path of the default configuration.
pub(crate) fn series(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(config) = config::load(None) else { return Vec::new() };
    matching(Layout::new(&config.data_path).series().iter().map(ToString::to_string), typed)
}

/// Series of the jobs and streams of the default configuration.
pub(crate) fn jobs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(config) = config::load(None) else { return Vec::new() };
    let mut all: BTreeSet<String> = Job::all(&config).iter().map(|job| job.series().to_string()).collect();
    all.extend(LiveJob::all(&config).iter().map(|job| job.series.to_string()));
    matching(all, typed)
}

/// Kinds of rows.
pub(crate) fn kinds(typed: &OsStr) -> Vec<CompletionCandidate> {
    matching(Kind::ALL.map(|kind| kind.name().to_owned()), typed)
}

/// Markets.
pub(crate) fn markets(typed: &OsStr) -> Vec<CompletionCandidate> {
    matching(Market::ALL.map(|market| market.name().to_owned()), typed)
}

/// Candle lengths that some exchange offers, the shortest first.
pub(crate) fn spans(typed: &OsStr) -> Vec<CompletionCandidate> {
    let offers = ALL.iter().flat_map(|exchange| exchange.offers());
    let spans: BTreeMap<u32, String> =
        offers.flat_map(|offer| offer.spans).map(|span| (span.secs, span.span().to_string())).collect();
    matching(spans.into_values(), typed)
}

/// Series of jobs and those held, which a command that looks at both takes.
pub(crate) fn known(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(config) = config::load(None) else { return Vec::new() };
    let mut all: BTreeSet<String> = Job::all(&config).iter().map(|job| job.series().to_string()).collect();
    all.extend(Layout::new(&config.data_path).series().iter().map(ToString::to_string));
    matching(all, typed)
}

fn matching(words: impl IntoIterator<Item = String>, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    words.into_iter().filter(|word| word.starts_with(&*typed)).map(CompletionCandidate::new).collect()
}
