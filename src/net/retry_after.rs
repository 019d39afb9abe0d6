//! Parses `Retry-After`: seconds, or an HTTP date (RFC 9110, section 10.2.3), and what servers send instead.
//!
//! If a value is ambiguous the longer wait is taken: too long costs time, too short a ban.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

use crate::model::Micros;

/// The longest wait that is obeyed; the longest ban an exchange documents is three days.
pub(crate) const LONGEST: Duration = Duration::from_secs(3 * 86_400);

/// Units of time, in seconds. `m` is minutes, never milliseconds.
const UNITS: [(&[&str], f64); 5] = [
    (&["ms", "msec", "millis", "millisecond", "milliseconds"], 0.001),
    (&["", "s", "sec", "secs", "second", "seconds"], 1.0),
    (&["m", "min", "mins", "minute", "minutes"], 60.0),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600.0),
    (&["d", "day", "days"], 86_400.0),
];

/// How long a `Retry-After` asks to wait. `None` if it contains no number or date.
///
/// A date is relative to `date`, the answer's own `Date`, so that our clock may be wrong; else to `now`. A date in
/// the past means no wait.
pub(crate) fn parse(value: &str, date: Option<&str>, now: Micros) -> Option<Duration> {
    let value = value.trim().trim_matches(['"', '\'']).trim();
    let from = || date.and_then(http_date).unwrap_or(now);
    if let Some(until) = instant(value) {
        return Some(until.since(from()).min(LONGEST));
    }
    // Two headers joined by a proxy, or a duration such as `1 minute, 30 seconds`.
    let parts: Vec<Duration> = value.split([',', ';']).filter_map(|part| length(part.trim())).collect();
    let longest = parts.iter().max().copied()?;
    let wait = if has_words(value) { parts.iter().sum() } else { longest };
    Some(wait.min(LONGEST))
}

/// Whether a value has units.
fn has_words(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// A duration: `7`, `1.5`, `90s`, `2 minutes`, `1h30m`.
fn length(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut secs = 0.0;
    loop {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        // Too many digits for any duration are still a number, and a long one.
        let number: f64 = number.parse().ok()?;
        let after = after.trim_start();
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit = unit.to_ascii_lowercase();
        let (_, scale) = UNITS.iter().find(|(words, _)| words.contains(&unit.as_str()))?;
        secs += number * scale;
        rest = after.trim_start();
        if rest.is_empty() {
            break;
        }
    }
    // Fractions of a second are rounded up.
    Some(Duration::from_secs_f64(secs.ceil().min(LONGEST.as_secs_f64())))
}

/// An instant in any form but a number.
fn instant(text: &str) -> Option<Micros> {
    http_date(text).or_else(|| older_date(text)).or_else(|| {
        let of_zone = || text.parse::<Timestamp>().ok();
        // UTC if there is no zone.
        let of_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
        // Digits alone are seconds, even if they could be a date.
        let is_written_out = text.contains('-');
        let at = of_zone().or_else(of_utc).filter(|_| is_written_out)?;
        Some(Micros(at.as_microsecond()))
    })
}

/// Parses an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(text: &str) -> Option<Micros> {
    // A wrong weekday is no reason to retry too early.
    let at = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()?;
    Some(Micros(at.as_microsecond()))
}

/// The two obsolete HTTP formats: `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
fn older_date(text: &str) -> Option<Micros> {
    let formats = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let read = |format: &&str| DateTime::strptime(*format, text).ok();
    let at = formats.iter().find_map(read)?.to_zoned(TimeZone::UTC).ok()?;
    Some(Micros(at.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Micros = Micros::from_secs(784_111_777);

    #[test]
    fn seconds_are_seconds() {
        assert_eq!(parse("7", None, NOW), Some(Duration::from_secs(7)));
        assert_eq!(parse(" 120 ", None, NOW), Some(Duration::from_secs(120)));
        assert_eq!(parse("0", None, NOW), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_counts_from_the_date_of_the_answer_or_else_from_now() {
        let until = "Sun, 06 Nov 1994 08:49:37 GMT";
        let earlier = Some("Sun, 06 Nov 1994 08:49:30 GMT");

        assert_eq!(parse(until, earlier, Micros(0)), Some(Duration::from_secs(7)));
        assert_eq!(parse(until, None, NOW - Duration::from_secs(2)), Some(Duration::from_secs(2)));
        assert_eq!(parse(until, Some("yesterday"), NOW), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_in_the_past_is_no_wait() {
        let date = Some("Sun, 06 Nov 1994 09:00:00 GMT");

        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT", date, NOW), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_is_not_taken_for_a_wait() {
        for value in ["", "soon", "-5", "0x10", "Sun, 99 Nov 1994 08:49:37 GMT", "7 parsecs", ".", "5-"] {
            assert_eq!(parse(value, None, NOW), None, "{value:?}");
        }
    }

    #[test]
    fn forms_that_are_not_those_of_http_are_read_as_their_longer_meaning() {
        for (value, secs) in [
            ("1.5", 2),
            ("0.2", 1),
            ("7 seconds", 7),
            ("90s", 90),
            ("5m", 300),
            ("2 Minutes", 120),
            ("1h30m", 5_400),
            ("1 minute, 30 seconds", 90),
            ("250ms", 1),
            ("\"120\"", 120),
            ("7, 120", 120),
            ("120; reason=busy", 120),
            ("60000", 60_000),
            // Read as seconds rather than as an instant, which would be over sooner.
            ("784111800", LONGEST.as_secs()),
            ("1994-11-06T08:50:37Z", 60),
            ("1994-11-06T10:50:37+02:00", 60),
            ("1994-11-06 08:50:37", 60),
            ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
            ("Sun Nov  6 08:50:37 1994", 60),
        ] {
            assert_eq!(parse(value, None, NOW), Some(Duration::from_secs(secs)), "{value:?}");
        }
    }

    #[test]
    fn no_wait_is_longer_than_three_days() {
        for value in ["999999999", "99999999999999999999999999", "Sun, 06 Nov 2094 08:49:37 GMT"] {
            assert_eq!(parse(value, None, NOW), Some(LONGEST), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_at_most_three_days_and_no_panic(value in ".{0,40}", date in ".{0,40}", now: i64) {
            let wait = parse(&value, Some(&date), Micros(now));

            prop_assert!(wait.is_none_or(|wait| wait <= LONGEST));
        }

        #[test]
        fn any_number_of_seconds_is_kept_up_to_three_days(secs: u64) {
            let wait = parse(&secs.to_string(), None, NOW);

            prop_assert_eq!(wait, Some(Duration::from_secs(secs).min(LONGEST)));
        }
    }
}
