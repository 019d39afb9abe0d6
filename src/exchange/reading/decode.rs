//! Reads a body of the documented shape; any other is a refusal or malformed.

use std::fmt;

use serde::Deserialize;

use crate::exchange::error::malformed;
use crate::exchange::{Exchange, ParseError};

/// Reads a body of the documented shape; an error body with status 200 is the refusal it says.
///
/// # Errors
/// When it is of another shape.
pub(crate) fn read<'a, T: Deserialize<'a>>(exchange: &dyn Exchange, body: &'a [u8]) -> Result<T, ParseError> {
    // Checked once here rather than text by text, which costs several times as much.
    let text = std::str::from_utf8(body).map_err(|error| unreadable(exchange, body, &error))?;
    serde_json::from_str(text).map_err(|error| unreadable(exchange, body, &error))
}

/// The error for a body without the documented shape: the refusal it contains, or malformed.
pub(crate) fn unreadable(exchange: &dyn Exchange, body: &[u8], error: &dyn fmt::Display) -> ParseError {
    match exchange.refusal(200, body) {
        Some(refusal) => ParseError::Refused(refusal),
        None => malformed(body, error),
    }
}
