//! Instants in microseconds UTC, and parsing and formatting of dates.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::model::foreign;

/// An instant: microseconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Micros(pub i64);

impl Micros {
    /// The earliest plausible instant of a row: 2009-01-01, when Bitcoin began.
    pub const OLDEST: Micros = Micros(1_230_768_000_000_000);

    /// From whole seconds since the epoch.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Micros(secs.saturating_mul(1_000_000))
    }

    /// From whole milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Micros(millis.saturating_mul(1_000))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[must_use]
    #[doc(hidden)]
    pub const fn millis_floor(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole milliseconds since the epoch, rounded up.
    #[must_use]
    #[doc(hidden)]
    pub const fn millis_ceil(self) -> i64 {
        self.0.saturating_add(999).div_euclid(1_000)
    }

    /// Seconds since the epoch as a float, for Prometheus and `metrics.json`.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// From seconds as a float, as stored in `metrics.json`.
    #[must_use]
    pub(crate) fn from_secs_f64(secs: f64) -> Self {
        Micros((secs * 1e6).round() as i64)
    }

    /// The time since `earlier`; zero if this is before it.
    #[must_use]
    pub fn since(self, earlier: Micros) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The instant as a calendar timestamp, clamped to the years jiff can hold.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }

    /// The civil date and time of this instant in UTC.
    #[must_use]
    pub(crate) fn utc(self) -> DateTime {
        TimeZone::UTC.to_datetime(self.timestamp())
    }

    /// The instant of a civil date and time in UTC.
    #[must_use]
    pub(crate) fn of_utc(at: DateTime) -> Self {
        TimeZone::UTC.to_timestamp(at).map_or(Micros(i64::MAX), |at| Micros(at.as_microsecond()))
    }

    /// Parses `2024-01-31`, `2024-01-31 23:59:59`, `2024-01-31T23:59:59` (in `zone`) or an RFC 3339 instant.
    ///
    /// # Errors
    /// With the text and the supported forms.
    pub fn parse(text: &str, zone: &Zone) -> Result<Self, TimeError> {
        let text = text.trim();
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Micros(at.as_microsecond()));
        }
        let civil: DateTime = text.parse().map_err(|_| TimeError::Unreadable { text: text.to_owned() })?;
        let zoned =
            zone.0.to_timestamp(civil).map_err(|_| TimeError::Unreadable { text: text.to_owned() })?;
        Ok(Micros(zoned.as_microsecond()))
    }
}

impl fmt::Display for Micros {
    /// `2024-01-31T23:59:59Z`, with a fraction only if it is not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl Add<Duration> for Micros {
    type Output = Micros;

    fn add(self, by: Duration) -> Micros {
        Micros(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Micros {
    type Output = Micros;

    fn sub(self, by: Duration) -> Micros {
        Micros(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Add<SignedDuration> for Micros {
    type Output = Micros;

    fn add(self, by: SignedDuration) -> Micros {
        Micros(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// A time zone for dates on the command line and in tables; files are always UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// Parses `local`, `utc` (any case) or an IANA name such as `Europe/Paris`.
    ///
    /// # Errors
    /// With the unknown zone.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        match text.to_ascii_lowercase().as_str() {
            "local" => Ok(Zone(TimeZone::system())),
            "utc" => Ok(Zone::UTC),
            _ => TimeZone::get(text).map(Zone).map_err(|_| TimeError::UnknownZone { name: foreign(text) }),
        }
    }

    /// The time zone, for calendar arithmetic.
    #[must_use]
    pub(crate) fn tz(&self) -> &TimeZone {
        &self.0
    }

    /// An instant as `2024-01-31 23:59` in this zone.
    #[must_use]
    #[doc(hidden)]
    pub fn minute(&self, at: Micros) -> String {
        self.0.to_datetime(at.timestamp()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// An instant as `2024-01-31 23:59:59` in this zone.
    #[must_use]
    #[doc(hidden)]
    pub fn second(&self, at: Micros) -> String {
        self.0.to_datetime(at.timestamp()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// An instant as `2024-01-31 23:59:59.123456` in this zone.
    #[must_use]
    pub(crate) fn exact(&self, at: Micros) -> String {
        self.0.to_datetime(at.timestamp()).strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
    }

    /// Both ends of a window to the second, and with their fractions where they would look the same without.
    #[must_use]
    pub(crate) fn ends(&self, from: Micros, until: Micros) -> [String; 2] {
        match from != until && self.second(from) == self.second(until) {
            true => [from, until].map(|at| self.exact(at)),
            false => [from, until].map(|at| self.second(at)),
        }
    }

    /// An instant as `2024-01-31` in this zone.
    #[must_use]
    #[doc(hidden)]
    pub fn day(&self, at: Micros) -> String {
        self.0.to_datetime(at.timestamp()).strftime("%Y-%m-%d").to_string()
    }
}

/// Why a date or a zone was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TimeError {
    /// The text is not a supported date.
    #[error("`{text}` is not a date; write 2024-01-31, \"2024-01-31 23:59:59\" or 2024-01-31T23:59:59Z")]
    Unreadable {
        /// The text given.
        text: String,
    },
    /// The zone is not in the time zone database.
    #[error("unknown timezone `{name}`; use local, UTC or an IANA name like Europe/Paris")]
    UnknownZone {
        /// The name given.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_zone_given_and_instants_in_their_own() {
        let paris = Zone::parse("Europe/Paris").unwrap();
        assert_eq!(Micros::parse("2024-07-01", &Zone::UTC).unwrap(), Micros::from_secs(1_719_792_000));
        assert_eq!(Micros::parse("2024-07-01 02:00:00", &paris).unwrap(), Micros::from_secs(1_719_792_000));
        assert_eq!(Micros::parse("2024-07-01T00:00:00Z", &paris).unwrap(), Micros::from_secs(1_719_792_000));
    }

    #[test]
    fn an_unreadable_date_says_how_to_write_one() {
        let error = Micros::parse("2024/01/01", &Zone::UTC).unwrap_err();
        assert!(error.to_string().contains("2024/01/01") && error.to_string().contains("2024-01-31"));
    }

    #[test]
    fn milliseconds_round_outwards_at_the_edges_of_a_window() {
        assert_eq!((Micros(1_001).millis_floor(), Micros(1_001).millis_ceil()), (1, 2));
        assert_eq!((Micros(-1).millis_floor(), Micros(-1).millis_ceil()), (-1, 0));
    }

    #[test]
    fn ends_that_look_the_same_to_the_second_have_their_fractions() {
        let ends = |from, until| Zone::UTC.ends(Micros(from), Micros(until));

        assert_eq!(ends(250_000, 500_000), ["1970-01-01 00:00:00.250000", "1970-01-01 00:00:00.500000"]);
        assert_eq!(ends(250_000, 1_500_000), ["1970-01-01 00:00:00", "1970-01-01 00:00:01"]);
        assert_eq!(ends(250_000, 250_000), ["1970-01-01 00:00:00", "1970-01-01 00:00:00"]);
    }

    #[test]
    fn an_instant_prints_as_rfc_3339_in_utc() {
        assert_eq!(Micros::from_secs(0).to_string(), "1970-01-01T00:00:00Z");
    }
}
