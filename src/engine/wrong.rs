//! A part of a question that is wrong.

use jiff::Timestamp;
use thiserror::Error;

use crate::model::{Micros, Zone};

/// The most characters of a text that an error shows.
const SHOWN_CHARS: usize = 40;

/// A part of a question that is wrong.
#[derive(Debug, Error)]
#[error("{parameter}: {why}")]
pub(crate) struct Wrong {
    /// The part.
    pub(crate) parameter: &'static str,
    /// Its fault and the remedy.
    pub(crate) why: String,
}

pub(crate) fn wrong(parameter: &'static str, why: impl Into<String>) -> Wrong {
    Wrong { parameter, why: why.into() }
}

/// An instant with its zone.
pub(crate) fn instant(parameter: &'static str, text: &str) -> Result<Micros, Wrong> {
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let form = "write an instant such as 2026-01-31T12:00:00Z";
    let odd = |_| wrong(parameter, format!("`{shown}` cannot be read, or has no zone; {form}"));
    text.trim().parse::<Timestamp>().map(|at| Micros(at.as_microsecond())).map_err(odd)
}

/// An instant that is not in the future. A date without a zone is in `zone`, and refused without one; `form` is the
/// remedy.
pub(crate) fn past_instant(
    parameter: &'static str,
    text: &str,
    zone: Option<&Zone>,
    now: Micros,
    form: &str,
) -> Result<Micros, Wrong> {
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let at = match (text.trim().parse::<Timestamp>(), zone) {
        (Ok(at), _) => Micros(at.as_microsecond()),
        (Err(_), Some(zone)) => Micros::parse(text, zone)
            .map_err(|_| wrong(parameter, format!("`{shown}` cannot be read; {form}")))?,
        (Err(_), None) => {
            return Err(wrong(parameter, format!("`{shown}` cannot be read, or has no zone; {form}")));
        }
    };
    match at > now {
        true => Err(wrong(parameter, format!("`{shown}` is in the future; it is {now} now"))),
        false => Ok(at),
    }
}
