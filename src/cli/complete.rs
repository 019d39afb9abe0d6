//! Candidates of tab completion: exchanges, pairs and series of the configuration.

use std::ffi::OsStr;

use clap_complete::CompletionCandidate;

use crate::config;
use crate::engine::Job;
use crate::exchange::names;
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

/// Series of the jobs of the default configuration.
pub(crate) fn jobs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(config) = config::load(None) else { return Vec::new() };
    matching(Job::all(&config).iter().map(|job| job.series().to_string()), typed)
}

fn matching(words: impl IntoIterator<Item = String>, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    words.into_iter().filter(|word| word.starts_with(&*typed)).map(CompletionCandidate::new).collect()
}
