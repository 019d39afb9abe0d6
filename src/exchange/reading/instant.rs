//! Instants written out as RFC 3339 text, read by their columns.
//!
//! Exchanges that write instants out do so in every row, and a parser of every date there can be takes longer than
//! the rest of the row. What is not of the one common form is left to that parser.

use crate::model::Micros;

/// The day 1970-01-01, counted from 0000-03-01.
const EPOCH_DAY: i64 = 719_468;

/// The instant of a text, truncated to the microsecond. Returns `None` if it is not an instant.
pub(crate) fn rfc3339(text: &str) -> Option<Micros> {
    utc_columns(text.as_bytes()).or_else(|| {
        let at: jiff::Timestamp = text.parse().ok()?;
        Some(whole_micros(at))
    })
}

/// The microsecond an instant lies in, before 1970 too.
fn whole_micros(at: jiff::Timestamp) -> Micros {
    let beyond = at.subsec_nanosecond().rem_euclid(1_000);
    let nanos = at.subsec_nanosecond() - beyond;
    Micros(at.as_second() * 1_000_000 + i64::from(nanos / 1_000))
}

/// Reads `2024-02-29T12:34:56Z`, with any number of decimals of the second.
fn utc_columns(text: &[u8]) -> Option<Micros> {
    let (whole, rest) = text.split_at_checked(19)?;
    let marks = [whole[4], whole[7], whole[10], whole[13], whole[16]];
    if marks != *b"--T::" {
        return None;
    }
    let year = two(whole, 0)? * 100 + two(whole, 2)?;
    let (month, day) = (two(whole, 5)?, two(whole, 8)?);
    let (hour, minute, second) = (two(whole, 11)?, two(whole, 14)?, two(whole, 17)?);
    let is_real = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    // A leap second is not of the common form.
    if !is_real || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let secs = ((day_number(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Micros(secs * 1_000_000 + micros(rest)?))
}

/// The fraction of the second, up to the `Z`.
fn micros(rest: &[u8]) -> Option<i64> {
    let digits = match rest {
        b"Z" => return Some(0),
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => digits,
        _ => return None,
    };
    let mut micros = 0;
    for place in 0..digits.len().max(6) {
        let digit = digits.get(place).map_or(Some(0), |byte| digit(*byte))?;
        if place < 6 {
            micros = micros * 10 + digit;
        }
    }
    Some(micros)
}

fn two(text: &[u8], at: usize) -> Option<i64> {
    Some(digit(text[at])? * 10 + digit(text[at + 1])?)
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from the epoch to a date. Years are counted from March on, so that a leap day is their last.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - EPOCH_DAY
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The instant by a general date parser.
    fn known(text: &str) -> Option<Micros> {
        let at: jiff::Timestamp = text.parse().ok()?;
        Some(Micros(i64::try_from(at.as_nanosecond().div_euclid(1_000)).unwrap()))
    }

    #[test]
    fn instants_of_exchanges_are_read_by_their_columns() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2019-11-11T07:14:20.093Z", 1_573_456_460_093_000),
            ("2024-02-29T23:59:59.999999Z", 1_709_251_199_999_999),
            ("2024-02-29T23:59:59.9999999Z", 1_709_251_199_999_999),
            ("0000-01-01T00:00:00.0000001Z", -62_167_219_200_000_000),
            ("2099-12-31T00:00:00.5Z", 4_102_358_400_500_000),
        ] {
            assert_eq!(utc_columns(text.as_bytes()), Some(Micros(micros)), "{text}");
            assert_eq!(known(text), Some(Micros(micros)), "{text}");
        }
    }

    #[test]
    fn other_forms_of_an_instant_are_the_same_instant() {
        let at = rfc3339("2024-03-01T10:00:00Z");
        for text in ["2024-03-01T12:00:00+02:00", "2024-03-01 10:00:00Z", "2024-03-01T10:00:00.000000+00:00"]
        {
            assert_eq!((utc_columns(text.as_bytes()), rfc3339(text)), (None, at), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "Z",
            "2023-02-29T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00.1x3Z",
            "2024-01-01T00:00:00.1234567890Z",
            "2024-01-01T00:00:0éZ",
            "+024-01-01T00:00:00Z",
            "1704067200",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_is_read_as_the_general_parser_reads_it(
            secs in -60_000_000_000_i64..250_000_000_000, nanos in 0_i32..1_000_000_000, decimals in 0_usize..10,
        ) {
            let at = jiff::Timestamp::from_nanosecond(i128::from(secs) * 1_000_000_000 + i128::from(nanos)).unwrap();
            let text = format!("{at:.decimals$}");
            prop_assert_eq!(utc_columns(text.as_bytes()), known(&text), "{}", text);
        }

        #[test]
        fn no_text_is_read_otherwise_than_the_general_parser_reads_it(
            text in "[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?(Z|\\+01:00)?",
        ) {
            prop_assert_eq!(rfc3339(&text), known(&text));
        }
    }
}
