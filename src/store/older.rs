//! Trees of before open files were named `YYYY_open.parquet`: each is renamed when its series is opened, here and on
//! remotes.
//!
//! `YYYY.open.parquet` came before `YYYY.parquet` in the order of names, which is not the order of time. A ledger records
//! the style in which its open files are named. Where one of the older style is met, every remote it speaks of may hold
//! open files under their older names: they are copied anew, and the older ones removed once the copy was verified.

use std::collections::BTreeSet;

use crate::disk::Disk;
use crate::model::Series;
use crate::store::{FileEntry, Layout, Ledger, Part, Verified};

/// The series whose folders hold open files in the older style.
pub(crate) fn series_to_rename(disk: &dyn Disk, layout: &Layout) -> Vec<Series> {
    let is_older = |series: &Series| {
        let is_older = |name: &String| Part::of_older_name(name, series.kind()).is_some();
        // A folder that cannot be listed is reported when its series is opened.
        disk.list(&layout.folder(series)).is_ok_and(|names| names.iter().any(is_older))
    };
    layout.series().into_iter().filter(is_older).collect()
}

impl Ledger {
    /// Takes an account of the older style over into this one; returns whether that changed its account of copies.
    pub(crate) fn leave_older_names(&mut self) -> bool {
        if !std::mem::take(&mut self.is_older) || self.open_files.is_empty() {
            return false;
        }
        let of_files = self.entries().flat_map(|entry| &entry.remotes);
        let remotes: BTreeSet<String> = of_files.chain(self.synced.keys()).cloned().collect();
        if remotes.is_empty() {
            return true;
        }
        for (period, entry) in &mut self.open_files {
            self.older_names.entry(period.clone()).or_default().extend(remotes.iter().cloned());
            if !entry.remote_only {
                entry.remotes.clear();
            }
        }
        true
    }

    /// A remote may hold the open file of a period under its older name.
    pub(crate) fn note_older_name(&mut self, period: &str, remote: &str) {
        self.older_names.entry(period.to_owned()).or_default().insert(remote.to_owned());
    }

    /// The open file of a period is here again: where a copy of it may lie under its older name, it is to be copied.
    pub(crate) fn copy_open_anew(&mut self, period: &str) {
        let older = self.older_names.get(period);
        if let Some((entry, older)) = self.open_files.get_mut(period).zip(older) {
            entry.remotes.retain(|remote| !older.contains(remote));
        }
    }

    /// The periods whose open file a remote may hold under its older name, and that can be rid of it: what is in it is
    /// here, or nowhere wanted.
    pub fn older_on<'a>(&'a self, remote: &'a str) -> impl Iterator<Item = &'a str> {
        let is_there = move |remotes: &BTreeSet<String>| remotes.contains(remote);
        let is_here = |period: &str| self.open_files.get(period).is_none_or(|open| !open.remote_only);
        let periods = self.older_names.iter().filter(move |(_, remotes)| is_there(remotes));
        periods.map(|(period, _)| period.as_str()).filter(move |period| is_here(period))
    }

    /// Those of [`Ledger::older_on`] whose open file the remote holds under its name too, also by what was `verified`
    /// there since this account was read.
    #[must_use]
    pub fn superseded_on(&self, remote: &str, verified: &[Verified]) -> Vec<String> {
        let is_verified = |period: &str, entry: &FileEntry| {
            let is_it = |file: &Verified| {
                file.part == Part::Open && file.period == period && file.sha256 == entry.sha256
            };
            entry.remotes.iter().any(|known| known == remote) || verified.iter().any(is_it)
        };
        let is_done =
            |period: &&str| self.open_files.get(*period).is_none_or(|entry| is_verified(period, entry));
        self.older_on(remote).filter(is_done).map(str::to_owned).collect()
    }

    /// A remote does not hold the open files of these periods under their older names any more.
    pub(crate) fn forget_older_names(&mut self, remote: &str, periods: &[String]) {
        for period in periods {
            if let Some(remotes) = self.older_names.get_mut(period) {
                remotes.remove(remote);
            }
        }
        self.older_names.retain(|_, remotes| !remotes.is_empty());
    }
}
