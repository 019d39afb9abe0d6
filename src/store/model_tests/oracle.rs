//! The rows and the coverage that a series must hold, and those it may, after anything that can happen.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Window, Windows};

/// A page as the model remembers it: rows by key, each with the version of its answer.
#[derive(Clone, Debug)]
pub(super) struct GivenPage {
    pub(super) rows: BTreeMap<i64, u64>,
    pub(super) covered: Option<Window>,
    /// It survives a power cut.
    pub(super) durable: bool,
    /// It survives the end of the process.
    pub(super) accepted: bool,
}

/// Everything that was ever given to one series, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Oracle {
    answers: Vec<GivenPage>,
    /// Versions each key had in a store that was found to be right.
    settled: BTreeMap<i64, u64>,
    covered: Windows,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was killed.
    Kill,
    PowerCut,
    /// And a frame of the journal was damaged: any row that was not published may be lost.
    Damage,
}

/// The content of a store as found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FoundContent {
    pub(super) rows: BTreeMap<i64, u64>,
    pub(super) covered: Windows,
}

impl Oracle {
    pub(super) fn give(&mut self, answer: GivenPage) {
        self.answers.push(answer);
    }

    /// Everything accepted so far survives a power cut from now on.
    pub(super) fn is_durable(&mut self) {
        self.answers.iter_mut().for_each(|answer| answer.durable |= answer.accepted);
    }

    /// Checks that every row that must be there is, with a version that was given.
    pub(super) fn check(&mut self, held: &FoundContent, end: End) -> Result<(), String> {
        let must = |answer: &&GivenPage| match end {
            End::Kill => answer.accepted,
            End::PowerCut => answer.durable,
            End::Damage => false,
        };
        let mut least = self.settled.clone();
        let mut covered = self.covered.clone();
        for answer in self.answers.iter().filter(must) {
            least.extend(&answer.rows);
            answer.covered.into_iter().for_each(|window| covered.add(window));
        }
        let mut possible: BTreeMap<i64, BTreeSet<u64>> = BTreeMap::new();
        for (key, version) in self.settled.iter().chain(self.answers.iter().flat_map(|answer| &answer.rows)) {
            possible.entry(*key).or_default().insert(*version);
        }
        for (key, version) in &least {
            match held.rows.get(key) {
                None => return Err(format!("row {key} (version {version}) is lost")),
                Some(own) if own < version => {
                    return Err(format!("row {key} has version {own}, older than {version}"));
                }
                Some(_) => {}
            }
        }
        for (key, version) in &held.rows {
            if !possible.get(key).is_some_and(|versions| versions.contains(version)) {
                return Err(format!("row {key} has version {version}, which was never given"));
            }
        }
        covered.remove_all(&held.covered);
        if let Some(window) = covered.first() {
            return Err(format!("coverage of {window} is lost"));
        }
        self.check_claims(held)
    }

    /// Coverage is claimed only of what was proven, and with its rows.
    fn check_claims(&self, held: &FoundContent) -> Result<(), String> {
        let mut claimed = held.covered.clone();
        claimed.remove_all(&self.covered);
        for answer in &self.answers {
            let Some(window) = answer.covered else { continue };
            claimed.remove(window);
            let missing = answer.rows.keys().find(|key| !held.rows.contains_key(*key));
            if let (true, Some(key)) = (held.covered.cover(window), missing) {
                return Err(format!("{window} is claimed to be covered without row {key}"));
            }
        }
        match claimed.first() {
            Some(window) => Err(format!("{window} is claimed to be covered and was never proven")),
            None => Ok(()),
        }
    }

    /// Goes on from what was found.
    pub(super) fn settle(&mut self, held: FoundContent) {
        self.answers.clear();
        (self.settled, self.covered) = (held.rows, held.covered);
    }
}
