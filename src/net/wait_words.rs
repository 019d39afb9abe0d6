//! Parses how long to wait from the text of a refusal, for exchanges that send no header: `banned until
//! 1700000000000`, `Throttled: 1700000060`, `until 2023-11-14T22:13:20Z`, `retry in 30 seconds`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::model::Micros;
use crate::net::retry_after::LONGEST;

/// Words that introduce a time to wait.
const WAITING: [&str; 8] = ["in", "after", "for", "wait", "waiting", "until", "till", "another"];

/// How many words may stand between such a word and its time: `try again in about 30 seconds`.
const NEAR: usize = 2;

/// How long the text asks to wait at `now`, by the exchange's clock: until the latest instant or for the longest
/// time it contains, at most three days. `None` if it contains none in the future.
pub(super) fn wait(words: &str, now: Micros) -> Option<Duration> {
    let words: Vec<&str> = words.split_whitespace().map(trimmed).collect();
    let instants = (0..words.len()).filter_map(|at| instant(&words, at)).map(|until| until.since(now));
    let lengths = (0..words.len()).filter_map(|at| length(&words, at));
    let longest = instants.chain(lengths).max()?.min(LONGEST);
    (!longest.is_zero()).then_some(longest)
}

/// A word without surrounding punctuation.
fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

/// The instant in a word: a date, or seconds or finer units since the epoch.
fn instant(words: &[&str], at: usize) -> Option<Micros> {
    counted(words[at]).or_else(|| written(words, at))
}

/// Digits are an instant only if they are as many as for the present.
fn counted(word: &str) -> Option<Micros> {
    // Words may be `until=1700000000000` or `1700000000.`.
    let digits = word.rsplit(|c: char| !c.is_ascii_digit()).find(|part| part.len() >= 10)?;
    let number: i64 = digits.parse().ok()?;
    match digits.len() {
        10 => Some(Micros::from_secs(number)),
        13 => Some(Micros::from_millis(number)),
        16 => Some(Micros(number)),
        19 => Some(Micros(number / 1_000)),
        _ => None,
    }
}

/// A date and time, in UTC unless stated otherwise.
fn written(words: &[&str], at: usize) -> Option<Micros> {
    let word = words[at];
    if !word.get(..4)?.bytes().all(|byte| byte.is_ascii_digit()) || word.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let joined = words.get(at + 1).map(|time| format!("{word}T{time}"));
    let alone = (!word.contains(['T', 't'])).then_some(joined).flatten();
    let text = alone.as_deref().unwrap_or(word);
    let zoned = text.parse::<Timestamp>().ok().map(|at| Micros(at.as_microsecond()));
    zoned.or_else(|| text.parse::<DateTime>().ok().map(Micros::of_utc))
}

/// The duration starting at a word, such as `30 seconds` or `5min`, if the words before it introduce a wait.
fn length(words: &[&str], at: usize) -> Option<Duration> {
    let word = words[at];
    let split = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, attached) = word.split_at(split);
    let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite())?;
    let unit = if attached.is_empty() { words.get(at + 1).copied()? } else { attached };
    let secs = match unit.to_ascii_lowercase().as_str() {
        "ms" | "millis" | "millisecond" | "milliseconds" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    };
    let before = &words[at.saturating_sub(NEAR)..at];
    let is_waiting = |word: &&str| WAITING.contains(&word.to_ascii_lowercase().as_str());
    let is_wait = words[at.saturating_sub(NEAR + 1)..at].iter().any(is_waiting);
    let is_rate = before.iter().any(|word| matches!(word.to_ascii_lowercase().as_str(), "per" | "every"));
    let length = Duration::try_from_secs_f64(number * secs).unwrap_or(LONGEST);
    (is_wait && !is_rate).then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Micros = Micros::from_secs(1_700_000_000);

    fn secs(words: &str) -> Option<f64> {
        wait(words, NOW).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn an_instant_is_waited_for_in_whatever_unit_it_is_told() {
        for words in [
            "Way too many requests; IP(1.2.3.4) banned until 1700000060000. Please use the websocket for live updates.",
            "Throttled: 1700000060",
            "banned until=1700000060000",
            "EService:Throttled:1700000060",
            "IP banned until 2023-11-14T22:14:20Z",
            "IP banned until 2023-11-14T23:14:20+01:00.",
            "locked till 2023-11-14 22:14:20 (UTC)",
            "banned until 1700000060000000",
            "banned until 1700000060000000000",
        ] {
            assert_eq!(secs(words), Some(60.0), "{words}");
        }
    }

    #[test]
    fn a_length_of_time_is_waited_for_where_it_is_said_to_be() {
        for (words, is) in [
            ("Rate limit exceeded, retry in 1 seconds.", 1.0),
            ("Too many requests. Please try again in 30 seconds", 30.0),
            ("try again in about 5 minutes", 300.0),
            ("Please wait 10min", 600.0),
            ("You are banned for 2 hours.", 7_200.0),
            ("retry after 1500ms", 1.5),
            ("retry after 1.5 s", 1.5),
            ("wait 30s, or until 1700000060", 60.0),
            ("banned for 30 days", 3.0 * 86_400.0),
        ] {
            assert_eq!(secs(words), Some(is), "{words}");
        }
    }

    #[test]
    fn numbers_that_are_no_wait_are_none() {
        for words in [
            "",
            "Too many requests",
            "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.",
            "Too many requests; current limit of IP(123.123.123.123) is 1200 requests per minute",
            "Exceeded 600 requests every 5 seconds",
            "banned until 1699999999000",
            "banned until further notice",
            "order 170000000 in queue",
            "request 12345678901 refused",
            "2023-11-99T22:14:20Z",
            "10 seconds",
        ] {
            assert_eq!(secs(words), None, "{words}");
        }
    }

    #[test]
    fn no_wait_is_longer_than_three_days() {
        for words in [
            "banned until 9999999999999",
            "banned until 9999-12-31T00:00:00Z",
            "wait 1e9 days",
            "wait 99999999999 s",
        ] {
            assert!(wait(words, NOW).is_none_or(|wait| wait <= LONGEST), "{words}");
        }
        assert_eq!(wait("banned until 9999999999999", NOW), Some(LONGEST));
    }

    proptest! {
        #[test]
        fn any_words_give_at_most_three_days_and_no_panic(words in ".{0,80}", now in any::<i64>()) {
            let wait = wait(&words, Micros(now));
            prop_assert!(wait.is_none_or(|wait| wait <= LONGEST));
        }
    }
}
