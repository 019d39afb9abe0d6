//! Frames and segments made of any bytes, for the targets of `fuzz`.

use std::path::Path;

use super::frame::{self, Entry, HEAD_BYTES};
use super::scan::scan;
use super::segment;
use crate::disk::{Disk, Os};
use crate::model::{Batch, Series, Window};

/// The journal of every segment here, and its first position.
const JOURNAL: u64 = 7;
const FIRST: u64 = 1;

/// Reads a payload and writes what it says; none where it is refused.
pub(crate) fn written_again(payload: &[u8]) -> Option<Vec<u8>> {
    let frame = match frame::entry(payload).ok()? {
        Entry::Page(series, rows) => {
            assert!(rows.rows.len() <= payload.len(), "more rows than bytes");
            frame::page(&series, &rows)
        }
        Entry::Vouch(series, vouch) => frame::vouch(&series, &vouch),
        Entry::Unfillable(series, own) => frame::unfillable(&series, &own),
        Entry::Stopped => frame::stopped(),
    };
    Some(frame[HEAD_BYTES..].to_vec())
}

/// Part of a segment.
pub(crate) enum Piece<'a> {
    /// The payload of a whole frame.
    Frame(&'a [u8]),
    /// Anything.
    Bytes(&'a [u8]),
}

/// A segment of these pieces; frames have the positions of their places.
pub(crate) fn segment_of<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> Vec<u8> {
    let (seed, mut bytes) = (frame::seed(JOURNAL, FIRST), segment::head(JOURNAL, FIRST).to_vec());
    for (position, piece) in (FIRST..).zip(pieces) {
        match piece {
            Piece::Bytes(own) => bytes.extend_from_slice(own),
            Piece::Frame([]) => {}
            Piece::Frame(payload) => {
                let mut own = [&[0_u8; HEAD_BYTES][..], payload].concat();
                frame::seal(&mut own, seed, position);
                bytes.extend(own);
            }
        }
    }
    bytes
}

/// Reads a segment as recovery does: frames in the order of their positions, and all between them told as damage.
/// Returns how many frames it holds.
pub(crate) fn recovered(folder: &Path, bytes: &[u8]) -> u64 {
    let path = folder.join(format!("{FIRST:016x}-0000-{JOURNAL:014x}.journal"));
    let written = Os.create_anew(&path).and_then(|file| file.append_all(bytes));
    written.expect("the folder of temporary files can be written");
    let (mut last, mut frames) = (0, 0);
    let scanned = scan(&Os, folder, &mut |found, _| {
        assert!(found.mark.position > last, "a position comes twice");
        (last, frames) = (found.mark.position, frames + 1);
        Ok(())
    });
    let scanned = scanned.expect("the segment is there");
    assert_eq!(scanned.frames, frames);
    assert!(scanned.next_position() > last, "a position could be given again");
    for damage in &scanned.damages {
        assert!(damage.from < damage.until, "damage of nothing");
    }
    frames
}

/// The payload of a page's frame.
pub(crate) fn page_payload(
    name: &str,
    rows: Batch,
    covered: Option<Window>,
    empty: Option<Window>,
    fence: u64,
) -> Vec<u8> {
    let rows = frame::Rows { rows, covered, empty, derived: fence > 0, fence };
    frame::page(&series(name), &rows)[HEAD_BYTES..].to_vec()
}

/// The payload of the frame of a live session's word.
pub(crate) fn vouch_payload(
    name: &str,
    window: Option<Window>,
    frames: &[u64],
    published: Option<u64>,
) -> Vec<u8> {
    let window = window.expect("the word is about some time");
    let vouch = frame::Vouch { window, frames: frames.to_vec(), published, fence: 2 };
    frame::vouch(&series(name), &vouch)[HEAD_BYTES..].to_vec()
}

/// The payload of the frame of time that nothing can fill.
pub(crate) fn unfillable_payload(
    name: &str,
    window: Option<Window>,
    reason: &str,
    is_disowned: bool,
) -> Vec<u8> {
    let window = window.expect("it is some time");
    let own = frame::Unfillable { window, reason: reason.to_owned(), is_disowned, fence: 0 };
    frame::unfillable(&series(name), &own)[HEAD_BYTES..].to_vec()
}

fn series(name: &str) -> Series {
    name.parse().expect("the series is well written")
}
