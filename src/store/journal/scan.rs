//! Reading the journal of a process that has ended: every whole frame, once, in the order of positions.
//!
//! Nothing is changed. A frame that does not check out is stepped over to the next one that does; what was
//! between is reported with the positions that are missing.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::store::journal::frame::{self, Entry};
use crate::store::journal::segment::{HEAD_BYTES, parse_head, parse_name};
use crate::store::{Mark, StoreError};

/// How far a new process's positions lie beyond what was read of the last one's: what that one wrote and lost
/// can never be taken for ours.
const EPOCH: u64 = 1 << 32;

/// The content of the journal's folder.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// The journal's id; `None` if the folder holds no segment.
    pub(crate) id: Option<u64>,
    /// Segments, oldest first.
    pub(crate) segments: Vec<Segment>,
    /// Stretches that hold no frame though they should.
    pub(crate) damages: Vec<Damage>,
    /// Whole frames.
    pub(crate) frames: u64,
    /// The last frame says that the process ended in good order.
    pub(crate) is_clean: bool,
    /// Some position was not found so far, of those between the first segment's and the last frame's.
    has_holes: bool,
    /// The position that the next frame should have.
    expected: Option<u64>,
    /// Position of the last whole frame.
    last: u64,
    /// Some position of the process that wrote last, though all its frames may be lost.
    furthest: u64,
}

/// Where a frame was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) mark: Mark,
    /// Some position before it was not found.
    pub(crate) is_after_hole: bool,
}

type Each<'a> = dyn FnMut(Found, Entry) -> Result<(), StoreError> + 'a;

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    /// Position of its last whole frame.
    pub(crate) last: u64,
    pub(crate) bytes: u64,
}

/// A stretch of a segment that is no frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    /// Where in the file.
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// No whole frame follows it in its segment: a write that was cut short looks like that.
    pub(crate) is_tail: bool,
}

impl Scanned {
    /// The position of the next process's first frame.
    pub(crate) fn next_position(&self) -> u64 {
        if self.id.is_none() { 1 } else { (self.furthest / EPOCH + 2) * EPOCH }
    }
}

/// Reads every frame, oldest first.
///
/// # Errors
/// Where the operating system refuses to read, or `each` fails.
pub(crate) fn scan(disk: &dyn Disk, folder: &Path, each: &mut Each<'_>) -> Result<Scanned, StoreError> {
    let mut scanned = Scanned::default();
    let names = match disk.list(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(scanned),
        Err(error) => return Err(StoreError::io("listing", folder)(error)),
    };
    for (name, named) in names.iter().filter_map(|name| Some((name, parse_name(name)?))) {
        let path = folder.join(name);
        let bytes = disk.read(&path).map_err(StoreError::io("reading", &path))?;
        scanned.segment(path, named, &bytes, each)?;
    }
    Ok(scanned)
}

impl Scanned {
    fn segment(
        &mut self,
        path: PathBuf,
        named: (u64, u64),
        bytes: &[u8],
        each: &mut Each<'_>,
    ) -> Result<(), StoreError> {
        let (id, first) = parse_head(bytes).unwrap_or_else(|| {
            self.damages.push(Damage {
                path: path.clone(),
                from: 0,
                until: HEAD_BYTES as u64,
                is_tail: false,
            });
            named
        });
        self.id = Some(id);
        self.expected.get_or_insert(first);
        self.furthest = self.furthest.max(first);
        self.is_clean = false;
        let (seed, mut at, mut hole) = (frame::seed(id, first), HEAD_BYTES, None);
        while at < bytes.len() {
            let Some((position, payload, taken)) = frame::whole(&bytes[at..], seed) else {
                hole.get_or_insert(at);
                at += next_head(&bytes[at..], self.last.max(first.saturating_sub(1)));
                continue;
            };
            let entry = if position > self.last { frame::entry(payload).ok() } else { None };
            // A frame that was rewritten to a fresh segment may stand in two; the first is as good.
            if let Some(begun) = hole.take() {
                self.damaged(&path, begun, at);
            }
            if let Some(entry) = entry {
                self.is_clean = entry == Entry::Stopped;
                self.frames += 1;
                self.has_holes |= self.expected != Some(position);
                self.expected = Some(position + 1);
                each(Found { mark: Mark { journal: id, position }, is_after_hole: self.has_holes }, entry)?;
            } else if position > self.last {
                self.has_holes = true;
                self.damaged(&path, at, at + taken);
            }
            self.last = self.last.max(position);
            self.furthest = self.furthest.max(position);
            at += taken;
        }
        if let Some(begun) = hole {
            self.is_clean = false;
            if bytes[begun..].iter().any(|byte| *byte != 0) {
                self.damaged(&path, begun, bytes.len());
                self.damages.iter_mut().next_back().into_iter().for_each(|damage| damage.is_tail = true);
            }
        }
        self.segments.push(Segment { path, last: self.last, bytes: bytes.len() as u64 });
        Ok(())
    }

    fn damaged(&mut self, path: &Path, from: usize, until: usize) {
        let (from, until) = (from as u64, until as u64);
        self.damages.push(Damage { path: path.to_owned(), from, until, is_tail: false });
    }
}

/// How far it is to the next place whose position could follow `last`.
fn next_head(bytes: &[u8], last: u64) -> usize {
    let follows = |at: &usize| {
        let position = bytes.get(at + 8..at + 16).and_then(|bytes| bytes.try_into().ok());
        position.map(u64::from_le_bytes).is_none_or(|position| position > last && position - last < EPOCH)
    };
    (1..bytes.len()).find(follows).unwrap_or(bytes.len())
}
