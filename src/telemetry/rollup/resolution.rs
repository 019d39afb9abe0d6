//! The resolutions of the history: the width of their buckets, and how many of them are kept.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::model::Micros;

/// The width of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// One minute; the last hour is kept.
    Minute,
    /// Five minutes; the last day is kept.
    FiveMinutes,
    /// One hour; the last week is kept.
    Hour,
    /// One day of UTC; the last 90 days are kept.
    Day,
}

/// A text that names no resolution.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a resolution; use one of 1m, 5m, 1h, 1d")]
pub struct UnknownResolution(String);

impl Resolution {
    /// All of them, the finest first.
    pub const ALL: [Resolution; 4] =
        [Resolution::Minute, Resolution::FiveMinutes, Resolution::Hour, Resolution::Day];

    /// The greatest age of any point.
    pub const MOST_AGE: Duration = Duration::from_secs(7_776_000);

    /// `1m`, `5m`, `1h` or `1d`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Resolution::Minute => "1m",
            Resolution::FiveMinutes => "5m",
            Resolution::Hour => "1h",
            Resolution::Day => "1d",
        }
    }

    /// The width of a bucket in seconds.
    #[must_use]
    pub const fn secs(self) -> i64 {
        match self {
            Resolution::Minute => 60,
            Resolution::FiveMinutes => 300,
            Resolution::Hour => 3_600,
            Resolution::Day => 86_400,
        }
    }

    /// The width of a bucket.
    #[must_use]
    pub const fn width(self) -> Duration {
        Duration::from_secs(self.secs().unsigned_abs())
    }

    /// The number of buckets that are kept, the open one included.
    #[must_use]
    pub const fn points(self) -> u32 {
        match self {
            Resolution::Minute => 60,
            Resolution::FiveMinutes => 288,
            Resolution::Hour => 168,
            Resolution::Day => 90,
        }
    }

    /// The start of the bucket that holds an instant.
    #[must_use]
    pub const fn bucket(self, at: Micros) -> Micros {
        let width = self.secs() * 1_000_000;
        Micros(at.0.saturating_sub(at.0.rem_euclid(width)))
    }

    /// The end of the bucket that holds an instant.
    #[must_use]
    pub fn end(self, at: Micros) -> Micros {
        self.bucket(at) + self.width()
    }

    /// The start of the oldest bucket that is kept at an instant.
    #[must_use]
    pub fn oldest(self, now: Micros) -> Micros {
        let kept = (self.width() * self.points()).min(Self::MOST_AGE);
        self.end(now) - kept
    }

    /// The buckets that are kept at an instant, the open one included.
    #[must_use]
    pub fn kept(self, now: Micros) -> Range<Micros> {
        self.oldest(now)..self.end(now)
    }

    /// The finest resolution that is kept for as long as since an instant; `None` if that is too long ago.
    #[must_use]
    pub fn reaching(since: Micros, now: Micros) -> Option<Self> {
        Self::ALL.into_iter().find(|resolution| resolution.oldest(now) <= resolution.bucket(since))
    }

    /// Its place in [`Resolution::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Resolution {
    type Err = UnknownResolution;

    /// Reads its name, or the one that other programs use: `1min`, `5min`, `1hour`, `1day`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1m" | "1min" => Ok(Resolution::Minute),
            "5m" | "5min" => Ok(Resolution::FiveMinutes),
            "1h" | "1hour" => Ok(Resolution::Hour),
            "1d" | "1day" => Ok(Resolution::Day),
            other => Err(UnknownResolution(other.chars().take(40).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        Micros::parse(text, &crate::model::Zone::UTC).unwrap()
    }

    #[test]
    fn a_bucket_begins_at_a_multiple_of_its_width_also_before_1970() {
        let instant = at("2026-01-05T10:07:59.9Z");
        let starts = Resolution::ALL.map(|resolution| resolution.bucket(instant).to_string());

        assert_eq!(
            starts,
            ["2026-01-05T10:07:00Z", "2026-01-05T10:05:00Z", "2026-01-05T10:00:00Z", "2026-01-05T00:00:00Z"]
        );
        assert_eq!(Resolution::Hour.bucket(Micros(-1)), at("1969-12-31T23:00:00Z"));
        assert_eq!(Resolution::Day.bucket(Micros(i64::MIN)), Micros(i64::MIN));
    }

    #[test]
    fn sixty_minutes_are_kept_with_the_open_one_and_ninety_days() {
        let now = at("2026-01-05T10:07:30Z");

        assert_eq!(Resolution::Minute.oldest(now), at("2026-01-05T09:08:00Z"));
        assert_eq!(Resolution::Minute.end(now), at("2026-01-05T10:08:00Z"));
        assert_eq!(Resolution::Day.oldest(now), at("2025-10-08T00:00:00Z"));
    }

    #[test]
    fn the_finest_resolution_that_reaches_back_is_found() {
        let now = at("2026-01-05T10:07:30Z");
        let reaching = |text| Resolution::reaching(at(text), now).map(Resolution::name);

        assert_eq!(reaching("2026-01-05T09:08:10Z"), Some("1m"));
        assert_eq!(reaching("2026-01-05T09:07:59Z"), Some("5m"));
        assert_eq!(reaching("2026-01-01T00:00:00Z"), Some("1h"));
        assert_eq!(reaching("2025-12-01T00:00:00Z"), Some("1d"));
        assert_eq!(reaching("1926-01-01T00:00:00Z"), None);
    }

    #[test]
    fn a_resolution_is_read_by_either_name_and_nothing_else() {
        for resolution in Resolution::ALL {
            assert_eq!(resolution.name().parse(), Ok(resolution));
        }
        assert_eq!("1hour".parse(), Ok(Resolution::Hour));
        for odd in ["2min", "", "1M", "60", " 1m"] {
            assert!(odd.parse::<Resolution>().unwrap_err().to_string().contains("1m, 5m, 1h, 1d"), "{odd}");
        }
    }
}
