//! Reading the journal of the process before: what files and ledgers do not hold is published, then its segments go.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{Replay, Shared, Store};
use crate::disk::{Disk, is_aside};
use crate::model::{Micros, Series, Window};
use crate::store::journal::{Damage, Entry, scan};
use crate::store::recover::Finding;
use crate::store::{FindingKind, Mark, Note, StoreError, Writer};

/// The journal of the process before, as it is read.
pub(super) struct Replaying<'a> {
    store: &'a Store,
    /// None for a series that cannot be opened.
    writers: HashMap<Series, Option<Writer>>,
    /// Position of the first frame of each series.
    first: HashMap<Series, u64>,
    out: Replay,
}

impl Replaying<'_> {
    pub(super) fn run(store: &Store, now: Micros) -> Result<Replay, StoreError> {
        let mut replaying =
            Replaying { store, writers: HashMap::new(), first: HashMap::new(), out: Replay::default() };
        let Shared { disk, layout, journal, .. } = &*store.0;
        for folder in [layout.journal(), layout.quarantine()] {
            sweep(&**disk, &folder).map_err(StoreError::io("tidying", &folder))?;
        }
        let scanned = scan(&**disk, &layout.journal(), &mut |journal, position, entry| {
            replaying.take(Mark { journal, position }, entry);
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

    fn take(&mut self, mark: Mark, entry: Entry) {
        let Entry::Page(series, page) = entry else { return };
        self.first.entry(series.clone()).or_insert(mark.position);
        if !self.writers.contains_key(&series) {
            let writer = self.open(&series);
            self.writers.insert(series.clone(), writer);
        }
        let Some(Some(writer)) = self.writers.get_mut(&series) else { return };
        let before = writer.waiting_rows();
        writer.replay(mark, page);
        self.out.rows += writer.waiting_rows().saturating_sub(before) as u64;
        if writer.waiting_rows() >= self.store.0.bounds.replayed_rows {
            // Its frames stay until all of them are read, so a failure here loses nothing.
            if let Err(error) = writer.flush() {
                self.out.failures.push((series, error));
            }
        }
    }

    fn open(&mut self, series: &Series) -> Option<Writer> {
        let opened = self.store.writer(series).and_then(|(writer, findings)| {
            // What that process renamed last is seen, and need not be durable; its frames are about to go.
            writer.sync_names()?;
            Ok((writer, findings))
        });
        match opened {
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

    /// What the process accepted last may not have reached the disk: where that is a gap, it has its reason.
    fn note_the_end(&mut self, now: Micros) {
        for writer in self.writers.values_mut().flatten() {
            let lost = writer.reach().and_then(|reach| Window::new(reach, now));
            let reason = "dccd ended without a clean stop; what it took last may not have reached the disk";
            lost.into_iter().for_each(|window| writer.note(Note { window, reason: reason.to_owned() }));
        }
    }

    /// Whose frames a damaged stretch held nobody knows: a gap amid what was read of any series may be one of them.
    fn note_damage(&mut self) {
        for writer in self.writers.values_mut().flatten() {
            let reason = "a damaged stretch of the journal was set aside; what it held is lost";
            let window = writer.waiting_window();
            window.into_iter().for_each(|window| writer.note(Note { window, reason: reason.to_owned() }));
        }
    }

    /// Copies bytes that are no frame into the quarantine, under a name of their own.
    fn keep_aside(&mut self, damage: &Damage) -> Result<(), StoreError> {
        let Shared { disk, layout, folders, .. } = &*self.store.0;
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
        // Until a series is published the segments of its frames stay, whoever is published before it.
        self.first.iter().for_each(|(series, first)| self.store.0.journal.hold(series, *first));
        for (series, writer) in std::mem::take(&mut self.writers) {
            let Some(mut writer) = writer else {
                self.store.0.state().unread.insert(series, end);
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
