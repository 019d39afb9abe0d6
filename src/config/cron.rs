//! A job's cron line.

use std::fmt;

use croner::parser::{CronParser, Seconds, Year};

use crate::model::{Micros, Zone};

/// Five fields of standard cron: minute, hour, day of month, month, day of week.
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    /// Boxed, as a parsed line is large and most jobs have none.
    pattern: Box<croner::Cron>,
    text: String,
}

impl Cron {
    /// Reads a cron line.
    ///
    /// # Errors
    /// The problem, if the line is invalid.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields = text.split_whitespace().count();
        if fields != 5 {
            return Err(format!("cron needs 5 fields (minute hour day month weekday), found {fields}"));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern =
            parser.parse(text).map_err(|error| error.to_string().trim_end_matches('.').to_owned())?;
        let cron = Cron { pattern: Box::new(pattern), text: text.to_owned() };
        // Any instant will do: a line that matches at all does so within the years the search covers.
        match cron.next_after(Micros::OLDEST, &Zone::UTC) {
            Some(_) => Ok(cron),
            None => Err("this cron line never comes".to_owned()),
        }
    }

    /// The first match after `at`, with fields in `zone`. `None` if there is none.
    #[must_use]
    pub(crate) fn next_after(&self, at: Micros, zone: &Zone) -> Option<Micros> {
        let from = at.timestamp().to_zoned(zone.tz().clone());
        let next = self.pattern.find_next_occurrence(&from, false).ok()?;
        Some(Micros(next.timestamp().as_microsecond()))
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(line: &str, at: &str, zone: &str) -> String {
        let zone = Zone::parse(zone).unwrap();
        Cron::parse(line)
            .unwrap()
            .next_after(Micros::parse(at, &Zone::UTC).unwrap(), &zone)
            .unwrap()
            .to_string()
    }

    #[test]
    fn the_next_time_is_read_in_the_zone_and_strictly_later() {
        assert_eq!(next("30 6 * * *", "2024-07-01 06:30:00", "UTC"), "2024-07-02T06:30:00Z");
        assert_eq!(next("30 6 * * *", "2024-07-01 00:00:00", "Europe/Paris"), "2024-07-01T04:30:00Z");
        assert_eq!(next("*/15 * * * 1-5", "2024-07-06 12:00:00", "UTC"), "2024-07-08T00:00:00Z");
        assert_eq!(next("0 0 29 2 *", "2025-01-01", "UTC"), "2028-02-29T00:00:00Z");
    }

    #[test]
    fn lines_that_are_not_five_fields_or_never_come_are_refused() {
        for line in ["* * * *", "0 * * * * *", "@daily", "61 * * * *", "x * * * *", "0 0 30 2 *", ""] {
            assert!(Cron::parse(line).is_err(), "{line:?} was read as cron");
        }
    }
}
