//! The one writer of a series: it accepts pages into the journal and publishes them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::disk::aside;
use crate::model::{Batch, Kind, Micros, Series, Window, Windows};
use crate::store::file::{Opened, PeriodFile};
use crate::store::fold::{Flush, Held};
use crate::store::journal::{MOST_ROWS, Rows};
use crate::store::merge::{Tally, keys, merge_onto, tidy};
use crate::store::owner::Shared;
use crate::store::place::Place;
use crate::store::recover::recover;
use crate::store::rows::GROUP_ROWS;
use crate::store::{
    FileEntry, Finding, FindingKind, Ledger, Mark, NotBrought, Note, Part, Period, Published, StoreError,
};

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
    /// Open files whose rows went into the file beside them.
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
            unwritten: !recovered.findings.is_empty(),
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

    /// Takes a frame of a process that ended, unless files or ledger hold it.
    pub(crate) fn replay(&mut self, mark: Mark, page: Rows) {
        let holds = |own: &Mark| own.journal == mark.journal && own.position >= mark.position;
        if self.ledger.journal.as_ref().is_some_and(holds) {
            return;
        }
        if page.fence < self.ledger.fence {
            let page = self.late_page(page);
            self.waiting.take(page, mark);
            return;
        }
        let kind = self.place.series.kind();
        // Published, though the process ended before the ledger said so: rows and coverage are in those files. A
        // frame that was refused and stands there all the same is in none of them, so its coverage is not either.
        let files = self.ledger.files.iter().chain(&self.ledger.open_files);
        let published: Vec<Window> = files
            .filter(|(_, file)| file.journal.as_ref().is_some_and(holds))
            .filter_map(|(name, _)| Some(Period::named(kind, name)?.window))
            .collect();
        let is_new = |ts: i64| !published.iter().any(|window| window.holds(Micros(ts)));
        let new: Vec<usize> = (0..page.rows.len()).filter(|row| is_new(page.rows.ts()[*row])).collect();
        let mut covered: Windows = page.covered.into_iter().collect();
        published.iter().for_each(|window| covered.remove(*window));
        let to = if page.derived { &mut self.waiting.derived } else { &mut self.waiting.covered };
        to.extend(covered.iter());
        self.waiting.take(Rows { rows: page.rows.gather(&new), covered: None, ..page }, mark);
    }

    /// Says why windows may be gaps, once what waits is published.
    pub(crate) fn note(&mut self, note: Note) {
        self.waiting.notes.push(note);
    }

    /// The newest instant that what is published or waits stands for.
    pub(crate) fn reach(&self) -> Option<Micros> {
        let waiting = self.waiting.covered.iter().map(|window| window.until).max();
        let rows = self.waiting.rows.ts().iter().max().map(|ts| Micros(*ts));
        waiting.max(rows).max(self.ledger.covered.last().map(|window| window.until))
    }

    /// From where what is published ends, or what waits begins, to the last instant that what waits speaks of.
    pub(crate) fn waiting_window(&self) -> Option<Window> {
        let windows = || self.waiting.covered.iter().chain(&self.waiting.derived).chain(&self.waiting.empty);
        let published = self.ledger.covered.last().map(|window| window.until);
        let from = windows().map(|window| window.from).chain(published).min()?;
        Window::new(from, windows().map(|window| window.until).max()?)
    }

    /// Accepts rows of an earlier ownership of the series: they prove nothing, and stand back where the series is
    /// covered. Gives how many were not there.
    ///
    /// # Errors
    /// See [`Writer::accept`].
    pub fn accept_late(&mut self, rows: Batch) -> Result<u64, StoreError> {
        let rows = self.outside_coverage(&rows);
        let taken = rows.len() as u64;
        self.accept(Accepted { rows, covered: None, empty: None, derived: false })?;
        Ok(taken)
    }

    /// What is left of a frame of an earlier ownership. Rows of books have no key over processes, so they are a
    /// gap; so is what was computed, which is computed again.
    fn late_page(&mut self, page: Rows) -> Rows {
        let kind = self.place.series.kind();
        let is_lost = kind == Kind::OrderBook;
        if let Some((first, last)) = page.rows.ends().filter(|_| is_lost) {
            let window = Window::new(first, last + Duration::from_micros(1));
            window.into_iter().for_each(|window| self.note(Note { window, reason: EARLIER.to_owned() }));
        }
        let rows = match is_lost || page.derived {
            true => Batch::of(kind),
            false => self.outside_coverage(&page.rows),
        };
        Rows { rows, covered: None, empty: None, derived: false, fence: self.ledger.fence }
    }

    fn outside_coverage(&self, rows: &Batch) -> Batch {
        let mut covered = self.ledger.covered.clone();
        self.waiting.covered.iter().chain(&self.waiting.derived).for_each(|window| covered.add(*window));
        let kept: Vec<usize> =
            (0..rows.len()).filter(|row| !covered.holds(Micros(rows.ts()[*row]))).collect();
        rows.gather(&kept)
    }

    /// Derived rows stand back where the exchange's own are.
    fn without_own(&self, rows: &Batch) -> Batch {
        let mut own = self.ledger.covered.clone();
        own.remove_all(&self.ledger.derived);
        self.waiting.covered.iter().for_each(|window| own.add(*window));
        let kept: Vec<usize> = (0..rows.len()).filter(|row| !own.holds(Micros(rows.ts()[*row]))).collect();
        rows.gather(&kept)
    }

    /// The `ord` of the next update of a book: one more than the highest of the series.
    ///
    /// # Errors
    /// Where the newest file cannot be read.
    pub fn next_ord(&self) -> Result<i64, StoreError> {
        let waiting = keys(&self.waiting.rows).last().copied();
        let newest = |part| self.ledger.part(part).keys().next_back().map(|name| (name.clone(), part));
        let mut last = waiting;
        for (name, part) in [Part::File, Part::Open].into_iter().filter_map(newest) {
            let Some(period) = Period::named(self.place.series.kind(), &name) else { continue };
            if self.ledger.is_away(&name) {
                return Err(self.remote_only(&period, part, "its last row is asked for".to_owned()));
            }
            last = last.max(self.place.open(&period, part)?.last_key());
        }
        Ok(last.map_or(0, |last| last + 1))
    }

    /// Whether enough waits, or long enough, that it should be published.
    #[must_use]
    pub fn wants_flush(&self, longest: Duration) -> bool {
        self.waiting.rows.len() >= GROUP_ROWS
            || self.waiting.since.is_some_and(|since| since.elapsed() >= longest)
    }

    /// Publishes everything accepted, then the ledger that speaks of it.
    ///
    /// # Errors
    /// A refusal of the operating system or of the encoder. Nothing accepted is forgotten: files
    /// published before the failure stay, and a later flush publishes all of it again.
    pub fn flush(&mut self) -> Result<Flushed, StoreError> {
        let flushed = self.publish();
        self.shared.tried_to_publish(&self.place.series, flushed.as_ref().err());
        flushed
    }

    fn publish(&mut self) -> Result<Flushed, StoreError> {
        let mut flushed = Flushed::default();
        for copied in self.shared.take_copied(&self.place.series) {
            copied.enter(&mut self.ledger);
            self.unwritten = true;
        }
        if !self.waiting.is_empty() {
            let rows = std::mem::replace(&mut self.waiting.rows, Batch::of(self.place.series.kind()));
            let published = self.publish_all(&rows, &mut flushed);
            self.waiting.rows = rows;
            published?;
            self.settle();
        }
        if self.unwritten {
            self.write_ledger()?;
        }
        // Only now: had the ledger not been written, all of it would be published again.
        self.waiting = Waiting::nothing(&self.place.series);
        self.shared.settled(&self.place.series)?;
        Ok(flushed)
    }

    fn publish_all(&mut self, rows: &Batch, flushed: &mut Flushed) -> Result<(), StoreError> {
        self.place.create_folder()?;
        let mut covered = self.ledger.covered.clone();
        let waiting = &self.waiting;
        waiting.covered.iter().chain(&waiting.derived).for_each(|window| covered.add(*window));
        let mut from = 0;
        while from < rows.len() {
            let (period, until) = period_at(rows, from);
            let part = match (from, until) == (0, rows.len()) {
                true => Cow::Borrowed(rows),
                false => Cow::Owned(rows.slice(from..until)),
            };
            self.publish_period(&period, &part, &covered, flushed)?;
            from = until;
        }
        // A period that is over by now is one file, whatever its open one holds.
        for period in self.open_and_over(&covered) {
            self.publish_period(&period, &Batch::of(rows.kind()), &covered, flushed)?;
        }
        Ok(())
    }

    fn open_and_over(&self, covered: &Windows) -> Vec<Period> {
        let is_over = |period: &Period| covered.holds(period.window.until - Duration::from_micros(1));
        let filled = self.ledger.open_files.iter().filter(|(_, open)| open.rows > 0);
        filled.filter_map(|(name, _)| Period::named(self.place.series.kind(), name)).filter(is_over).collect()
    }

    fn publish_period(
        &mut self,
        period: &Period,
        rows: &Batch,
        covered: &Windows,
        flushed: &mut Flushed,
    ) -> Result<(), StoreError> {
        for part in [Part::File, Part::Open] {
            self.bring(period, part)?;
        }
        let held = match self.held(period) {
            Err(StoreError::Damaged { path, reason }) => return Err(self.lose(period, path, reason)?),
            held => held?,
        };
        let flush = Flush {
            place: &self.place,
            period,
            // Higher than what stands there where a flush before failed between a file and the ledger.
            generation: self.ledger.generation.max(held.generation()),
            covered,
            journal: self.waiting.last.or_else(|| self.mark_of(period)),
            small_rows: self.shared.bounds.small_rows,
        };
        let published = held.flush(&flush, rows)?;
        flushed.tally.add(published.tally);
        flushed.folds += published.folds;
        for file in published.files {
            self.ledger.enter(&file);
            self.written.push(file.entry.generation);
            self.unwritten = true;
            flushed.files.push(file);
        }
        Ok(())
    }

    /// Brings a file back that is on remotes only.
    fn bring(&mut self, period: &Period, part: Part) -> Result<(), StoreError> {
        let entry = self.ledger.part(part).get(&period.name);
        let Some(entry) = entry.filter(|entry| entry.remote_only).cloned() else { return Ok(()) };
        let to = self.aside(period, part)?;
        let later = || Err(NotBrought::Later("no remote is configured".to_owned()));
        let name = part.file_name(&period.name);
        let brought = self
            .shared
            .bring()
            .map_or_else(later, |bring| bring.bring(&self.place.series, &name, &entry, &to));
        let reason = match brought {
            Ok(()) => return self.take_in(period, part, entry, &to),
            Err(NotBrought::Later(reason)) => reason,
            Err(NotBrought::Gone(reason)) => {
                self.ledger.part_mut(part).entry(period.name.clone()).or_default().remotes.clear();
                self.ledger.drop_file(period, part, "its copies on the remotes are gone");
                self.write_ledger()?;
                format!("{reason}; its windows are gaps now")
            }
        };
        let _ = self.place.disk.remove(&to);
        Err(self.remote_only(period, part, reason))
    }

    /// Where a file of a period is written before it takes its name.
    ///
    /// # Errors
    /// Where the folder of the series cannot be created.
    pub fn aside(&self, period: &Period, part: Part) -> Result<PathBuf, StoreError> {
        self.place.create_folder()?;
        Ok(aside(&self.place.path(&period.name, part)))
    }

    /// Takes in a file from elsewhere that lies at `from`, if it is the one its entry speaks of; the ledger is
    /// written by the next flush.
    ///
    /// # Errors
    /// [`StoreError::RemoteOnly`] where it is another one, which is removed, or a refusal of the operating system.
    pub fn take_in(
        &mut self,
        period: &Period,
        part: Part,
        entry: FileEntry,
        from: &Path,
    ) -> Result<(), StoreError> {
        let is_whole = match self.place.look_into(from)? {
            Opened::Ours(file) => file.hashes()?.whole == entry.sha256,
            Opened::Foreign | Opened::Damaged(_) => false,
        };
        if !is_whole {
            let _ = self.place.disk.remove(from);
            let reason = "what came is not what the ledger's hash says".to_owned();
            return Err(self.remote_only(period, part, reason));
        }
        let path = self.place.path(&period.name, part);
        self.place.disk.take_name(from, &path).map_err(StoreError::io("renaming", &path))?;
        let found = self.place.disk.look(&path).map_err(StoreError::io("looking at", &path))?;
        let modified = found.map_or(0, |found| found.modified);
        self.ledger.generation = self.ledger.generation.max(entry.generation);
        let entry = FileEntry { modified, remote_only: false, ..entry };
        self.ledger.part_mut(part).insert(period.name.clone(), entry);
        self.unwritten = true;
        Ok(())
    }

    fn remote_only(&self, period: &Period, part: Part, reason: String) -> StoreError {
        let path = self.place.path(&period.name, part);
        StoreError::RemoteOnly { series: self.place.series.to_string(), path, reason }
    }

    /// What a period's files hold of the journal already.
    fn mark_of(&self, period: &Period) -> Option<Mark> {
        let mark = |part| self.ledger.part(part).get(&period.name)?.journal;
        mark(Part::Open).or_else(|| mark(Part::File))
    }

    /// The files of a period, found to be what their digests say before anything is copied from them.
    fn held(&self, period: &Period) -> Result<Held, StoreError> {
        let get = |part: Part| -> Result<Option<Box<PeriodFile>>, StoreError> {
            if !self.ledger.part(part).contains_key(&period.name) {
                let path = self.place.path(&period.name, part);
                let found = self.place.disk.look(&path).map_err(StoreError::io("looking at", &path))?;
                return if found.is_some() { Err(StoreError::Foreign { path }) } else { Ok(None) };
            }
            let file = self.place.open(period, part)?;
            if !self.written.contains(&file.footer().generation)
                && file.hashes()?.body != file.footer().body_sha256
            {
                let reason = "its content is not what its digest says".to_owned();
                return Err(StoreError::Damaged { path: file.path().to_owned(), reason });
            }
            Ok(Some(file))
        };
        Ok(Held::of(get(Part::File)?, get(Part::Open)?))
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

    /// The files speak for the accepted pages now, so the ledger may.
    fn settle(&mut self) {
        let (waiting, ledger) = (&self.waiting, &mut self.ledger);
        let proven = waiting.covered.iter().chain(&waiting.derived).chain(&waiting.empty);
        if let Some(earliest) = proven.map(|window| window.from).min() {
            ledger.wanted_since.get_or_insert(earliest);
        }
        for window in &waiting.covered {
            ledger.cover(*window);
            ledger.derived.remove(*window);
        }
        for window in &waiting.derived {
            let computed = ledger.covered.missing(*window);
            ledger.derived.add_all(&computed);
            ledger.cover(*window);
        }
        waiting.empty.iter().for_each(|window| ledger.confirm_empty(*window, TWO_EMPTY));
        for note in &waiting.notes {
            let open = ledger.settled().missing(note.window);
            open.iter().for_each(|window| ledger.note(window, &note.reason));
        }
        ledger.journal = waiting.last.or(ledger.journal);
        self.unwritten = true;
    }

    fn write_ledger(&mut self) -> Result<(), StoreError> {
        self.place.create_folder()?;
        self.ledger.write_on(&*self.place.disk, &self.place.ledger(), &self.place.series)?;
        self.unwritten = false;
        Ok(())
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
