//! The tests of rules, as they are written in the rules, on the metrics of this process.

use prometheus::proto::Metric;

use super::freshness::stale_after;
use super::samples::{Samples, of_label};
use crate::telemetry::series_of;

/// The test of a rule. Thresholds are texts, as the rules have them.
pub(super) enum Test {
    /// `family == 1`, `family > 0.8` and the like.
    Level {
        family: &'static str,
        only: Option<(&'static str, &'static str)>,
        op: &'static str,
        value: &'static str,
    },
    /// `family / of < 0.05`, where `of` is not 0.
    Share { family: &'static str, of: &'static str, op: &'static str, value: &'static str },
    /// `time() - family > 60`; an instant of 0 is none.
    Age { family: &'static str, value: &'static str },
    /// `family - time() < 7 * 86400`, or `>`; an instant of 0 is none.
    Left { family: &'static str, op: &'static str, value: &'static str },
    /// `family < other`, or `>=`, where `other` is not 0.
    Than { family: &'static str, op: &'static str, other: &'static str },
    /// The newest row is older than its series' rows may be.
    Stale,
}

/// A sample that meets a rule.
pub(super) struct Found {
    pub(super) value: f64,
    pub(super) exchange: Option<String>,
    pub(super) series: Option<String>,
}

impl Test {
    /// Whether it is a test of a family, beside those of freshness.
    pub(super) fn looks_at(&self, name: &str) -> bool {
        match self {
            Test::Level { family, .. } | Test::Age { family, .. } | Test::Left { family, .. } => {
                *family == name
            }
            Test::Share { family, of: other, .. } | Test::Than { family, other, .. } => {
                [*family, *other].contains(&name)
            }
            Test::Stale => false,
        }
    }

    /// Everything that meets it.
    pub(super) fn found(&self, samples: &Samples<'_>) -> Vec<Found> {
        let met = |op: &str, one: f64, other: &str| holds(op, one, number(other));
        match self {
            Test::Level { family, only, op, value } => {
                let wanted = |row: &Metric| only.is_none_or(|(label, wanted)| of_label(row, label) == wanted);
                let rows = samples.rows(family).filter(|(row, _)| wanted(row));
                // Skew is as bad one way as the other.
                let rows = rows.filter(|(_, level)| met(op, level.abs(), value));
                rows.map(|(row, level)| found(row, level)).collect()
            }
            Test::Share { family, of, op, value } => {
                let shares = pairs(samples, family, of).map(|(row, part, whole)| (row, part / whole));
                let rows = shares.filter(|(_, share)| met(op, *share, value));
                rows.map(|(row, share)| found(row, share)).collect()
            }
            Test::Age { family, value } => {
                let ages = since(samples, family).map(|(row, at)| (row, samples.now() - at));
                ages.filter(|(_, age)| met(">", *age, value)).map(|(row, age)| found(row, age)).collect()
            }
            Test::Left { family, op, value } => {
                let left = since(samples, family).map(|(row, at)| (row, at - samples.now()));
                left.filter(|(_, left)| met(op, *left, value)).map(|(row, left)| found(row, left)).collect()
            }
            Test::Than { family, op, other } => {
                let rows = pairs(samples, family, other).filter(|(_, own, other)| holds(op, *own, *other));
                rows.filter(|(_, own, _)| *op != ">=" || *own > 0.0)
                    .map(|(row, own, _)| found(row, own))
                    .collect()
            }
            Test::Stale => stale(samples),
        }
    }
}

/// Both values of two families that have one sample each, or the same labels.
fn pairs<'s>(
    samples: &'s Samples<'_>,
    family: &str,
    other: &str,
) -> impl Iterator<Item = (&'s Metric, f64, f64)> {
    let others: Vec<(&Metric, f64)> = samples.rows(other).collect();
    let rows = samples.rows(family).filter_map(move |(row, own)| {
        let same = others.iter().find(|(other, _)| other.get_label() == row.get_label());
        let other = same.or_else(|| others.first().filter(|_| others.len() == 1))?.1;
        Some((row, own, other))
    });
    rows.filter(|(_, _, other)| *other > 0.0)
}

fn since<'s>(samples: &'s Samples<'_>, family: &str) -> impl Iterator<Item = (&'s Metric, f64)> {
    samples.rows(family).filter(|(_, at)| *at > 0.0)
}

/// Of a process that has just started, nothing is stale yet.
fn stale(samples: &Samples<'_>) -> Vec<Found> {
    const CATCHES_UP_SECS: f64 = 900.0;
    let started = samples.rows("process_start_time_seconds").next().map_or(0.0, |(_, at)| at);
    if samples.now() - started <= CATCHES_UP_SECS {
        return Vec::new();
    }
    let limits = stale_after(samples);
    let rows = since(samples, "dccd_series_newest_row_timestamp_seconds");
    let old = rows.filter_map(|(row, newest)| {
        let (age, limit) = (samples.now() - newest, limits.get(&series_of(row))?);
        (age > *limit).then(|| found(row, age))
    });
    old.collect()
}

fn found(row: &Metric, value: f64) -> Found {
    let is_of_series = !of_label(row, "pair").is_empty();
    let exchange = Some(of_label(row, "exchange")).filter(|name| !name.is_empty());
    Found {
        value,
        exchange: exchange.map(|name| format!("exchange {name}")),
        series: is_of_series.then(|| series_of(row)),
    }
}

fn holds(op: &str, one: f64, other: f64) -> bool {
    match op {
        ">" => one > other,
        "<" => one < other,
        ">=" => one >= other,
        _ => one == other,
    }
}

/// A threshold such as `0.05`, `8e6` or `7 * 86400`.
fn number(text: &str) -> f64 {
    text.split('*').map(|factor| factor.trim().parse().unwrap_or(f64::NAN)).product()
}
