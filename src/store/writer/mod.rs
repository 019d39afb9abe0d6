//! The one writer of a series: it accepts pages into the journal and publishes them.

mod bring;
mod flush;
mod late;
mod odd;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{Batch, Micros, Series, Window, Windows};
use crate::store::journal::{MOST_ROWS, Rows};
use crate::store::merge::{Tally, keys, merge_onto, tidy};
use crate::store::owner::Shared;
use crate::store::place::Place;
use crate::store::recover::recover;
use crate::store::{Finding, FindingKind, Ledger, Mark, Note, Part, Period, Published, StoreError};

/// Rows and what they prove, taken together.
#[derive(Debug)]
pub struct Accepted {
    /// The rows of one answer that lie in the window asked for.
    pub rows: Batch,
    /// What the answer proves to be covered.
    pub covered: Option<Window>,
    /// What the answer proves to be empty.
    pub empty: Option<Window>,
    /// The rows were computed by us: they stand back behind rows the exchange itself sent.
    pub derived: bool,
}

/// What a flush made durable.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// The files, in the order they were written.
    pub files: Vec<Published>,
    /// Rows stored, revised and repeated.
    pub tally: Tally,
    /// Files of large periods that were written anew, with rows of the open file beside them or late ones.
    pub folds: u64,
}

/// The writer of a series. There is one at a time; what it leaves unpublished waits for the next.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    place: Place,
    ledger: Ledger,
    /// The ledger as it is on disk differs from `ledger`.
    unwritten: bool,
    waiting: Waiting,
    /// Generations of the files this writer wrote itself: those need not be hashed before they are copied from.
    written: Vec<u64>,
}

/// What is accepted and not published.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Rows in order; of a key asked twice the later answer.
    pub(crate) rows: Batch,
    since: Option<Instant>,
    covered: Vec<Window>,
    derived: Vec<Window>,
    empty: Vec<Window>,
    /// Why windows are gaps, where rows could not be taken.
    notes: Vec<Note>,
    /// The last journal frame that is in it.
    last: Option<Mark>,
}

/// Why two empty answers settle a window.
const TWO_EMPTY: &str = "the exchange answered twice that it has nothing here";

/// Why rows of a book that an earlier owner took are a gap.
pub(crate) const EARLIER: &str = "book rows of an earlier owner of the series were set aside";

impl Waiting {
    pub(crate) fn nothing(series: &Series) -> Self {
        Waiting {
            rows: Batch::of(series.kind()),
            since: None,
            covered: Vec::new(),
            derived: Vec::new(),
            empty: Vec::new(),
            notes: Vec::new(),
            last: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none() && self.notes.is_empty()
    }

    fn take(&mut self, page: Rows, position: Mark) {
        if self.rows.is_empty() {
            self.rows = page.rows;
        } else {
            merge_onto(&mut self.rows, &page.rows);
        }
        if page.derived {
            self.derived.extend(page.covered);
        } else {
            self.covered.extend(page.covered);
        }
        self.empty.extend(page.empty);
        self.last = Some(position);
        self.since.get_or_insert_with(Instant::now);
    }
}

impl Writer {
    /// Opens a series, making its ledger and its files agree first.
    pub(crate) fn open(shared: Arc<Shared>, series: &Series) -> Result<(Self, Vec<Finding>), StoreError> {
        let place = Place::new(Arc::clone(&shared.disk), Arc::clone(&shared.folders), &shared.layout, series);
        let recovered = recover(&place)?;
        let waiting = shared.hand_over(series);
        let mut writer = Writer {
            shared,
            place,
            ledger: recovered.ledger,
            unwritten: recovered.is_changed || !recovered.findings.is_empty(),
            waiting,
            written: Vec::new(),
        };
        if writer.unwritten {
            // A name that is seen need not be durable; what the ledger is about to speak of must be.
            writer.sync_names()?;
            writer.write_ledger()?;
        }
        Ok((writer, recovered.findings))
    }

    /// The ledger as published; accepted rows that are not published yet are not in it.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The series.
    #[must_use]
    pub fn series(&self) -> &Series {
        &self.place.series
    }

    /// Rows accepted and not published yet.
    #[must_use]
    pub fn waiting_rows(&self) -> usize {
        self.waiting.rows.len()
    }

    /// What is settled, accepted pages included: what need not be asked for now.
    #[must_use]
    pub fn settled(&self) -> Windows {
        let waiting = &self.waiting;
        let mut settled = self.ledger.settled();
        waiting
            .covered
            .iter()
            .chain(&waiting.derived)
            .chain(&waiting.empty)
            .for_each(|window| settled.add(*window));
        settled
    }

    /// Changes what the ledger says beside coverage: what is wanted, what is unfillable, why a gap is one.
    pub fn account(&mut self, change: impl FnOnce(&mut Ledger)) {
        let before = self.ledger.clone();
        change(&mut self.ledger);
        self.unwritten |= self.ledger != before;
    }

    /// Takes back what two empty answers claimed of a window; gives the parts that are open again.
    pub fn doubt_empty(&mut self, window: Window) -> Windows {
        let mut claimed: Windows = self.waiting.empty.drain(..).collect();
        let mut doubted = claimed.within(window);
        claimed.remove(window);
        self.waiting.empty.extend(claimed.iter());
        doubted.add_all(&self.ledger.doubt_empty(window, TWO_EMPTY));
        self.unwritten |= !doubted.is_empty();
        // What was covered meanwhile stays so.
        let covered: Windows = self.waiting.covered.iter().copied().collect();
        doubted.remove_all(&covered);
        doubted
    }

    /// Accepts the rows of one answer with what they prove: when this returns they survive the end of the
    /// process. Says how many the answer itself repeated.
    ///
    /// # Errors
    /// Where the journal cannot be written. Nothing is accepted then, and the window's gap has its reason.
    pub fn accept(&mut self, page: Accepted) -> Result<u64, StoreError> {
        let (rows, repeats) = tidy(page.rows);
        let (covered, empty, derived) = (page.covered, page.empty, page.derived);
        let rows = if derived { self.without_own(&rows) } else { rows };
        if rows.is_empty() && covered.is_none() && empty.is_none() {
            return Ok(repeats);
        }
        let (mut from, fence) = (0, self.ledger.fence);
        // What a page proves is in the frame of its last rows, so that it is never there without them.
        while rows.len() - from > MOST_ROWS {
            let part = rows.slice(from..from + MOST_ROWS);
            self.journal(Rows { rows: part, covered: None, empty: None, derived, fence })?;
            from += MOST_ROWS;
        }
        let rows = if from == 0 { rows } else { rows.slice(from..rows.len()) };
        self.journal(Rows { rows, covered, empty, derived, fence })?;
        Ok(repeats)
    }

    fn journal(&mut self, page: Rows) -> Result<(), StoreError> {
        match self.shared.append(&self.place.series, &page) {
            Ok(mark) => {
                self.waiting.take(page, mark);
                Ok(())
            }
            Err(error) => {
                let reason = format!("its rows were not taken: {error}");
                let window = page.covered.or_else(|| {
                    let (first, last) = page.rows.ends()?;
                    Window::new(first, last + Duration::from_micros(1))
                });
                window
                    .into_iter()
                    .for_each(|window| self.note_refused(Note { window, reason: reason.clone() }));
                Err(error)
            }
        }
    }

    /// Refused again and again, a window has one note.
    fn note_refused(&mut self, note: Note) {
        self.waiting.notes.retain(|old| old.window.meet(note.window) != Some(old.window));
        self.waiting.notes.push(note);
    }

    /// Makes the names of the series' files durable.
    pub(crate) fn sync_names(&self) -> Result<(), StoreError> {
        let (disk, folder) = (&self.place.disk, &self.place.folder);
        let synced = disk.look(folder).and_then(|found| found.map_or(Ok(()), |_| disk.sync_folder(folder)));
        synced.map_err(StoreError::io("syncing", folder))
    }

    /// Says why windows may be gaps, once what waits is published.
    pub(crate) fn note(&mut self, note: Note) {
        self.waiting.notes.push(note);
    }

    /// Derived rows stand back where the exchange's own are.
    fn without_own(&self, rows: &Batch) -> Batch {
        let mut own = self.ledger.covered.clone();
        own.remove_all(&self.ledger.derived);
        self.waiting.covered.iter().for_each(|window| own.add(*window));
        let kept: Vec<usize> = (0..rows.len()).filter(|row| !own.holds(Micros(rows.ts()[*row]))).collect();
        rows.gather(&kept)
    }

    /// The `ord` of the next update of a book: one more than the highest ever given in the series, whatever day it was of.
    #[must_use]
    pub fn next_ord(&self) -> i64 {
        let waiting = keys(&self.waiting.rows).last().copied();
        self.ledger.last_ord.max(waiting).map_or(0, |last| last + 1)
    }

    /// Reads every file and sets those aside that are not what the ledger's hash says; their windows are gaps.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn set_aside_damaged(&mut self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        for part in [Part::File, Part::Open] {
            let entries: Vec<_> = self.ledger.part(part).clone().into_iter().collect();
            for (name, entry) in entries {
                let Some(period) = Period::named(self.place.series.kind(), &name) else { continue };
                if entry.remote_only {
                    continue;
                }
                let checked = self.place.open(&period, part).and_then(|file| file.hashes());
                let reason = match checked {
                    Ok(hashes) if hashes.whole == entry.sha256 => continue,
                    Ok(_) => "its content is not what the ledger's hash says".to_owned(),
                    Err(StoreError::Damaged { reason, .. }) => reason,
                    // Our entry in its footer is gone: the file we wrote is not this one.
                    Err(StoreError::Foreign { .. }) => "our entry is missing from its footer".to_owned(),
                    Err(error) => return Err(error),
                };
                let path = self.place.path(&name, part);
                self.lose(&period, path.clone(), reason.clone())?;
                findings.push(Finding { kind: FindingKind::Quarantined, path, detail: reason });
                // A copy takes its place at once; where it cannot, the ledger says that it is on remotes only.
                if self.bring(&period, part).is_ok() && self.unwritten {
                    self.write_ledger()?;
                }
            }
        }
        Ok(findings)
    }

    /// A damaged file goes aside and what it covered is a gap, before the error is handed on.
    fn lose(&mut self, period: &Period, path: PathBuf, reason: String) -> Result<StoreError, StoreError> {
        let is_open = path == self.place.path(&period.name, Part::Open);
        self.place.set_aside(&path)?;
        let part = if is_open { Part::Open } else { Part::File };
        self.ledger.drop_file(period, part, "its file was damaged and set aside");
        self.write_ledger()?;
        Ok(StoreError::Damaged { path, reason })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let nothing = Waiting::nothing(&self.place.series);
        let waiting = std::mem::replace(&mut self.waiting, nothing);
        self.shared.hand_back(&self.place.series, waiting);
    }
}

impl Ledger {
    /// Enters a file that now stands under its name.
    pub(crate) fn enter(&mut self, published: &Published) {
        self.generation = self.generation.max(published.entry.generation);
        self.saw_ord(published.last_ord);
        self.part_mut(published.part).insert(published.period.clone(), published.entry.clone());
    }
}

/// The period of the row at `from`, and the first row behind of another.
fn period_at(rows: &Batch, from: usize) -> (Period, usize) {
    let ts = &rows.ts()[from..];
    let period = Period::of(rows.kind(), Micros(ts[0]));
    let inside = ts.iter().take_while(|ts| period.window.holds(Micros(**ts))).count();
    (period, from + inside)
}
