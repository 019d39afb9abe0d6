//! Reading the journal of the process before: what files and ledgers do not hold is published, then its segments go.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, is_aside};
use crate::model::{Micros, Series, Window};
use crate::store::journal::{Damage, Entry, Found, scan};
use crate::store::shared::Shared;
use crate::store::{Finding, FindingKind, Note, StoreError, Writer};

/// The outcome of opening a store.
#[derive(Debug, Default)]
pub struct Replay {
    /// Whole frames in the journal of the process before.
    pub frames: u64,
    /// Rows of them that were not published yet.
    pub rows: u64,
    /// Whether that process ended in good order, or there was none.
    pub is_clean: bool,
    /// Damaged files and frames, each with its series where that is known.
    pub findings: Vec<(Option<Series>, Finding)>,
    /// Series whose rows could not be published; they stay in the journal and are tried again.
    pub failures: Vec<(Series, StoreError)>,
}

/// The journal of the process before, as it is read.
pub(crate) struct Replaying<'a> {
    shared: &'a Arc<Shared>,
    /// None for a series that cannot be opened.
    writers: HashMap<Series, Option<Writer>>,
    /// Positions of the first and the last frame of each series.
    frames: HashMap<Series, (u64, u64)>,
    out: Replay,
}

impl Replaying<'_> {
    /// Reads the journal, and publishes what files and ledgers do not hold.
    pub(crate) fn run(shared: &Arc<Shared>, now: Micros) -> Result<Replay, StoreError> {
        let mut replaying =
            Replaying { shared, writers: HashMap::new(), frames: HashMap::new(), out: Replay::default() };
        let Shared { disk, layout, journal, .. } = &**shared;
        for folder in [layout.journal(), layout.quarantine()] {
            sweep(&**disk, &folder).map_err(StoreError::io("tidying", &folder))?;
        }
        let scanned = scan(&**disk, &layout.journal(), &mut |found, entry| {
            replaying.take(found, entry);
            Ok(())
        })?;
        replaying.out.frames = scanned.frames;
        replaying.out.is_clean = scanned.is_clean || scanned.segments.is_empty();
        if !replaying.out.is_clean {
            replaying.note_the_end(now);
        }
        if scanned.damages.iter().any(|damage| !damage.is_tail) {
            replaying.note_damage();
        }
        for damage in &scanned.damages {
            replaying.keep_aside(damage)?;
        }
        journal.go_on_after(&scanned);
        replaying.publish_everything(scanned.next_position());
        journal.release()?;
        Ok(replaying.out)
    }

    fn take(&mut self, found: Found, entry: Entry) {
        let Some(series) = entry.series().cloned() else { return };
        let at = found.mark.position;
        self.frames.entry(series.clone()).and_modify(|frames| frames.1 = at).or_insert((at, at));
        if !self.writers.contains_key(&series) {
            let writer = self.open(&series);
            self.writers.insert(series.clone(), writer);
        }
        let Some(Some(writer)) = self.writers.get(&series) else { return };
        let before = writer.waiting_rows();
        writer.own.intake().replay(found.mark, entry);
        self.out.rows += writer.waiting_rows().saturating_sub(before) as u64;
        // A publish would hide that frames behind it were not found, and words still to come rely on that.
        if writer.waiting_rows() >= self.shared.bounds.replayed_rows && !found.is_after_hole {
            // Its frames stay until all of them are read, so a failure here loses nothing.
            if let Err(error) = writer.flush() {
                self.out.failures.push((series, error));
            }
        }
    }

    fn open(&mut self, series: &Series) -> Option<Writer> {
        match Writer::open(self.shared, series) {
            Ok((writer, findings)) => {
                let findings = findings.into_iter().map(|finding| (Some(series.clone()), finding));
                self.out.findings.extend(findings);
                Some(writer)
            }
            Err(error) => {
                self.out.failures.push((series.clone(), error));
                None
            }
        }
    }

    /// Rows accepted last may not have reached the disk: a gap after the last covered instant gets its reason.
    fn note_the_end(&mut self, now: Micros) {
        for writer in self.writers.values().flatten() {
            let mut intake = writer.own.intake();
            let lost = intake.reach().and_then(|reach| Window::new(reach, now));
            let reason = "dccd ended without a clean stop; what it took last may not have reached the disk";
            lost.into_iter().for_each(|window| intake.note(Note { window, reason: reason.to_owned() }));
        }
    }

    /// A damaged stretch may have held frames of any series: a gap amid what was read of any series may be one of them.
    fn note_damage(&mut self) {
        for writer in self.writers.values().flatten() {
            let mut intake = writer.own.intake();
            let reason = "a damaged stretch of the journal was set aside; what it held is lost";
            let window = intake.waiting_window();
            window.into_iter().for_each(|window| intake.note(Note { window, reason: reason.to_owned() }));
        }
    }

    /// Copies bytes that are no frame into the quarantine, under a name of their own.
    fn keep_aside(&mut self, damage: &Damage) -> Result<(), StoreError> {
        let Shared { disk, layout, folders, .. } = &**self.shared;
        let bytes = disk.read(&damage.path).map_err(StoreError::io("reading", &damage.path))?;
        let range = usize::try_from(damage.from).unwrap_or(0)..usize::try_from(damage.until).unwrap_or(0);
        let bytes = bytes.get(range).unwrap_or_default();
        let name = damage.path.file_name().unwrap_or_default().to_string_lossy();
        let aside: PathBuf = layout.quarantine().join(format!("{name}.{}", damage.from));
        folders
            .make(&**disk, layout.root(), &layout.quarantine())
            .and_then(|()| disk.replace(&aside, bytes))
            .map_err(StoreError::io("setting aside", &aside))?;
        let what = if damage.is_tail { "a write cut short" } else { "no frame, though frames follow" };
        let detail =
            format!("{what}: bytes {} to {}; set aside as {}", damage.from, damage.until, aside.display());
        let finding = Finding { kind: FindingKind::Torn, path: damage.path.clone(), detail };
        self.out.findings.push((None, finding));
        Ok(())
    }

    fn publish_everything(&mut self, end: u64) {
        // The segments of a series' frames stay until it is published, also while others are.
        self.frames.iter().for_each(|(series, frames)| self.shared.journal.hold(series, *frames));
        for (series, writer) in std::mem::take(&mut self.writers) {
            let Some(writer) = writer else {
                self.shared.is_unread(series, end);
                continue;
            };
            if let Err(error) = writer.flush() {
                self.out.failures.push((series, error));
            }
        }
    }
}

/// Removes temporary files of a process that ended.
fn sweep(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    if disk.look(folder)?.is_none() {
        return Ok(());
    }
    disk.list(folder)?
        .iter()
        .filter(|name| is_aside(name))
        .try_for_each(|name| disk.remove(&folder.join(name)))
}
