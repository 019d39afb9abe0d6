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
//!   of the journal is copied aside and stepped over.

mod frame;
mod scan;
mod segment;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use serde::{Deserialize, Serialize};

pub(crate) use frame::{Entry, MOST_ROWS, Rows};
pub(crate) use scan::{Damage, Scanned, scan};

use crate::disk::Disk;
use crate::model::Series;
use crate::store::folders::Folders;
use crate::store::journal::segment::Segment;
use crate::store::{Bounds, Layout, StoreError, StoreSettings};

/// A place in a journal: everything of a series up to it is in the file, or accounted for in the ledger,
/// that carries the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which journal.
    pub journal: u64,
    /// The position of the frame.
    pub position: u64,
}

/// How far the journal has come, and how much it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// Frames accepted by this process.
    pub accepted_frames: u64,
    /// Frames of them that are durable.
    pub durable_frames: u64,
    /// Position of the last durable frame.
    pub durable: u64,
    /// Bytes accepted and not durable.
    pub unsynced_bytes: u64,
    /// Segments on disk.
    pub segments: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// How often a failed sync made it write frames anew.
    pub rewrites: u64,
}

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
    state: Mutex<JournalState>,
}

#[derive(Debug)]
struct JournalState {
    id: u64,
    /// The next frame's position.
    next: u64,
    active: Option<Segment>,
    /// Closed segments, oldest first, with the position of their last frame and their length.
    closed: VecDeque<Closed>,
    /// Frames that are not known to be durable.
    unsynced: VecDeque<(u64, Vec<u8>)>,
    unsynced_bytes: usize,
    /// Closed segments of this process whose last frames are not known to be durable.
    unsynced_segments: Vec<Segment>,
    durable: u64,
    /// Accepted frames may be lost, and nothing helps: no more are accepted.
    broken: bool,
    accepted_frames: u64,
    rewrites: u64,
    /// For each series the frames that are not settled.
    held: HashMap<Series, Frames>,
}

/// Frames of one series that are not settled.
#[derive(Clone, Copy, Debug)]
struct Frames {
    /// None of them lies before this position.
    first: u64,
    /// Position of the last one.
    last: u64,
}

#[derive(Debug)]
struct Closed {
    path: PathBuf,
    last: u64,
    bytes: u64,
}

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

    /// Accepts the rows of one answer; returns the frame's position.
    pub(crate) fn append(&self, series: &Series, page: &Rows) -> Result<u64, StoreError> {
        let frame = frame::page(series, page);
        let (position, is_full) = {
            let mut state = self.state();
            let position = self.write(&mut state, frame)?;
            state.hold(series, (position, position));
            (position, state.unsynced_bytes > self.bounds.unsynced_bytes)
        };
        if is_full {
            self.sync()?;
        }
        Ok(position)
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
                self.write(&mut state, frame::stopped())?;
            }
        }
        self.sync()?;
        self.release().map(drop)
    }

    pub(crate) fn watermarks(&self) -> Watermarks {
        self.state().watermarks()
    }

    fn write(&self, state: &mut JournalState, mut frame: Vec<u8>) -> Result<u64, StoreError> {
        self.check(state)?;
        // Should a refused frame stand there after all, no other may have its position.
        let position = state.next;
        state.next += 1;
        if state.active.as_ref().is_some_and(Segment::is_full) {
            state.retire();
        }
        let mut written = self.write_at(state, &mut frame, position);
        if written.is_err() {
            // Half a frame may stand there: nothing is ever written behind it.
            state.retire();
            written = self.write_at(state, &mut frame, position).inspect_err(|_| state.retire());
        }
        written?;
        state.accepted_frames += 1;
        state.unsynced_bytes += frame.len();
        state.unsynced.push_back((position, frame));
        Ok(position)
    }

    fn write_at(&self, state: &mut JournalState, frame: &mut [u8], position: u64) -> Result<(), StoreError> {
        let mut active = match state.active.take() {
            Some(active) => active,
            None => self.begin(state.id, position)?,
        };
        frame::seal(frame, active.seed, position);
        let written = active.append(frame).map_err(StoreError::io("writing", &active.path));
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
        let source = io::Error::other("an earlier sync failed twice");
        if state.broken { Err(StoreError::Journal { path: self.folder.clone(), source }) } else { Ok(()) }
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

impl JournalState {
    /// Closes the open segment for good.
    fn retire(&mut self) {
        let Some(active) = self.active.take() else { return };
        let closed =
            Closed { path: active.path.clone(), last: self.next.saturating_sub(1), bytes: active.bytes };
        self.closed.push_back(closed);
        if !self.unsynced.is_empty() {
            self.unsynced_segments.push(active);
        }
    }

    fn hold(&mut self, series: &Series, (first, last): (u64, u64)) {
        let frames = self.held.entry(series.clone()).or_insert(Frames { first, last });
        frames.last = frames.last.max(last);
    }

    /// Takes the oldest closed segment, where all of its frames are settled.
    fn take_settled(&mut self) -> Option<Closed> {
        let oldest = self.closed.front()?;
        let is_held = self.held.values().any(|frames| frames.first <= oldest.last);
        if is_held { None } else { self.closed.pop_front() }
    }

    fn forget_until(&mut self, durable: u64) {
        while let Some((_, frame)) = self.unsynced.pop_front_if(|(position, _)| *position <= durable) {
            self.unsynced_bytes -= frame.len();
        }
        self.durable = self.durable.max(durable);
    }

    fn watermarks(&self) -> Watermarks {
        let bytes = |segment: &Segment| segment.bytes;
        Watermarks {
            accepted_frames: self.accepted_frames,
            durable_frames: self.accepted_frames - self.unsynced.len() as u64,
            durable: self.durable,
            unsynced_bytes: self.unsynced_bytes as u64,
            segments: (self.closed.len() + usize::from(self.active.is_some())) as u64,
            bytes: self.closed.iter().map(|closed| closed.bytes).sum::<u64>()
                + self.active.as_ref().map_or(0, bytes),
            rewrites: self.rewrites,
        }
    }
}
