//! A question about the history as texts, from a request or a command line, and what is wrong with it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

use crate::db::{DbError, HistoryQuery};
use crate::engine::wrong::{Wrong, past_instant, wrong};
use crate::model::{Micros, Zone};
use crate::telemetry::rollup::{Key, Resolution, matches_prefix};

/// The metrics of an answer unless it is asked for more or fewer.
const METRICS: u32 = 100;
/// The most metrics of an answer.
const MOST_METRICS: u32 = 200;
/// The most characters of a worker's name.
const WORKER_CHARS: usize = 64;

/// A question. What is left out has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Whole segments that the keys begin with; all keys by default.
    pub(crate) prefix: Option<String>,
    /// The worker's name, with or without its process; all workers by default.
    #[schemars(regex(pattern = "^[A-Za-z0-9_.-]{1,64}(:.*)?$"))]
    pub(crate) worker: Option<String>,
    /// `1m` (the last hour is kept), `5m` (a day), `1h` (a week) or `1d` (90 days); by default the finest that reaches
    /// back to `since`, else `5m`.
    #[schemars(extend("enum" = ["1m", "5m", "1h", "1d"]))]
    pub(crate) resolution: Option<String>,
    /// An instant, or a length of time such as `6h` before now; by default all that is kept.
    pub(crate) since: Option<String>,
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
    /// The most metrics, 1 to 200; by default 100.
    #[schemars(with = "Option<u32>", range(min = 1, max = 200))]
    pub(crate) limit: Option<String>,
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// A part of it is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// The state store cannot be read.
    #[error(transparent)]
    Store(#[from] DbError),
}

impl Asked {
    /// Checks it. Dates without a zone are in `zone`, and refused without one.
    pub(crate) fn query(&self, zone: Option<&Zone>, now: Micros) -> Result<HistoryQuery, Wrong> {
        let prefix = self.prefix.clone().unwrap_or_default();
        if !prefix.is_empty() && Key::new(&prefix).is_err() {
            return Err(wrong(
                "prefix",
                format!("it has at most {} bytes and no NUL character", Key::MOST_BYTES),
            ));
        }
        let named = self.resolution.as_deref().map(str::parse::<Resolution>).transpose();
        let named = named.map_err(|error| wrong("resolution", error.to_string()))?;
        let since = self.since.as_deref().map(|text| since(text, zone, now)).transpose()?;
        let resolution = match (named, since) {
            (Some(named), _) => named,
            (None, Some(since)) => Resolution::reaching(since, now).unwrap_or(Resolution::Day),
            (None, None) => Resolution::FiveMinutes,
        };
        let mut range = resolution.kept(now);
        if let Some(since) = since {
            let from = resolution.bucket(since);
            if from < range.start {
                return Err(wrong("since", too_long_ago(since, resolution, now)));
            }
            range.start = from;
        }
        let query = HistoryQuery {
            worker: self.worker.as_deref().map(worker).transpose()?,
            after: self.cursor.as_deref().map(|cursor| after(cursor, &prefix)).transpose()?,
            most: self.limit.as_deref().map_or(Ok(METRICS), limit)?,
            prefix,
            resolution,
            range,
        };
        Ok(query)
    }
}

/// A length of time before now, or an instant.
fn since(text: &str, zone: Option<&Zone>, now: Micros) -> Result<Micros, Wrong> {
    let form = "use a length of time such as 90m, 6h or 7d, or an instant such as 2026-01-31T12:00:00Z";
    length(text).map_or_else(|| past_instant("since", text, zone, now, form), |length| Ok(now - length))
}

/// `90m`, `6h` or `7d`.
fn length(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, secs) = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
        .into_iter()
        .find_map(|(unit, secs)| Some((text.strip_suffix(unit)?, secs)))?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number that is too large is longer ago than anything.
    let number: u64 = number.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(number.saturating_mul(secs)))
}

fn too_long_ago(since: Micros, resolution: Resolution, now: Micros) -> String {
    let oldest = resolution.oldest(now);
    let coarser = Resolution::reaching(since, now).map_or_else(String::new, |reaching| {
        format!(", or resolution {reaching}, which reaches further back")
    });
    format!(
        "{since} is before {oldest}, the oldest that is kept at resolution {resolution}; use a later instant{coarser}"
    )
}

/// The stable part of a worker's name, which its process and the time of its start may follow.
fn worker(text: &str) -> Result<String, Wrong> {
    let id = text.split(':').next().unwrap_or_default();
    let is_odd = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    if id.is_empty() || id.len() > WORKER_CHARS || id.contains(is_odd) {
        return Err(wrong("worker", format!("a name has 1 to {WORKER_CHARS} letters, digits and - _ .")));
    }
    Ok(id.to_owned())
}

fn after(cursor: &str, prefix: &str) -> Result<String, Wrong> {
    if Key::new(cursor).is_err() || !matches_prefix(prefix, cursor) {
        return Err(wrong("cursor", "it is not of this query; begin again without it"));
    }
    Ok(cursor.to_owned())
}

fn limit(text: &str) -> Result<u32, Wrong> {
    let limit = text.parse().ok().filter(|limit| (1..=MOST_METRICS).contains(limit));
    limit.ok_or_else(|| wrong("limit", format!("expected a whole number from 1 to {MOST_METRICS}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-05T10:07:00Z";

    fn at(text: &str) -> Micros {
        Micros::parse(text, &Zone::UTC).unwrap()
    }

    fn ask(change: impl FnOnce(&mut Asked)) -> Result<HistoryQuery, String> {
        let mut asked = Asked::default();
        change(&mut asked);
        asked.query(None, at(NOW)).map_err(|error| error.to_string())
    }

    #[test]
    fn an_hour_of_minutes_ends_with_the_open_one() {
        let query = ask(|asked| asked.resolution = Some("1min".into())).unwrap();

        assert_eq!(query.range, at("2026-01-05T09:08:00Z")..at("2026-01-05T10:08:00Z"));
    }

    #[test]
    fn the_finest_resolution_that_reaches_back_is_taken() {
        let since = |text: &str| ask(|asked| asked.since = Some(text.into())).unwrap();

        assert_eq!(since("30m").resolution, Resolution::Minute);
        assert_eq!(since("6h").resolution, Resolution::FiveMinutes);
        assert_eq!(since("2026-01-01T00:00:00+01:00").resolution, Resolution::Hour);
        assert_eq!(since("2025-12-01T00:00:00Z").range.start, at("2025-12-01T00:00:00Z"));
        assert_eq!(ask(|_| {}).unwrap().resolution, Resolution::FiveMinutes);
    }

    #[test]
    fn what_is_wrong_is_named_with_the_remedy() {
        let refused = |change: fn(&mut Asked)| ask(change).unwrap_err();
        let minutes = |asked: &mut Asked, since: &str| {
            (asked.resolution, asked.since) = (Some("1m".into()), Some(since.to_owned()));
        };

        for (error, parts) in [
            (
                refused(|asked| asked.resolution = Some("2min".into())),
                ["resolution: `2min`", "1m, 5m, 1h, 1d"],
            ),
            (
                ask(|asked| minutes(asked, "7200s")).unwrap_err(),
                ["since: 2026-01-05T08:07:00Z is before", "resolution 5m"],
            ),
            (refused(|asked| asked.since = Some("100000d".into())), ["since: ", "resolution 1d"]),
            (
                refused(|asked| asked.since = Some("99999999999999999999d".into())),
                ["since: ", "resolution 1d"],
            ),
            (refused(|asked| asked.since = Some("2026-01-05T09:00:00".into())), ["since: ", "has no zone"]),
            (
                refused(|asked| asked.since = Some("2027-01-05T09:00:00Z".into())),
                ["since: ", "in the future"],
            ),
            (refused(|asked| asked.since = Some("yesterday".into())), ["since: `yesterday`", "such as 90m"]),
            (refused(|asked| asked.limit = Some("0".into())), ["limit: ", "1 to 200"]),
            (refused(|asked| asked.limit = Some("201".into())), ["limit: ", "1 to 200"]),
            (refused(|asked| asked.worker = Some("a b".into())), ["worker: ", "letters"]),
            (refused(|asked| asked.worker = Some(String::new())), ["worker: ", "letters"]),
            (refused(|asked| asked.prefix = Some("a\0".into())), ["prefix: ", "NUL"]),
        ] {
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_cursor_of_another_query_is_refused() {
        let page = |prefix: &str, cursor: &str| {
            ask(|asked| (asked.prefix, asked.cursor) = (Some(prefix.into()), Some(cursor.into())))
        };

        assert_eq!(page("queue", "queue:a:depth").unwrap().after.as_deref(), Some("queue:a:depth"));
        assert!(page("queue", "job:a").unwrap_err().contains("cursor: it is not of this query"));
    }

    #[test]
    fn a_worker_is_found_by_the_name_that_health_shows() {
        let query = ask(|asked| asked.worker = Some("worker-1:4711:5f3a".into())).unwrap();

        assert_eq!(query.worker.as_deref(), Some("worker-1"));
    }

    #[test]
    fn a_date_without_a_zone_is_in_that_of_the_configuration() {
        let asked = Asked { since: Some("2026-01-05".into()), ..Asked::default() };

        let query = asked.query(Some(&Zone::UTC), at(NOW)).unwrap();

        assert_eq!(
            (query.resolution, query.range.start),
            (Resolution::FiveMinutes, at("2026-01-05T00:00:00Z"))
        );
    }
}
