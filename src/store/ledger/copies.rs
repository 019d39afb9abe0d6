//! The copies of a series on remotes, as its ledger knows them: what they hold, lack, and alone have.
//!
//! A copy of the account is the account without what is true of this machine alone, so that the same data gives
//! the same bytes everywhere.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::model::{Kind, Series, Window, Windows};
use crate::store::file::sha256;
use crate::store::{FileEntry, Ledger, Part, Period, StoreError};

/// A file of a series that a remote was found to hold, whole and as listed in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The period's name.
    pub period: String,
    /// Which of its files.
    pub part: Part,
    /// The hash it was found to have.
    pub sha256: String,
}

/// Files found on a remote, to be entered into the ledger of their series.
#[derive(Clone, Debug, Default)]
pub struct Copied {
    /// The remote's name.
    pub remote: String,
    /// The files it holds.
    pub files: Vec<Verified>,
    /// The files it was found not to hold after all.
    pub gone: Vec<Verified>,
    /// The digest of the account it holds, where that was verified too.
    pub digest: Option<String>,
    /// The periods whose open file it does not hold under its older name any more.
    pub renamed: Vec<String>,
}

impl Copied {
    pub(crate) fn enter(self, ledger: &mut Ledger) {
        ledger.verified(&self.remote, &self.files);
        for file in &self.gone {
            let entry = ledger.part_mut(file.part).get_mut(&file.period);
            if let Some(entry) = entry.filter(|entry| entry.sha256 == file.sha256) {
                entry.remotes.retain(|known| *known != self.remote);
            }
        }
        ledger.forget_older_names(&self.remote, &self.renamed);
        if let Some(digest) = self.digest {
            ledger.synced.insert(self.remote, digest);
        }
    }
}

/// Why files that are on remotes only did not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRestored {
    /// It may work another time.
    Later(String),
    /// The remotes answered, and none of them holds the file any more.
    Gone(String),
}

/// Brings back files that are on remotes only.
pub trait Restore: std::fmt::Debug + Send + Sync {
    /// Writes a file of a series to `to`, durable. Blocks, for as long as the remote may take.
    ///
    /// # Errors
    /// See [`NotRestored`]; what lies at `to` then is to be removed.
    fn restore(&self, series: &Series, file: &str, entry: &FileEntry, to: &Path) -> Result<(), NotRestored>;
}

/// Data that only a copy of the series has: it must be restored before the copy may be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreNeeded {
    /// The copy covers a window that is not covered here.
    Window(Window),
    /// The copy of this period has rows that are not here.
    Period(String),
}

impl Ledger {
    /// The account as remotes hold it.
    #[must_use]
    pub fn copy(&self) -> Ledger {
        let bare = |files: &BTreeMap<String, FileEntry>| {
            let bare = |entry: &FileEntry| FileEntry {
                modified: 0,
                remotes: Vec::new(),
                remote_only: false,
                ..entry.clone()
            };
            files.iter().map(|(name, entry)| (name.clone(), bare(entry))).collect()
        };
        Ledger {
            files: bare(&self.files),
            open_files: bare(&self.open_files),
            journal: None,
            lost_until: None,
            synced: BTreeMap::new(),
            older_names: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// The account as one remote holds it: without the periods that are only on others.
    #[must_use]
    pub fn copy_for(&self, remote: &str, kind: Kind) -> Ledger {
        let is_elsewhere = |entry: &FileEntry| !entry.remotes.iter().any(|known| known == remote);
        let elsewhere = self.remote_only().filter(|(_, _, entry)| is_elsewhere(entry));
        let mut copy = self.copy();
        for (name, ..) in elsewhere {
            copy.files.remove(name);
            copy.open_files.remove(name);
            if let Some(period) = Period::named(kind, name) {
                copy.covered.remove(period.window);
                copy.derived.remove(period.window);
            }
        }
        copy
    }

    /// Its bytes.
    ///
    /// # Errors
    /// Where it cannot be encoded.
    pub fn to_bytes(&self, series: &Series) -> Result<Vec<u8>, StoreError> {
        let encoded = self.encode(series);
        encoded.map_err(|error| StoreError::io("encoding", "_series.json".as_ref())(io::Error::other(error)))
    }

    /// SHA-256 of its [copy for a remote](Ledger::copy_for), in hexadecimal.
    ///
    /// # Errors
    /// Where it cannot be encoded.
    pub fn digest(&self, series: &Series, remote: &str) -> Result<String, StoreError> {
        self.copy_for(remote, series.kind()).to_bytes(series).map(|bytes| sha256(&bytes))
    }

    /// The files that are here and were not verified on a remote, whose account is `theirs`, in the order they are to be
    /// copied: the oldest period first, and of each its file before its open one. Where newest rows were taken out of
    /// the file since, the open file that holds them goes first: what lies there amid the two has all of their rows.
    #[must_use]
    pub fn unverified(&self, remote: &str, theirs: Option<&Ledger>) -> Vec<(String, Part, FileEntry)> {
        let missing = |part: Part| {
            let entries = self.part(part).iter().filter(|(_, entry)| !entry.remote_only);
            let unverified = entries.filter(|(_, entry)| !entry.remotes.iter().any(|known| known == remote));
            unverified.map(move |(name, entry)| (name.clone(), part, entry.clone()))
        };
        let mut files: Vec<_> = missing(Part::File).chain(missing(Part::Open)).collect();
        let was_longer = |period: &String| {
            let (ours, theirs) = (self.files.get(period), theirs.and_then(|theirs| theirs.files.get(period)));
            ours.zip(theirs).is_some_and(|(ours, theirs)| ours.last < theirs.last)
        };
        files.sort_by_cached_key(|(period, part, _)| {
            (period.clone(), (*part == Part::Open) != was_longer(period))
        });
        files
    }

    /// Enters where files were verified. One that was replaced since is not.
    pub fn verified(&mut self, remote: &str, files: &[Verified]) {
        for file in files {
            let entry = self.part_mut(file.part).get_mut(&file.period);
            let entry = entry.filter(|entry| entry.sha256 == file.sha256);
            if let Some(entry) = entry.filter(|entry| !entry.remotes.iter().any(|known| known == remote)) {
                entry.remotes.push(remote.to_owned());
                entry.remotes.sort_unstable();
            }
        }
    }

    /// Forgets that a remote holds anything, but what is on remotes only.
    pub fn forget_copies(&mut self, remote: &str) {
        for part in [Part::File, Part::Open] {
            let here = self.part_mut(part).values_mut().filter(|entry| !entry.remote_only);
            here.for_each(|entry| entry.remotes.retain(|known| known != remote));
        }
        self.synced.remove(remote);
    }

    /// Enters of each file whether a remote was just found to hold it, by what it was found to hold there: the
    /// hash under each name.
    pub fn came_from(&mut self, remote: &str, came: &BTreeMap<String, String>) {
        for part in [Part::File, Part::Open] {
            for (period, entry) in self.part_mut(part) {
                let is_there = came.get(&part.file_name(period)) == Some(&entry.sha256);
                entry.remotes = is_there.then(|| remote.to_owned()).into_iter().collect();
            }
        }
    }

    /// The data that must be restored from a copy with the account `theirs` before it may be replaced, if any.
    #[must_use]
    pub fn restore_needed(&self, theirs: &Ledger) -> Option<RestoreNeeded> {
        let mut missing = theirs.covered.clone();
        missing.remove_all(&self.covered);
        if let Some(window) = missing.first() {
            return Some(RestoreNeeded::Window(window));
        }
        let fewer = |name: &&str| self.rows_of(name) < theirs.rows_of(name);
        theirs.periods().find(fewer).map(|name| RestoreNeeded::Period(name.to_owned()))
    }

    /// Rows of a period, those of an open file that is dead left out.
    fn rows_of(&self, period: &str) -> u64 {
        let file = self.files.get(period);
        let open = self.open_files.get(period);
        let open = open.filter(|open| file.is_none_or(|file| file.generation < open.generation));
        file.map_or(0, |file| file.rows) + open.map_or(0, |open| open.rows)
    }

    /// The entry of a file of a period.
    #[must_use]
    pub fn entry(&self, part: Part, period: &str) -> Option<&FileEntry> {
        self.part(part).get(period)
    }

    /// The files that are here, of one part.
    pub fn entries_of(&self, part: Part) -> impl Iterator<Item = (&String, &FileEntry)> {
        self.part(part).iter().filter(|(_, entry)| !entry.remote_only)
    }

    /// The files that are on remotes only.
    pub fn remote_only(&self) -> impl Iterator<Item = (&str, Part, &FileEntry)> {
        let of = |part: Part| self.part(part).iter().map(move |(name, entry)| (name.as_str(), part, entry));
        of(Part::File).chain(of(Part::Open)).filter(|(_, _, entry)| entry.remote_only)
    }

    /// Whether some of a period's rows are on remotes only.
    #[must_use]
    pub fn is_away(&self, period: &str) -> bool {
        [Part::File, Part::Open]
            .into_iter()
            .any(|part| self.part(part).get(period).is_some_and(|entry| entry.remote_only))
    }

    /// The file of a period that may be dropped here: verified on a remote, not of the newest period, and without
    /// an open file that holds rows.
    #[must_use]
    pub fn droppable(&self, period: &str) -> Option<&FileEntry> {
        let is_newest = self.periods().last() == Some(period);
        let grows = self.open_files.get(period).is_some_and(|open| open.rows > 0);
        let file = self.files.get(period).filter(|_| !is_newest && !grows);
        file.filter(|file| !file.remote_only && !file.remotes.is_empty())
    }

    /// Takes in what the account of a copy says of windows this one has not settled: that they hold nothing, or
    /// that they cannot be had.
    pub fn learn(&mut self, theirs: &Ledger) {
        let since = [self.wanted_since, theirs.wanted_since].into_iter().flatten().min();
        self.wanted_since = since;
        self.generation = self.generation.max(theirs.generation);
        self.saw_ord(theirs.last_ord);
        for note in &theirs.empty {
            let open = self.settled().missing(note.window);
            open.iter().for_each(|window| self.confirm_empty(window, &note.reason));
        }
        theirs.unfillable.iter().for_each(|note| self.give_up(note.window, &note.reason));
    }

    /// This account with what `theirs`, one of the same series, has of periods that have no file here.
    ///
    /// # Errors
    /// Lists what only `theirs` has of periods that both have a file of: their rows must be merged first.
    pub fn merged(&self, theirs: &Ledger, kind: Kind) -> Result<Ledger, RestoreNeeded> {
        let mut merged = self.clone();
        for name in theirs.periods() {
            if self.files.contains_key(name) || self.open_files.contains_key(name) {
                continue;
            }
            for part in [Part::File, Part::Open] {
                let entry = theirs.part(part).get(name);
                entry.and_then(|entry| merged.part_mut(part).insert(name.to_owned(), entry.clone()));
            }
            if let Some(period) = Period::named(kind, name) {
                theirs.covered.within(period.window).iter().for_each(|window| merged.cover(window));
                merged.derived.add_all(&theirs.derived.within(period.window));
            }
        }
        merged.learn(theirs);
        merged.restore_needed(theirs).map_or(Ok(merged), Err)
    }

    /// Windows of a period that only the copy covers.
    #[must_use]
    pub fn lacks(&self, theirs: &Ledger, period: &Period) -> Windows {
        let mut lacking = theirs.covered.within(period.window);
        lacking.remove_all(&self.covered);
        lacking
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;

    fn window(from: i64, until: i64) -> Window {
        Window::new(Micros(from), Micros(until)).unwrap()
    }

    fn entry(rows: u64, generation: u64, sha256: &str) -> FileEntry {
        FileEntry { rows, generation, sha256: sha256.into(), modified: 9, ..FileEntry::default() }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger { generation: 3, ..Ledger::default() };
        ledger.cover(window(0, 100));
        ledger.files.insert("2022".into(), entry(10, 1, "aa"));
        ledger.files.insert("2023".into(), entry(20, 2, "bb"));
        ledger.open_files.insert("2023".into(), entry(5, 3, "cc"));
        ledger
    }

    fn verified(period: &str, part: Part, sha256: &str) -> Verified {
        Verified { period: period.into(), part, sha256: sha256.into() }
    }

    #[test]
    fn what_is_true_of_this_machine_alone_does_not_change_the_digest() {
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let here = ledger();
        let mut there = ledger();
        there.verified("nas", &[verified("2022", Part::File, "aa")]);
        there.synced.insert("nas".into(), "digest".into());
        there.files.get_mut("2022").unwrap().modified = 77;
        assert_ne!(here, there);
        assert_eq!(here.digest(&series, "nas").unwrap(), there.digest(&series, "nas").unwrap());

        there.cover(window(100, 101));
        assert_ne!(here.digest(&series, "nas").unwrap(), there.digest(&series, "nas").unwrap());
    }

    #[test]
    fn a_remote_is_never_told_of_a_period_that_only_another_holds() {
        let mut ledger = Ledger::default();
        let at = |text: &str| Micros::parse(text, &crate::model::Zone::UTC).unwrap();
        let all = Window::new(at("2022-01-01"), at("2024-01-01")).unwrap();
        ledger.cover(all);
        ledger.files.insert("2022".into(), entry(10, 1, "aa"));
        ledger.files.insert("2023".into(), entry(20, 2, "bb"));
        ledger.verified("nas", &[verified("2022", Part::File, "aa")]);
        ledger.files.get_mut("2022").unwrap().remote_only = true;

        assert_eq!(ledger.copy_for("nas", Kind::Ohlc), ledger.copy());
        let other = ledger.copy_for("bucket", Kind::Ohlc);

        assert_eq!(other.files.keys().collect::<Vec<_>>(), ["2023"]);
        assert_eq!(other.covered.first(), Window::new(at("2023-01-01"), at("2024-01-01")));
    }

    #[test]
    fn files_are_copied_oldest_first_each_before_its_open_one_until_they_are_verified() {
        let mut ledger = ledger();
        let names = |ledger: &Ledger| -> Vec<String> {
            ledger.unverified("nas", None).iter().map(|(name, part, _)| part.file_name(name)).collect()
        };
        assert_eq!(names(&ledger), ["2022.parquet", "2023.parquet", "2023_open.parquet"]);

        // The second was replaced while it was copied: what was verified is another file.
        ledger.verified("nas", &[verified("2022", Part::File, "aa"), verified("2023", Part::File, "old")]);

        assert_eq!(names(&ledger), ["2023.parquet", "2023_open.parquet"]);
        assert_eq!(ledger.unverified("bucket", None).len(), 3);
    }

    #[test]
    fn a_copy_that_covers_more_or_has_more_rows_is_told_from_one_that_may_be_replaced() {
        let (here, mut there) = (ledger(), ledger());
        assert_eq!(here.restore_needed(&there), None);

        there.open_files.get_mut("2023").unwrap().rows = 6;
        assert_eq!(here.restore_needed(&there), Some(RestoreNeeded::Period("2023".into())));
        // Not newer than the file beside it, an open file counts for nothing.
        there.open_files.get_mut("2023").unwrap().generation = 2;
        assert_eq!(here.restore_needed(&there), None);

        there.cover(window(100, 120));
        assert_eq!(here.restore_needed(&there), Some(RestoreNeeded::Window(window(100, 120))));
    }

    #[test]
    fn only_files_verified_elsewhere_and_done_growing_may_be_dropped() {
        let mut ledger = ledger();
        ledger.files.insert("2024".into(), entry(1, 4, "dd"));
        assert_eq!(ledger.droppable("2022"), None);
        let all = [("2022", "aa"), ("2023", "bb"), ("2024", "dd")];
        ledger.verified("nas", &all.map(|(period, hash)| verified(period, Part::File, hash)));

        assert!(ledger.droppable("2022").is_some());
        assert_eq!(ledger.droppable("2023"), None, "rows beside it are not in it yet");
        assert_eq!(ledger.droppable("2024"), None, "the newest period");
        ledger.files.get_mut("2022").unwrap().remote_only = true;
        assert_eq!(ledger.droppable("2022"), None, "dropped already");
    }
}
