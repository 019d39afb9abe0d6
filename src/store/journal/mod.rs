//! The journal: a row counts as accepted once it is here, and stays here until its file is published.
//!
//! One journal a process, in segments of frames. *Accepted* means that the frame's write returned, *durable*
//! that a sync begun after that returned. A segment that failed a write or a sync is never touched again:
//! what it may not hold is written to a fresh one.
//!
//! Decisions:
//!
//! * **A file's footer and the ledger say how far the journal is in them**, so there is no mark of a publish in
//!   the journal: replay skips what the ledger settled, and rows of periods whose file holds the frame.
//!   Positions are never used twice, not even those of refused frames.
//! * **Recovery publishes before anything new is accepted**, and then drops the old segments. A damaged stretch
//!   of the journal is copied aside and stepped over. Behind it nothing is published before all is read: a mark
//!   would hide from a word of a live session (`store/accept/vouch.rs`) that a frame it names was not found.
//! * **A kind of frame that a version does not know is damage to it**, so that it is set aside rather than misread.

mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod mark;
mod payload;
mod scan;
mod segment;
mod state;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

pub(crate) use frame::{Entry, MOST_ROWS, Proof, Rows, Unfillable, Vouch, page, page_of, unfillable, vouch};
pub use mark::{Mark, Watermarks};
pub(crate) use scan::{Damage, Found, Scanned, scan};

use tokio::sync::Notify;

use crate::disk::Disk;
use crate::model::Series;
use crate::store::folders::Folders;
use crate::store::journal::segment::Segment;
use crate::store::journal::state::{Closed, JournalState};
use crate::store::{Bounds, Layout, StoreError, StoreSettings};

/// The journal of a process.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    folders: Arc<Folders>,
    root: PathBuf,
    folder: PathBuf,
    bounds: Bounds,
    /// One sync at a time.
    syncing: Mutex<()>,
    /// Segments are removed by one thread at a time.
    releasing: Mutex<()>,
    /// Told when so much is not durable that a sync should not wait any longer.
    sync_is_due: Notify,
    state: Mutex<JournalState>,
}

/// Frames of live sessions wait for a sync of another thread until so many times the usual bound is not durable.
const LIVE_TIMES: usize = 2;

impl Journal {
    /// A journal without a segment; the first is made at the first frame.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        folders: Arc<Folders>,
        layout: &Layout,
        settings: StoreSettings,
    ) -> Self {
        let state = JournalState {
            id: settings.journal_id,
            next: 1,
            active: None,
            closed: VecDeque::new(),
            unsynced: VecDeque::new(),
            unsynced_bytes: 0,
            unsynced_segments: Vec::new(),
            durable: 0,
            broken: false,
            accepted_frames: 0,
            rewrites: 0,
            held: HashMap::new(),
        };
        let (root, folder) = (layout.root().to_owned(), layout.journal());
        Journal {
            disk,
            folders,
            root,
            folder,
            bounds: settings.bounds,
            syncing: Mutex::new(()),
            releasing: Mutex::new(()),
            sync_is_due: Notify::new(),
            state: Mutex::new(state),
        }
    }

    /// Goes on behind the segments of a process that ended, in the same journal.
    pub(crate) fn go_on_after(&self, scanned: &Scanned) {
        let mut state = self.state();
        state.id = scanned.id.unwrap_or(state.id);
        state.next = scanned.next_position();
        state.durable = state.next - 1;
        state.closed = scanned
            .segments
            .iter()
            .map(|segment| Closed { path: segment.path.clone(), last: segment.last, bytes: segment.bytes })
            .collect();
    }

    /// The mark of a position in this journal.
    pub(crate) fn mark(&self, position: u64) -> Mark {
        Mark { journal: self.state().id, position }
    }

    /// Accepts frames, each of a series, with one write; returns the position of the first, and the others follow it. None
    /// is accepted where that fails.
    pub(crate) fn append(&self, frames: Vec<(&Series, Vec<u8>)>) -> Result<u64, StoreError> {
        let (first, unsynced_bytes) = self.put(frames)?;
        if unsynced_bytes > self.bounds.unsynced_bytes {
            self.sync()?;
        }
        Ok(first)
    }

    /// The same without a sync: where much is not durable, it asks for one. Only a disk that is far behind is waited for.
    pub(crate) fn append_live(&self, frames: Vec<(&Series, Vec<u8>)>) -> Result<u64, StoreError> {
        let (first, unsynced_bytes) = self.put(frames)?;
        if unsynced_bytes > self.bounds.unsynced_bytes {
            self.sync_is_due.notify_one();
        }
        if unsynced_bytes > LIVE_TIMES * self.bounds.unsynced_bytes {
            self.sync()?;
        }
        Ok(first)
    }

    /// Waits until a sync should not wait any longer.
    pub(crate) async fn sync_is_due(&self) {
        self.sync_is_due.notified().await;
    }

    /// Returns the position of the first frame, and how much is not durable now.
    fn put(&self, frames: Vec<(&Series, Vec<u8>)>) -> Result<(u64, usize), StoreError> {
        let mut state = self.state();
        let first = self.write(&mut state, frames, |state, series, at| state.hold(series, (at, at)))?;
        Ok((first, state.unsynced_bytes))
    }

    /// Keeps frames of a series, by the positions of the first and the last, until they are settled.
    pub(crate) fn hold(&self, series: &Series, frames: (u64, u64)) {
        self.state().hold(series, frames);
    }

    /// Every frame of a series up to a mark is in its files and its ledger. Those behind it are kept.
    pub(crate) fn settle(&self, series: &Series, upto: Mark) {
        let mut state = self.state();
        if upto.journal != state.id {
            return;
        }
        let Some(frames) = state.held.get_mut(series) else { return };
        if frames.last <= upto.position {
            state.held.remove(series);
        } else {
            frames.first = frames.first.max(upto.position + 1);
        }
    }

    /// Makes everything accepted so far durable.
    pub(crate) fn sync(&self) -> Result<Watermarks, StoreError> {
        let _alone = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let (segments, active, upto) = {
            let mut state = self.state();
            self.check(&state)?;
            if state.unsynced.is_empty() {
                state.unsynced_segments.clear();
                return Ok(state.watermarks());
            }
            (std::mem::take(&mut state.unsynced_segments), state.active.clone(), state.next - 1)
        };
        let synced = segments.iter().chain(&active).try_for_each(|segment| segment.file.sync());
        let mut state = self.state();
        if synced.is_err() {
            // Those frames may be lost, and syncing this file again would prove nothing.
            self.rewrite(&mut state).map_err(|source| {
                state.broken = true;
                StoreError::Journal { path: self.folder.clone(), source }
            })?;
        }
        let durable = if synced.is_err() { state.next - 1 } else { upto };
        state.forget_until(durable);
        Ok(state.watermarks())
    }

    /// Removes the segments all of whose frames are settled, oldest first; returns how many. Frames are written meanwhile.
    /// If another thread is removing segments, this one does nothing.
    pub(crate) fn release(&self) -> Result<usize, StoreError> {
        let mut removed = 0;
        // The order matters: from what is left a new process tells which positions were given.
        let _alone = match self.releasing.try_lock() {
            Ok(alone) => alone,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(removed),
        };
        loop {
            let Some(oldest) = self.state().take_settled() else { return Ok(removed) };
            match self.disk.remove(&oldest.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let refused = StoreError::io("removing", &oldest.path)(error);
                    self.state().closed.push_front(oldest);
                    return Err(refused);
                }
                _ => removed += 1,
            }
        }
    }

    /// Whether a segment can be written: with none open, one is made.
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        self.check(&state)?;
        if state.active.is_none() {
            let active = self.begin(state.id, state.next)?;
            state.active = Some(active);
        }
        Ok(())
    }

    /// Ends in good order: everything durable, and no segment left where everything is settled.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        self.sync()?;
        {
            let mut state = self.state();
            if state.held.is_empty() {
                state.retire();
            } else {
                self.write(&mut state, vec![((), frame::stopped())], |_, (), _| {})?;
            }
        }
        self.sync()?;
        self.release().map(drop)
    }

    pub(crate) fn watermarks(&self) -> Watermarks {
        self.state().watermarks()
    }

    /// Writes frames with one write; `hold` is told the position of each.
    fn write<T>(
        &self,
        state: &mut JournalState,
        mut frames: Vec<(T, Vec<u8>)>,
        hold: impl Fn(&mut JournalState, T, u64),
    ) -> Result<u64, StoreError> {
        self.check(state)?;
        // Should a refused frame stand there after all, no other may have its position.
        let first = state.next;
        state.next += frames.len() as u64;
        if state.active.as_ref().is_some_and(Segment::is_full) {
            state.retire();
        }
        let mut written = self.write_at(state, &mut frames, first);
        if written.is_err() {
            // Half a frame may stand there: nothing is ever written behind it.
            state.retire();
            written = self.write_at(state, &mut frames, first).inspect_err(|_| state.retire());
        }
        written?;
        state.accepted_frames += frames.len() as u64;
        for (position, (own, frame)) in (first..).zip(frames) {
            hold(state, own, position);
            state.unsynced_bytes += frame.len();
            state.unsynced.push_back((position, frame));
        }
        Ok(first)
    }

    fn write_at<T>(
        &self,
        state: &mut JournalState,
        frames: &mut [(T, Vec<u8>)],
        first: u64,
    ) -> Result<(), StoreError> {
        let mut active = match state.active.take() {
            Some(active) => active,
            None => self.begin(state.id, first)?,
        };
        frames.iter_mut().zip(first..).for_each(|((_, frame), at)| frame::seal(frame, active.seed, at));
        let written = match frames {
            [(_, frame)] => active.append(frame),
            _ => {
                let mut all = Vec::with_capacity(frames.iter().map(|(_, frame)| frame.len()).sum());
                frames.iter().for_each(|(_, frame)| all.extend_from_slice(frame));
                active.append(&all)
            }
        };
        let written = written.map_err(|source| StoreError::io("writing", &active.path)(source));
        state.active = Some(active);
        written
    }

    /// Writes everything that is not durable to a fresh segment and syncs that.
    fn rewrite(&self, state: &mut JournalState) -> Result<(), io::Error> {
        state.rewrites += 1;
        state.retire();
        state.unsynced_segments.clear();
        let first = state.unsynced.front().map_or(state.next, |(position, _)| *position);
        let mut segment =
            Segment::create(&*self.disk, &self.folder, state.id, first, self.bounds.segment_bytes)?;
        for (position, frame) in &mut state.unsynced {
            frame::seal(frame, segment.seed, *position);
            segment.append(frame)?;
        }
        segment.file.sync()?;
        state.active = Some(segment);
        Ok(())
    }

    /// Nothing is accepted, and nothing claimed to be durable, once that may be false.
    fn check(&self, state: &JournalState) -> Result<(), StoreError> {
        if !state.broken {
            return Ok(());
        }
        let source = io::Error::other("an earlier sync failed twice");
        Err(StoreError::Journal { path: self.folder.clone(), source })
    }

    fn begin(&self, id: u64, first: u64) -> Result<Segment, StoreError> {
        let made = self.folders.make(&*self.disk, &self.root, &self.folder);
        made.map_err(StoreError::io("creating", &self.folder))?;
        Segment::create(&*self.disk, &self.folder, id, first, self.bounds.segment_bytes)
            .map_err(StoreError::io("writing a segment in", &self.folder))
    }

    fn state(&self) -> MutexGuard<'_, JournalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
