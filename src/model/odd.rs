//! Impossible rows of an answer: kept as text, apart from the rows.

use crate::model::{Micros, foreign};

/// The most bytes of an odd row's text that are kept.
const TEXT_BYTES: usize = 4_096;

/// An impossible row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddRow {
    /// The class of its fault: a metrics label, one of a closed set.
    pub fault: OddFault,
    /// The fault.
    pub detail: String,
    /// The row as received, truncated to a few kilobytes.
    pub text: String,
    /// Its open or instant, if plausible.
    pub at: Option<Micros>,
}

impl OddRow {
    /// An odd row; long texts are truncated.
    #[must_use]
    pub fn new(fault: OddFault, detail: impl Into<String>, text: &str, at: Option<Micros>) -> Self {
        let text = text[..text.floor_char_boundary(TEXT_BYTES)].to_owned();
        OddRow { fault, detail: foreign(&detail.into()), text, at }
    }
}

/// The classes of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OddFault {
    /// A candle that opens off the grid of its span.
    OffGrid,
    /// Values that contradict one another, such as a high below the low, or two rows of one key that differ.
    Contradiction,
    /// A price or an amount that is missing, negative or not a number.
    Value,
    /// An instant that is implausible or missing.
    Time,
    /// A trade with a missing or empty id.
    Id,
    /// Not the documented shape.
    Shape,
}

impl OddFault {
    /// Every class.
    pub const ALL: [OddFault; 6] = [
        OddFault::OffGrid,
        OddFault::Contradiction,
        OddFault::Value,
        OddFault::Time,
        OddFault::Id,
        OddFault::Shape,
    ];

    /// Its name in labels and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OddFault::OffGrid => "off_grid",
            OddFault::Contradiction => "contradiction",
            OddFault::Value => "value",
            OddFault::Time => "time",
            OddFault::Id => "id",
            OddFault::Shape => "shape",
        }
    }
}
