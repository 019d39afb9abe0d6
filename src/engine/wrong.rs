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

/// How an instant with its zone is written.
pub(crate) const INSTANT: &str = "write an instant such as 2026-01-31T12:00:00Z";

/// A text of the asker, cut to what an error shows.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
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
    let at = instant(parameter, text, zone, form)?;
    match at > now {
        true => Err(wrong(parameter, format!("`{}` is in the future; it is {now} now", shown(text)))),
        false => Ok(at),
    }
}

/// An instant. A date without a zone is in `zone`, and refused without one; `form` is the remedy.
pub(crate) fn instant(
    parameter: &'static str,
    text: &str,
    zone: Option<&Zone>,
    form: &str,
) -> Result<Micros, Wrong> {
    let shown = shown(text);
    match (text.trim().parse::<Timestamp>(), zone) {
        (Ok(at), _) => Ok(Micros(at.as_microsecond())),
        (Err(_), Some(zone)) => Micros::parse(text, zone)
            .map_err(|_| wrong(parameter, format!("`{shown}` cannot be read; {form}"))),
        (Err(_), None) => Err(wrong(parameter, format!("`{shown}` cannot be read, or has no zone; {form}"))),
    }
}
