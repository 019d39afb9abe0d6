//! Pages of long answers: their limit, and cursors that belong to one query.
//!
//! A cursor holds the place after which the next page begins, and a checksum of everything that selects and orders the
//! rows, so that it is refused with another query. Clients have nothing to read in it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::engine::wrong::{Wrong, wrong};

/// The most characters of a cursor.
const MOST_CHARS: usize = 2_048;

/// The cursor of the page after a place.
pub(crate) fn cursor(query: &str, place: &[&str]) -> String {
    let checksum = crc32fast::hash(query.as_bytes());
    let text = serde_json::to_vec(&(checksum, place)).expect("numbers and texts are always JSON");
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// The place that a cursor of this query holds, in `N` parts.
pub(crate) fn place<const N: usize>(cursor: &str, query: &str) -> Result<[String; N], Wrong> {
    let odd = || wrong("cursor", "it is not of this query; begin again without it");
    if cursor.len() > MOST_CHARS {
        return Err(odd());
    }
    let text = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| odd())?;
    let (checksum, place): (u32, Vec<String>) = serde_json::from_slice(&text).map_err(|_| odd())?;
    if checksum != crc32fast::hash(query.as_bytes()) {
        return Err(odd());
    }
    place.try_into().map_err(|_| odd())
}

/// A part of a place as a number.
pub(crate) fn whole(part: &str) -> Result<i64, Wrong> {
    part.parse().map_err(|_| wrong("cursor", "it is not of this query; begin again without it"))
}

/// A whole number from 1 to `most`.
pub(crate) fn count(
    parameter: &'static str,
    text: Option<&str>,
    default: usize,
    most: usize,
) -> Result<usize, Wrong> {
    let Some(text) = text else { return Ok(default) };
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| wrong(parameter, format!("expected a whole number from 1 to {most}")))
}

/// One of a closed set of words.
pub(crate) fn one_of<T: Copy>(
    parameter: &'static str,
    text: &str,
    known: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<T, Wrong> {
    let known: Vec<(&str, T)> = known.into_iter().collect();
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        wrong(parameter, format!("use one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_query_alone() {
        let text = cursor("rows of binance", &["7", "a/\"b\u{7f}"]);

        assert_eq!(place::<2>(&text, "rows of binance").unwrap(), ["7", "a/\"b\u{7f}"]);
        let long = "a".repeat(MOST_CHARS + 1);
        for (cursor, query) in
            [(&*text, "rows of kraken"), ("", "q"), ("e30", "q"), ("!", "q"), (&long, "q"), (&text[1..], "q")]
        {
            assert!(place::<2>(cursor, query).unwrap_err().to_string().contains("it is not of this query"));
        }
        assert!(place::<3>(&text, "rows of binance").is_err());
    }

    #[test]
    fn a_limit_is_a_whole_number_in_its_bounds() {
        assert_eq!(count("limit", None, 100, 500).unwrap(), 100);
        assert_eq!(count("limit", Some("500"), 100, 500).unwrap(), 500);
        for text in ["0", "501", "-1", "1e2", "", "99999999999999999999"] {
            let error = count("limit", Some(text), 100, 500).unwrap_err().to_string();
            assert_eq!(error, "limit: expected a whole number from 1 to 500", "{text}");
        }
    }
}
