//! Judges a changed body: its rows must be those of the answer, except for the changed one.

use dccd::exchange::{ParseError, Parsed};
use dccd::model::{Batch, Kind, Values};

use super::Original;
use super::change::Change;
use super::mutation::Mutated;

/// How a changed body was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// All rows as they were.
    Same,
    /// All but the changed row, which is named.
    Odd,
    /// A value that need not be there is not there.
    Unknown,
    /// Nothing of it, by an error.
    Refused,
    /// The page was refused though only a row of it was changed, or how it is written.
    CostsThePage(String),
    /// A row is there that was not in the answer.
    WrongRow(String),
    /// A row is not there and nothing says so.
    LostRow(String),
    /// A row is there without what it cannot be without.
    Kept(String),
    /// A row that is only written otherwise is called odd.
    CalledOdd(String),
    /// It panicked.
    Panicked,
}

impl Verdict {
    /// Every verdict's word, the good ones first.
    pub(crate) const WORDS: [&'static str; 10] =
        ["same", "odd", "unknown", "refused", "COSTLY", "WRONG", "LOST", "KEPT", "CALLEDODD", "PANIC"];

    pub(crate) fn word(&self) -> &'static str {
        let [same, odd, unknown, refused, costly, wrong, lost, kept, called_odd, panic] = Verdict::WORDS;
        match self {
            Verdict::Same => same,
            Verdict::Odd => odd,
            Verdict::Unknown => unknown,
            Verdict::Refused => refused,
            Verdict::CostsThePage(_) => costly,
            Verdict::WrongRow(_) => wrong,
            Verdict::LostRow(_) => lost,
            Verdict::Kept(_) => kept,
            Verdict::CalledOdd(_) => called_odd,
            Verdict::Panicked => panic,
        }
    }

    pub(crate) fn fails(&self) -> bool {
        !matches!(self, Verdict::Same | Verdict::Odd | Verdict::Unknown | Verdict::Refused)
    }
}

/// Judges what was read of a changed body.
pub(crate) fn judge(
    original: &Original,
    mutated: &Mutated,
    read: &Result<(Batch, Parsed), ParseError>,
) -> Verdict {
    let change = mutated.change;
    let (batch, parsed) = match read {
        Ok((batch, parsed)) => (batch, parsed),
        Err(error) if may_refuse(original, change) => {
            drop(error.to_string());
            return Verdict::Refused;
        }
        Err(error) => return Verdict::CostsThePage(error.to_string()),
    };
    if change == Change::Truncated {
        return Verdict::Kept("half of a body was read".to_owned());
    }
    if change == Change::Around && differs_in_its_number_alone(original, batch) {
        return Verdict::Unknown;
    }
    let Match { missing, wrong, unknown } = Match::of(original, batch, change);
    if let Some(row) = wrong {
        return Verdict::WrongRow(shown(batch, row));
    }
    if let Some(odd) = parsed.odd.first().filter(|_| change.is_form()) {
        return Verdict::CalledOdd(odd.detail.clone());
    }
    let is_optional = |name: &str| original.columns.is_none_or(|columns| columns.optional.contains(&name));
    let is_named = |name: &str| original.columns.is_some_and(|columns| columns.has(name));
    match mutated.column.as_deref() {
        Some(name) if unknown && !is_optional(name) && is_named(name) => {
            return Verdict::Kept(format!("it has no {name}"));
        }
        _ => {}
    }
    if missing > 0 && parsed.odd.is_empty() && parsed.unfinished.is_none() {
        return Verdict::LostRow(format!("{missing} rows"));
    }
    if missing > 1 {
        return Verdict::LostRow(format!("{missing} rows for {} odd ones", parsed.odd.len()));
    }
    match (missing, unknown) {
        (1, _) => Verdict::Odd,
        (_, true) => Verdict::Unknown,
        _ if parsed.odd.is_empty() => Verdict::Same,
        _ => Verdict::Odd,
    }
}

/// A book is true as a whole, and what stands around the rows may cost them all.
fn may_refuse(original: &Original, change: Change) -> bool {
    match change {
        Change::Truncated | Change::Around => true,
        // Levels that are there twice are refused, however alike.
        Change::DoubledRow => original.kind == Kind::OrderBook,
        _ if change.is_form() => false,
        _ => original.kind == Kind::OrderBook,
    }
}

/// Whether a book has all its levels, under another number of the exchange's: that is no one's to know.
fn differs_in_its_number_alone(original: &Original, batch: &Batch) -> bool {
    const NUMBER: usize = 3;
    let whole = &original.whole;
    let same_level = |row: usize| {
        let columns = batch.columns().iter().zip(whole.columns()).enumerate();
        columns.filter(|(place, _)| *place != NUMBER).all(|(_, (ours, theirs))| ours.same(row, theirs, row))
    };
    original.kind == Kind::OrderBook && batch.len() == whole.len() && (0..batch.len()).all(same_level)
}

/// How the rows that were read stand to those of the answer.
struct Match {
    /// How many rows of the answer are not there.
    missing: usize,
    /// A row that is none of the answer.
    wrong: Option<usize>,
    /// One row is there without something it had.
    unknown: bool,
}

impl Match {
    fn of(original: &Original, batch: &Batch, change: Change) -> Match {
        let whole = &original.whole;
        let is_doubled = matches!(change, Change::DoubledRow | Change::DifferingRow);
        let (mut left, mut next) = (vec![true; whole.len()], 0);
        let mut unmatched = Vec::new();
        for row in 0..batch.len() {
            let order = (next..whole.len()).chain(0..next);
            let found = order.into_iter().find(|own| left[*own] && batch.same_row(row, whole, *own));
            match found {
                Some(own) => (left[own], next) = (false, own + 1),
                // The same row may be there twice, also where the twins differ in what is not read.
                None if is_doubled && is_any(batch, row, whole) => {}
                None => unmatched.push(row),
            }
        }
        let missing = left.iter().filter(|left| **left).count();
        let has_less =
            |row: &usize| (0..whole.len()).any(|own| left[own] && is_less(batch, *row, whole, own));
        match unmatched[..] {
            [] => Match { missing, wrong: None, unknown: false },
            [row] if has_less(&row) => Match { missing: missing - 1, wrong: None, unknown: true },
            [row, ..] => Match { missing, wrong: Some(row), unknown: false },
        }
    }
}

fn is_any(batch: &Batch, row: usize, whole: &Batch) -> bool {
    (0..whole.len()).any(|own| batch.same_row(row, whole, own))
}

/// Whether a row is another one but for values that are not there.
fn is_less(batch: &Batch, row: usize, whole: &Batch, own: usize) -> bool {
    let mut columns = batch.columns().iter().zip(whole.columns());
    columns.all(|(ours, theirs)| !ours.has(row) || ours.same(row, theirs, own))
}

/// A row as it is shown: its values in the order of the columns.
fn shown(batch: &Batch, row: usize) -> String {
    let values = batch.columns().iter().map(|column| match &column.values {
        _ if !column.has(row) => "null".to_owned(),
        Values::F64(values) => values[row].to_string(),
        Values::I64(values) => values[row].to_string(),
        Values::I32(values) => values[row].to_string(),
        Values::Bool(values) => values[row].to_string(),
        Values::Text(texts) => texts.get(row).to_owned(),
    });
    values.collect::<Vec<_>>().join(", ")
}
