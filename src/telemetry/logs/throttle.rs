//! Limits how often lines of one kind are written per minute; the excess is counted and reported in one line.
//!
//! A kind is a place in the code, its message, and the series, else the exchange, that it concerns. Errors of one
//! series never hide those of another, unless the table is full; then all lines of a place are one kind.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;

use super::line::LogLine;

/// Lines of a kind written within [`WINDOW`].
const LINES: u32 = 20;

/// The period over which lines of a kind are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// The most kinds tracked, besides the places in the code, which are fewer.
const KINDS: usize = 1_000;

/// How often expired kinds are removed.
const SWEEP: Duration = Duration::from_secs(1);

/// Counts the lines of each kind.
pub(super) struct Throttle {
    hasher: RandomState,
    state: Mutex<ThrottleState>,
}

struct ThrottleState {
    kinds: HashMap<u64, Count>,
    swept: Instant,
}

struct Count {
    since: Instant,
    written: u32,
    left_out: u64,
    /// The last line left out.
    like: Option<LogLine>,
}

/// The decision about a line.
pub(super) struct Verdict {
    /// Whether it is written.
    pub(super) is_written: bool,
    /// Lines to write before it, which report those left out earlier.
    pub(super) before: Vec<LogLine>,
}

impl Throttle {
    /// An empty table.
    pub(super) fn new(now: Instant) -> Self {
        let state = ThrottleState { kinds: HashMap::new(), swept: now };
        Throttle { hasher: RandomState::new(), state: Mutex::new(state) }
    }

    /// Decides about a line from a place in the code.
    pub(super) fn judge(&self, place: &Identifier, line: &LogLine, now: Instant) -> Verdict {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.sweep(now);
        let mut kind = self.hasher.hash_one((place, line.message(), line.whose()));
        if state.kinds.len() >= KINDS && !state.kinds.contains_key(&kind) {
            kind = self.hasher.hash_one(place);
        }
        let count =
            state.kinds.entry(kind).or_insert(Count { since: now, written: 0, left_out: 0, like: None });
        let is_written = count.written < LINES;
        if is_written {
            count.written += 1;
        } else {
            count.left_out += 1;
            count.like = Some(line.bare());
        }
        Verdict { is_written, before }
    }

    /// Ends every count; returns the lines that report what was left out.
    pub(super) fn end(&self) -> Vec<LogLine> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.kinds.drain().filter_map(|(_, count)| count.told()).collect()
    }
}

impl ThrottleState {
    /// Ends the expired counts.
    fn sweep(&mut self, now: Instant) -> Vec<LogLine> {
        if now.duration_since(self.swept) < SWEEP {
            return Vec::new();
        }
        self.swept = now;
        let over = self.kinds.extract_if(|_, count| now.duration_since(count.since) >= WINDOW);
        over.filter_map(|(_, count)| count.told()).collect()
    }
}

impl Count {
    fn told(self) -> Option<LogLine> {
        self.like.map(|line| line.left_out(self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing::callsite::Callsite;

    use super::*;

    /// A place in the code.
    fn place() -> Identifier {
        tracing::callsite! { name: "place", kind: tracing::metadata::Kind::EVENT, fields: }
            .metadata()
            .callsite()
    }

    fn line(series: &str, message: &str) -> LogLine {
        LogLine::said(Level::WARN, Some(series), message)
    }

    fn told(lines: &[LogLine]) -> Vec<String> {
        lines.iter().map(|line| format!("{} {}", line.whose().unwrap_or("-"), line.message())).collect()
    }

    #[test]
    fn what_comes_too_often_is_left_out_and_told_once_its_minute_is_over() {
        let (place, began) = (place(), Instant::now());
        let throttle = Throttle::new(began);
        let judge = |after: u64| {
            let at = began + Duration::from_secs(after);
            throttle.judge(&place, &line("a/B-C/trades", "run failed"), at)
        };

        let written = (0..50).filter(|_| judge(10).is_written).count();
        assert_eq!(written, 20);
        assert!(judge(69).before.is_empty(), "its minute is not over");
        let next = judge(71);
        assert!(next.is_written);
        assert_eq!(told(&next.before), ["a/B-C/trades run failed: 31 like it were left out"]);
        assert!(throttle.end().is_empty(), "nothing was left out since");
    }

    #[test]
    fn one_series_or_message_hides_no_other_and_the_end_tells_of_all() {
        let (place, now) = (place(), Instant::now());
        let throttle = Throttle::new(now);
        for _ in 0..21 {
            throttle.judge(&place, &line("a/B-C/trades", "run failed"), now);
        }

        assert!(throttle.judge(&place, &line("a/D-C/trades", "run failed"), now).is_written);
        assert!(throttle.judge(&place, &line("a/B-C/trades", "run stopped"), now).is_written);
        assert!(!throttle.judge(&place, &line("a/B-C/trades", "run failed"), now).is_written);
        assert_eq!(told(&throttle.end()), ["a/B-C/trades run failed: 2 like it were left out"]);
    }

    #[test]
    fn the_table_is_bounded_and_lines_beyond_it_are_one_kind() {
        let (place, now) = (place(), Instant::now());
        let throttle = Throttle::new(now);
        let judged = |number: usize| {
            throttle.judge(&place, &line("a/B-C/trades", &format!("said {number}")), now).is_written
        };

        let written = (0..10 * KINDS).filter(|number| judged(*number)).count();

        assert_eq!(written, KINDS + LINES as usize);
        assert_eq!(throttle.state.lock().unwrap().kinds.len(), KINDS + 1);
    }
}
