//! Candle lengths, and the grids of their opens.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::DateTime;
use thiserror::Error;

use crate::model::{Micros, Window};

/// The length of a candle: a fixed number of seconds, or the calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// A fixed number of seconds.
    Fixed(u32),
    /// The calendar month, from 00:00 UTC on the first day to the same on the next.
    Month,
}

/// The number of seconds that stands for the calendar month in configurations.
const MONTH_SECS: u32 = 2_592_000;

const LABELS: [(u32, &str); 18] = [
    (60, "1m"),
    (180, "3m"),
    (300, "5m"),
    (900, "15m"),
    (1_800, "30m"),
    (3_600, "1h"),
    (7_200, "2h"),
    (10_800, "3h"),
    (14_400, "4h"),
    (21_600, "6h"),
    (28_800, "8h"),
    (43_200, "12h"),
    (86_400, "1d"),
    (259_200, "3d"),
    (604_800, "1w"),
    (1_209_600, "14d"),
    (1_296_000, "15d"),
    (MONTH_SECS, "1mo"),
];

impl Span {
    /// One minute.
    pub const MINUTE: Span = Span::Fixed(60);
    /// One hour.
    pub const HOUR: Span = Span::Fixed(3_600);
    /// One day.
    pub const DAY: Span = Span::Fixed(86_400);
    /// One week.
    pub const WEEK: Span = Span::Fixed(604_800);

    /// The span for a number of seconds in a configuration; 2592000 is the calendar month.
    ///
    /// # Errors
    /// If below 60 seconds or above a year.
    pub fn of_secs(secs: u64) -> Result<Self, SpanError> {
        match u32::try_from(secs) {
            Ok(MONTH_SECS) => Ok(Span::Month),
            Ok(secs @ 60..=31_622_400) => Ok(Span::Fixed(secs)),
            _ => Err(SpanError::OutOfRange { secs }),
        }
    }

    /// The number of seconds that stands for this span in configurations; 2592000 for a month.
    #[must_use]
    pub fn secs(self) -> u32 {
        match self {
            Span::Fixed(secs) => secs,
            Span::Month => MONTH_SECS,
        }
    }

    /// The label in paths and metrics: `1m`, `1h`, `1mo`, or `90s` if there is no larger unit.
    #[must_use]
    pub fn label(self) -> String {
        let secs = self.secs();
        LABELS
            .iter()
            .find(|(known, _)| *known == secs)
            .map_or_else(|| format!("{secs}s"), |(_, label)| (*label).to_owned())
    }

    /// The default grid, for exchanges that do not differ: weeks begin on Monday, other lengths count from the
    /// epoch.
    #[must_use]
    pub fn grid(self) -> Grid {
        // 1970-01-01 was a Thursday; the first Monday came four days later.
        let anchor_secs = if self == Span::WEEK { 4 * 86_400 } else { 0 };
        Grid { span: self, anchor_secs }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        if let Some((secs, _)) = LABELS.iter().find(|(_, label)| *label == text) {
            return Span::of_secs(u64::from(*secs));
        }
        let unknown = || SpanError::Unreadable { text: text.to_owned() };
        let secs = text.strip_suffix('s').ok_or_else(unknown)?.parse().map_err(|_| unknown())?;
        Span::of_secs(secs)
    }
}

/// The opens of a span's candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The length of a candle.
    pub span: Span,
    /// Seconds after the epoch at which some candle opens; unused for months.
    pub anchor_secs: i64,
}

impl Grid {
    /// The open of the candle that contains `at`.
    #[inline]
    #[must_use]
    pub fn floor(&self, at: Micros) -> Micros {
        match self.span {
            Span::Fixed(secs) => {
                let step = i64::from(secs) * 1_000_000;
                let anchor = self.anchor_secs * 1_000_000;
                Micros(at.0 - (at.0 - anchor).rem_euclid(step))
            }
            Span::Month => {
                let date = at.utc().date();
                Micros::of_utc(date.first_of_month().to_datetime(jiff::civil::Time::midnight()))
            }
        }
    }

    /// The first open at or after `at`.
    #[must_use]
    pub fn ceil(&self, at: Micros) -> Micros {
        let open = self.floor(at);
        if open == at { at } else { self.next(open) }
    }

    /// The open after `open`, which is also the end of its candle.
    #[must_use]
    #[doc(hidden)]
    pub fn next(&self, open: Micros) -> Micros {
        self.step(open, 1)
    }

    /// The open `count` candles after the one that contains `at`; negative counts go back.
    #[must_use]
    #[doc(hidden)]
    pub fn step(&self, at: Micros, count: i64) -> Micros {
        let open = self.floor(at);
        match self.span {
            Span::Fixed(secs) => {
                Micros(open.0.saturating_add(i64::from(secs).saturating_mul(count).saturating_mul(1_000_000)))
            }
            Span::Month => {
                let months = count.clamp(-19_000 * 12, 19_000 * 12);
                let there: DateTime = open.utc().saturating_add(months.months());
                Micros::of_utc(there)
            }
        }
    }

    /// The number of candles that open inside `window`.
    #[must_use]
    #[doc(hidden)]
    pub fn count(&self, window: Window) -> u64 {
        let (first, last) = (self.ceil(window.from), self.ceil(window.until));
        if last <= first {
            return 0;
        }
        let count = match self.span {
            Span::Fixed(secs) => (last.0 - first.0) / (i64::from(secs) * 1_000_000),
            Span::Month => {
                let (from, until) = (first.utc(), last.utc());
                (i64::from(until.year()) - i64::from(from.year())) * 12 + i64::from(until.month())
                    - i64::from(from.month())
            }
        };
        u64::try_from(count).unwrap_or(0)
    }

    /// Whether a candle may open at `at`.
    #[inline]
    #[must_use]
    pub fn holds(&self, at: Micros) -> bool {
        self.floor(at) == at
    }
}

/// Why a span was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SpanError {
    /// Too short or too long for a candle.
    #[error("span must be between 60 seconds and one year, got {secs}")]
    OutOfRange {
        /// The number given.
        secs: u64,
    },
    /// An unknown label.
    #[error("`{text}` is no span; write a label such as 1m, 1h, 1d, 1w, 1mo or a number of seconds like 90s")]
    Unreadable {
        /// The text given.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Zone;

    fn at(text: &str) -> Micros {
        Micros::parse(text, &Zone::UTC).unwrap()
    }

    #[test]
    fn weeks_open_on_monday_and_months_on_their_first_day() {
        assert_eq!(Span::WEEK.grid().floor(at("2024-02-29 12:00:00")), at("2024-02-26"));
        assert_eq!(Span::Month.grid().floor(at("2024-02-29 12:00:00")), at("2024-02-01"));
        assert_eq!(Span::Fixed(14_400).grid().floor(at("2024-02-29 15:59:59")), at("2024-02-29 12:00:00"));
    }

    #[test]
    fn the_month_after_february_opens_on_the_first_of_march_in_leap_years_too() {
        let months = Span::Month.grid();
        assert_eq!(months.next(at("2024-02-01")), at("2024-03-01"));
        assert_eq!(months.next(at("2023-02-01")), at("2023-03-01"));
        assert_eq!(months.step(at("2024-03-31"), -1), at("2024-02-01"));
        assert_eq!(months.count(Window::new(at("2023-12-15"), at("2024-03-01")).unwrap()), 2);
    }

    #[test]
    fn labels_and_spans_are_each_others_inverse() {
        for (secs, label) in LABELS {
            let span = Span::of_secs(u64::from(secs)).unwrap();
            assert_eq!((span.label().as_str(), label.parse::<Span>().unwrap()), (label, span));
        }
        assert_eq!("90s".parse::<Span>().unwrap().label(), "90s");
        assert!("1M".parse::<Span>().is_err(), "upper-case M is a month to some and a minute to others");
    }

    fn any_grid() -> impl Strategy<Value = Grid> {
        prop_oneof![
            prop::sample::select(LABELS.to_vec())
                .prop_map(|(secs, _)| Span::of_secs(u64::from(secs)).unwrap().grid()),
            (60_u32..1_000_000, -1_000_000_i64..1_000_000)
                .prop_map(|(secs, anchor_secs)| Grid { span: Span::Fixed(secs), anchor_secs }),
        ]
    }

    proptest! {
        #[test]
        fn an_instant_lies_in_the_candle_it_floors_to(grid in any_grid(), secs in -4_000_000_000_i64..8_000_000_000) {
            let instant = Micros(secs * 1_000_000 + 17);
            let open = grid.floor(instant);
            prop_assert!(open <= instant && instant < grid.next(open));
            prop_assert!(grid.holds(open));
            prop_assert_eq!(grid.step(grid.next(open), -1), open);
            prop_assert_eq!(grid.count(Window::new(open, grid.next(open)).unwrap()), 1);
        }

        #[test]
        fn steps_add_up(grid in any_grid(), secs in 0_i64..4_000_000_000, there in -500_i64..500, more in -500_i64..500) {
            let open = grid.floor(Micros::from_secs(secs));
            prop_assert_eq!(grid.step(grid.step(open, there), more), grid.step(open, there + more));
        }
    }
}
