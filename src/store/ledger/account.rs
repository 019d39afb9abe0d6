//! The ledger of a series: what is wanted, what is covered, and the files that hold it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, Os};
use crate::model::{Micros, Series, Window, Windows, foreign};
use crate::store::{Mark, StoreError};
use crate::telemetry::{Reason, trace};

/// The account of one series, in `_series.json` beside its files.
///
/// A window of candles speaks of their opens. What is wanted and in none of `covered`, `empty` and
/// `unfillable` is a gap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// The earliest instant ever asked for.
    pub wanted_since: Option<Micros>,
    /// Windows whose rows are stored, quiet stretches included.
    pub covered: Windows,
    /// Windows in which the exchange has nothing, with how that is known.
    pub empty: Vec<Note>,
    /// Windows the exchange cannot give, with the reason.
    pub unfillable: Vec<Note>,
    /// Windows of rows computed by us rather than sent by the exchange.
    pub derived: Windows,
    /// Why a gap is one, where that is known.
    pub notes: Vec<Note>,
    /// The file of each period, by the period's name.
    pub files: BTreeMap<String, FileEntry>,
    /// The open file beside it, where there is one.
    pub open_files: BTreeMap<String, FileEntry>,
    /// The highest generation ever given to a file of this series.
    pub generation: u64,
    /// Journal frames of this series up to here are settled: in the files, and in this account.
    pub journal: Option<Mark>,
    /// Rows of frames up to here were published, and some of them were lost with their file.
    pub lost_until: Option<Mark>,
    /// The remotes that hold this account, with its [digest](Ledger::digest) when that was verified there.
    pub synced: BTreeMap<String, String>,
    /// The ownership this account was written under; a lower one never replaces a higher one in a bucket.
    pub fence: u64,
    /// The highest number ever given to an update of this series, which is a book. It only grows, whatever becomes of
    /// the files.
    pub last_ord: Option<i64>,
    /// It was written when open files had their older names.
    pub is_older: bool,
    /// The remotes that may still hold the open file of a period under its older name.
    pub older_names: BTreeMap<String, BTreeSet<String>>,
}

/// A window with a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The window.
    pub window: Window,
    /// The reason.
    pub reason: String,
}

/// A published file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Rows in it.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of all of it, in hexadecimal.
    pub sha256: String,
    /// Its generation.
    pub generation: u64,
    /// `ts` of its first row, in microseconds.
    pub first: i64,
    /// `ts` of its last row, in microseconds.
    pub last: i64,
    /// When it was last modified here, in microseconds: a file unchanged since need not be hashed again.
    pub modified: i64,
    /// The last journal frame of the series that is in it.
    #[serde(default)]
    pub journal: Option<Mark>,
    /// The remotes where this very file was verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remotes: Vec<String>,
    /// It was dropped here to make room and is on its remotes only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub remote_only: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Reasons of gaps kept per series; older ones give way, since they only explain and never decide.
const MOST_NOTES: usize = 1_000;

/// A ledger as read from its path.
#[derive(Debug)]
pub(crate) enum Read {
    /// A ledger.
    Ledger(Box<Ledger>),
    /// None.
    Absent,
    /// Something that is no ledger of this series, with the reason.
    Damaged(String),
}

impl Ledger {
    /// Reads the ledger at a path; an absent one is empty.
    ///
    /// # Errors
    /// Where the operating system refuses, or what is there is no ledger of this series.
    pub fn read(path: &Path, series: &Series) -> Result<Option<Ledger>, StoreError> {
        match Ledger::look(&Os, path, series)? {
            Read::Ledger(ledger) => Ok(Some(*ledger)),
            Read::Absent => Ok(None),
            Read::Damaged(reason) => {
                Err(StoreError::io("reading", path)(io::Error::new(io::ErrorKind::InvalidData, reason)))
            }
        }
    }

    pub(crate) fn look(disk: &dyn Disk, path: &Path, series: &Series) -> Result<Read, StoreError> {
        let bytes = match disk.read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Read::Absent),
            Err(error) => return Err(StoreError::io("reading", path)(error)),
        };
        Ok(match Ledger::decode(&bytes, series) {
            Ok(ledger) => Read::Ledger(Box::new(ledger)),
            Err(reason) => Read::Damaged(reason),
        })
    }

    /// Writes the ledger, whole or not at all.
    ///
    /// # Errors
    /// Any refusal of the operating system; the old ledger then stands.
    pub fn write(&self, path: &Path, series: &Series) -> Result<(), StoreError> {
        self.write_on(&Os, path, series)
    }

    pub(crate) fn write_on(&self, disk: &dyn Disk, path: &Path, series: &Series) -> Result<(), StoreError> {
        let write = || {
            let encoded =
                self.encode(series).map_err(io::Error::other).map_err(StoreError::io("encoding", path));
            let written = encoded
                .and_then(|encoded| disk.replace(path, &encoded).map_err(StoreError::io("writing", path)));
            written.inspect_err(|error| trace::failed(Reason::Storage.name(), error))
        };
        trace::ledger_write(series).in_scope(write)
    }

    /// Everything that need not be asked for: covered, confirmed empty or unfillable.
    #[must_use]
    pub fn settled(&self) -> Windows {
        let mut settled = self.covered.clone();
        self.empty.iter().chain(&self.unfillable).for_each(|note| settled.add(note.window));
        settled
    }

    /// A window the account puts into two states at once, which it never should.
    #[must_use]
    pub fn contradiction(&self) -> Option<Window> {
        let absent = self.empty.iter().chain(&self.unfillable);
        absent.filter_map(|note| self.covered.within(note.window).first()).next()
    }

    /// Windows wanted before `until` and not settled.
    #[must_use]
    pub fn gaps(&self, until: Micros) -> Windows {
        let wanted = self.wanted_since.and_then(|since| Window::new(since, until));
        wanted.map(|window| self.settled().missing(window)).unwrap_or_default()
    }

    /// Why a gap is one, where a note touches it.
    #[must_use]
    pub fn reason(&self, gap: Window) -> Option<&str> {
        self.notes
            .iter()
            .rev()
            .find(|note| note.window.intersection(gap).is_some())
            .map(|note| note.reason.as_str())
    }

    /// Records that a window's rows are stored.
    pub fn cover(&mut self, window: Window) {
        self.covered.add(window);
        // A row that turned up after all ends what was said of its absence.
        cut(&mut self.empty, window);
        cut(&mut self.unfillable, window);
        cut(&mut self.notes, window);
    }

    /// Records that the exchange has nothing in a window; what is covered stays covered.
    pub fn confirm_empty(&mut self, window: Window, reason: &str) {
        for part in self.covered.missing(window).iter() {
            insert(&mut self.empty, part, reason);
            cut(&mut self.notes, part);
        }
    }

    /// Takes back what was confirmed empty within a window for one reason; returns the parts.
    pub fn doubt_empty(&mut self, window: Window, reason: &str) -> Windows {
        let (mut doubted, mut kept) = (Windows::new(), Vec::with_capacity(self.empty.len()));
        for note in self.empty.drain(..) {
            let mut rest = Windows::from(note.window);
            if note.reason == reason {
                rest.remove(window);
                note.window.intersection(window).into_iter().for_each(|part| doubted.add(part));
            }
            kept.extend(rest.iter().map(|window| Note { window, reason: note.reason.clone() }));
        }
        self.empty = kept;
        doubted
    }

    /// Records that the exchange cannot give a window.
    pub fn give_up(&mut self, window: Window, reason: &str) {
        for part in self.settled().missing(window).iter() {
            insert(&mut self.unfillable, part, reason);
        }
    }

    /// Records why a window is a gap.
    pub fn note(&mut self, window: Window, reason: &str) {
        cut(&mut self.notes, window);
        insert(&mut self.notes, window, reason);
        let surplus = self.notes.len().saturating_sub(MOST_NOTES);
        self.notes.drain(..surplus);
    }

    /// Takes a window back: its rows are no longer here.
    pub fn forget(&mut self, window: Window, reason: &str) {
        let lost = self.covered.within(window);
        self.covered.remove(window);
        self.derived.remove(window);
        lost.iter().for_each(|part| self.note(part, reason));
    }

    /// Whether rows of a frame may be among those that were lost with their file.
    pub(crate) fn has_lost(&self, frame: Mark) -> bool {
        self.lost_until.is_some_and(|own| own.holds(frame))
    }

    /// A file of the series, which is a book, holds updates up to this number.
    pub(crate) fn saw_ord(&mut self, ord: Option<i64>) {
        self.last_ord = self.last_ord.max(ord);
    }

    /// The names of the periods that have a file, oldest first.
    pub fn periods(&self) -> impl Iterator<Item = &str> {
        let lone = self.open_files.keys().filter(|name| !self.files.contains_key(*name));
        let mut names: Vec<&str> = self.files.keys().chain(lone).map(String::as_str).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Every file, open ones included.
    pub fn entries(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.values().chain(self.open_files.values())
    }

    /// Rows over all files.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.entries().map(|file| file.rows).sum()
    }

    /// Bytes over all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries().map(|file| file.bytes).sum()
    }

    /// `ts` of the oldest and of the newest row.
    #[must_use]
    pub fn ends(&self) -> Option<(Micros, Micros)> {
        let filled = || self.entries().filter(|file| file.rows > 0);
        let first = filled().map(|file| file.first).min()?;
        let last = filled().map(|file| file.last).max()?;
        Some((Micros(first), Micros(last)))
    }
}

fn cut(notes: &mut Vec<Note>, window: Window) {
    let mut kept = Vec::with_capacity(notes.len());
    for note in notes.drain(..) {
        let mut rest = Windows::from(note.window);
        rest.remove(window);
        kept.extend(rest.iter().map(|window| Note { window, reason: note.reason.clone() }));
    }
    *notes = kept;
}

/// Adds a note in order; joined with a neighbour of the same reason that it touches.
fn insert(notes: &mut Vec<Note>, window: Window, reason: &str) {
    let reason = foreign(reason);
    let touching = |note: &Note| {
        note.reason == reason && note.window.from <= window.until && window.from <= note.window.until
    };
    let joined = notes.iter().filter(|note| touching(note)).fold(window, |joined, note| Window {
        from: joined.from.min(note.window.from),
        until: joined.until.max(note.window.until),
    });
    notes.retain(|note| !touching(note));
    let place = notes.partition_point(|note| note.window.from < joined.from);
    notes.insert(place, Note { window: joined, reason });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, until: i64) -> Window {
        Window::new(Micros(from), Micros(until)).unwrap()
    }

    #[test]
    fn every_wanted_instant_is_in_exactly_one_of_four_states() {
        let mut ledger = Ledger { wanted_since: Some(Micros(0)), ..Ledger::default() };
        ledger.cover(window(10, 20));
        ledger.confirm_empty(window(0, 15), "before listing");
        ledger.give_up(window(30, 40), "only 720 candles back");
        assert_eq!(ledger.empty, [Note { window: window(0, 10), reason: "before listing".to_owned() }]);
        assert_eq!(ledger.gaps(Micros(50)).iter().collect::<Vec<_>>(), [window(20, 30), window(40, 50)]);
    }

    #[test]
    fn rows_that_turn_up_end_what_was_said_of_their_absence() {
        let mut ledger = Ledger { wanted_since: Some(Micros(0)), ..Ledger::default() };
        ledger.confirm_empty(window(0, 10), "two empty answers");
        ledger.note(window(20, 30), "three attempts failed");
        ledger.cover(window(4, 6));
        ledger.cover(window(20, 30));
        assert_eq!(
            ledger.empty.iter().map(|note| note.window).collect::<Vec<_>>(),
            [window(0, 4), window(6, 10)]
        );
        assert!(ledger.notes.is_empty() && ledger.gaps(Micros(10)).is_empty());
    }

    #[test]
    fn a_window_that_was_lost_is_a_gap_with_its_reason() {
        let mut ledger = Ledger { wanted_since: Some(Micros(0)), ..Ledger::default() };
        ledger.cover(window(0, 10));
        ledger.forget(window(5, 90), "its file is gone");
        assert_eq!(ledger.gaps(Micros(10)).first(), Some(window(5, 10)));
        assert_eq!(ledger.reason(window(5, 10)), Some("its file is gone"));
    }

    #[test]
    fn a_ledger_with_any_byte_changed_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("_series.json");
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let mut ledger = Ledger::default();
        ledger.cover(window(3, 9));
        ledger.write(&path, &series).unwrap();
        let whole = Os.read(&path).unwrap();

        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            Os.replace(&path, &flipped).unwrap();
            assert!(matches!(Ledger::look(&Os, &path, &series), Ok(Read::Damaged(_))), "byte {at}");
        }
    }

    #[test]
    fn a_ledger_reads_back_as_it_was_written_and_another_series_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("_series.json");
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let mut ledger = Ledger { wanted_since: Some(Micros(3)), generation: 7, ..Ledger::default() };
        ledger.cover(window(3, 9));
        ledger.note(window(9, 12), "three attempts failed");
        let entry = FileEntry {
            rows: 1,
            bytes: 2,
            sha256: "ab".into(),
            generation: 7,
            first: 3,
            last: 4,
            modified: 5,
            ..FileEntry::default()
        };
        ledger.files.insert("2024".into(), entry);

        ledger.write(&path, &series).unwrap();

        assert_eq!(Ledger::read(&path, &series).unwrap(), Some(ledger));
        assert!(Ledger::read(&path, &"binance/BTC-USDT/ohlc/1d".parse().unwrap()).is_err());
    }
}
