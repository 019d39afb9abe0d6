//! Reads `Retry-After`: seconds, or an HTTP date (RFC 9110, section 10.2.3).

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

use crate::model::Micros;

/// The longest wait obeyed; the longest ban an exchange documents is three days.
pub(crate) const LONGEST: Duration = Duration::from_secs(3 * 86_400);

/// How long a `Retry-After` asks us to wait; none when it is neither a number nor a date.
///
/// A date is measured from `date`, the answer's own `Date`, so that our clock may be wrong; from `now` where
/// there is none. A date already past means no wait.
pub(crate) fn parse(value: &str, date: Option<&str>, now: Micros) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds are still a number of seconds, and a long one.
        return Some(value.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let until = http_date(value)?;
    let from = date.and_then(http_date).unwrap_or(now);
    Some(until.since(from).min(LONGEST))
}

/// The instant of an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(text: &str) -> Option<Micros> {
    // A wrong weekday is no reason to send too early.
    let at = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()?;
    Some(Micros(at.as_microsecond()))
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
        for value in ["", "soon", "-5", "1.5", "0x10", "Sun, 99 Nov 1994 08:49:37 GMT", "7 seconds"] {
            assert_eq!(parse(value, None, NOW), None, "{value:?}");
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
