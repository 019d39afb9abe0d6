//! The journal's segments and frames in memory, under one lock.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use crate::model::Series;
use crate::store::Watermarks;
use crate::store::journal::segment::Segment;

#[derive(Debug)]
pub(super) struct JournalState {
    pub(super) id: u64,
    /// The next frame's position.
    pub(super) next: u64,
    pub(super) active: Option<Segment>,
    /// Closed segments, oldest first, with the position of their last frame and their length.
    pub(super) closed: VecDeque<Closed>,
    /// Frames that are not known to be durable.
    pub(super) unsynced: VecDeque<(u64, Vec<u8>)>,
    pub(super) unsynced_bytes: usize,
    /// Closed segments of this process whose last frames are not known to be durable.
    pub(super) unsynced_segments: Vec<Segment>,
    pub(super) durable: u64,
    /// Accepted frames may be lost, and nothing helps: no more are accepted.
    pub(super) broken: bool,
    pub(super) accepted_frames: u64,
    pub(super) rewrites: u64,
    /// For each series the frames that are not settled.
    pub(super) held: HashMap<Series, Frames>,
}

/// Frames of one series that are not settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames {
    /// None of them lies before this position.
    pub(super) first: u64,
    /// Position of the last one.
    pub(super) last: u64,
}

#[derive(Debug)]
pub(super) struct Closed {
    pub(super) path: PathBuf,
    pub(super) last: u64,
    pub(super) bytes: u64,
}

impl JournalState {
    /// Closes the open segment for good.
    pub(super) fn retire(&mut self) {
        let Some(active) = self.active.take() else { return };
        let closed =
            Closed { path: active.path.clone(), last: self.next.saturating_sub(1), bytes: active.bytes };
        self.closed.push_back(closed);
        if !self.unsynced.is_empty() {
            self.unsynced_segments.push(active);
        }
    }

    pub(super) fn hold(&mut self, series: &Series, (first, last): (u64, u64)) {
        match self.held.get_mut(series) {
            Some(frames) => frames.last = frames.last.max(last),
            None => drop(self.held.insert(series.clone(), Frames { first, last })),
        }
    }

    /// Takes the oldest closed segment, where all of its frames are settled.
    pub(super) fn take_settled(&mut self) -> Option<Closed> {
        let oldest = self.closed.front()?;
        let is_held = self.held.values().any(|frames| frames.first <= oldest.last);
        if is_held { None } else { self.closed.pop_front() }
    }

    pub(super) fn forget_until(&mut self, durable: u64) {
        while let Some((_, frame)) = self.unsynced.pop_front_if(|(position, _)| *position <= durable) {
            self.unsynced_bytes -= frame.len();
        }
        self.durable = self.durable.max(durable);
    }

    pub(super) fn watermarks(&self) -> Watermarks {
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
