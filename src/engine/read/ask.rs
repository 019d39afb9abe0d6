//! A question for rows as texts, from a request or a command line, and what is wrong with it.

use std::time::Duration;

use schemars::JsonSchema;
use thiserror::Error;

use crate::engine::read::columns::columns;
use crate::engine::wrong::{Wrong, instant, past_instant, shown, wrong};
use crate::export::rows::RowFormat;
use crate::model::{Kind, Micros, NoMatch, Series, Zone, select};
use crate::store::reader::ReadRequest;
use crate::store::{Layout, StoreError, is_held};

/// The longest range that both ends are named of.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub(crate) struct Asked {
    /// Names, prefixes or globs of series of one kind, several times or parted by commas: `*/BTC-USDT/ohlc/1h`.
    #[schemars(length(min = 1))]
    pub(crate) series: Vec<String>,
    /// An instant with its zone; by default from the first row.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) from: Option<String>,
    /// An instant with its zone, itself left out; by default to the last row.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) until: Option<String>,
    /// Names of columns, parted by commas; all by default.
    pub(crate) columns: Option<String>,
    /// The most rows; all by default.
    #[schemars(with = "Option<u64>", range(min = 1))]
    pub(crate) limit: Option<String>,
    /// By default `jsonl`.
    #[schemars(extend("enum" = ["jsonl", "csv", "arrow", "parquet"]))]
    pub(crate) format: Option<String>,
}

/// A question that is right.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) request: ReadRequest,
    pub(crate) format: RowFormat,
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// A part of it is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// A name matches no series of which anything is stored.
    #[error(transparent)]
    NoSeries(#[from] NoMatch),
    /// The state cannot be taken.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The answer did not begin.
    #[error("the rows could not be read: {reason}")]
    Broken {
        /// The cause.
        reason: String,
    },
}

impl Asked {
    /// A question from the pairs of a query.
    ///
    /// # Errors
    /// The first name that is unknown or given twice.
    pub(crate) fn of_query(pairs: Vec<(String, String)>) -> Result<Self, Wrong> {
        let mut asked = Asked::default();
        for (name, value) in pairs {
            let (name, own) = match name.as_str() {
                "series" => {
                    asked.series.extend(value.split(',').map(str::to_owned));
                    continue;
                }
                "from" => ("from", &mut asked.from),
                "until" => ("until", &mut asked.until),
                "columns" => ("columns", &mut asked.columns),
                "limit" => ("limit", &mut asked.limit),
                "format" => ("format", &mut asked.format),
                other => {
                    let why = format!(
                        "there is no `{}`; there are series, from, until, columns, limit and format",
                        shown(other)
                    );
                    return Err(wrong("query", why));
                }
            };
            if own.replace(value).is_some() {
                return Err(wrong(name, "it is given twice"));
            }
        }
        Ok(asked)
    }

    /// Checks it against what is stored. Dates without a zone are in `zone`, and refused without one.
    ///
    /// # Errors
    /// The first part of it that is wrong.
    pub(crate) fn plan(
        &self,
        layout: &Layout,
        zone: Option<&Zone>,
        now: Micros,
        default: RowFormat,
    ) -> Result<Plan, AskError> {
        let format = self.format.as_deref().map_or(Ok(default), format)?;
        let limit = self.limit.as_deref().map(limit).transpose()?;
        let (from, until) = self.range(zone, now)?;
        let series = self.series(layout)?;
        let kind = one_kind(&series)?;
        let columns = columns(kind, self.columns.as_deref())?;
        Ok(Plan { request: ReadRequest { series, from, until, columns, limit }, format })
    }

    fn range(&self, zone: Option<&Zone>, now: Micros) -> Result<(Option<Micros>, Option<Micros>), Wrong> {
        let form = "write a date such as 2026-01-31 or an instant such as 2026-01-31T12:03:07Z";
        let from =
            self.from.as_deref().map(|text| past_instant("from", text, zone, now, form)).transpose()?;
        let until = self.until.as_deref().map(|text| instant("until", text, zone, form)).transpose()?;
        if let (Some(from), Some(until)) = (from, until) {
            if from >= until {
                let why = format!("{until} is not after {from}, from which rows are asked for");
                return Err(wrong("until", why));
            }
            if until.since(from) > LONGEST {
                let why = format!("{from} until {until} is more than a hundred years; leave one of them out");
                return Err(wrong("from", why));
            }
        }
        Ok((from, until))
    }

    fn series(&self, layout: &Layout) -> Result<Vec<Series>, AskError> {
        if self.series.is_empty() {
            return Err(wrong("series", "name one, such as binance/BTC-USDT/ohlc/1h").into());
        }
        let all = layout.listed()?;
        let held: Vec<&Series> = all.iter().filter(|series| is_held(layout, series)).collect();
        Ok(select(&self.series, held)?.into_iter().cloned().collect())
    }
}

fn one_kind(series: &[Series]) -> Result<Kind, Wrong> {
    let first = series[0].kind();
    match series.iter().find(|own| own.kind() != first) {
        None => Ok(first),
        Some(other) => {
            let why = format!(
                "{} and {other} have different columns; name series of one kind, such as '**/{first}'",
                series[0]
            );
            Err(wrong("series", why))
        }
    }
}

fn limit(text: &str) -> Result<u64, Wrong> {
    let limit = text.parse().ok().filter(|limit| *limit > 0);
    limit.ok_or_else(|| wrong("limit", format!("`{}` is no whole number from 1 on", shown(text))))
}

fn format(text: &str) -> Result<RowFormat, Wrong> {
    let known = RowFormat::ALL.into_iter().find(|format| format.name() == text);
    known.ok_or_else(|| wrong("format", format!("`{}`; use csv, jsonl, arrow or parquet", shown(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Asked)) -> String {
        let folder = tempfile::tempdir().unwrap();
        for series in ["binance/trades/BTC-USDT", "binance/ohlc/BTC-USDT/1h"] {
            let folder = folder.path().join(series);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::File::create(folder.join("_series.json")).unwrap();
        }
        let mut asked = Asked { series: vec!["binance/BTC-USDT/ohlc".to_owned()], ..Asked::default() };
        change(&mut asked);
        let now = Micros::from_secs(1_750_000_000);
        let planned = asked.plan(&Layout::new(folder.path()), None, now, RowFormat::Csv);
        planned.err().map_or_else(|| "it is right".to_owned(), |error| error.to_string())
    }

    #[test]
    fn what_is_wrong_with_a_question_is_named_with_the_remedy() {
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(refused(|_| {}), "it is right");
        assert!(refused(|asked| asked.series.clear()).starts_with("series: name one"));
        assert_eq!(
            refused(|asked| asked.series = vec!["binanc".to_owned()]),
            "no series matches `binanc`; did you mean binance?"
        );
        assert!(
            refused(|asked| asked.series = vec!["binance".to_owned()]).contains("have different columns")
        );
        assert_eq!(
            refused(|asked| asked.columns = own("ts,price")),
            "columns: ohlc has no column `price`; it has ts, open, high, low, close, volume, quote_volume, trades"
        );
        assert_eq!(refused(|asked| asked.columns = own("ts,ts")), "columns: `ts` is named twice");
        assert!(refused(|asked| asked.limit = own("0")).starts_with("limit: `0` is no whole number"));
        assert!(refused(|asked| asked.format = own("xml")).starts_with("format: `xml`; use csv"));
        assert!(refused(|asked| asked.from = own("2030-01-01T00:00:00Z")).contains("is in the future"));
        let range =
            |from: &str, until: &str| refused(|asked| (asked.from, asked.until) = (own(from), own(until)));
        assert_eq!(
            range("2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z"),
            "until: 2025-01-01T00:00:00Z is not after 2025-01-02T00:00:00Z, from which rows are asked for"
        );
        assert!(range("1900-01-01T00:00:00Z", "2025-01-01T00:00:00Z").contains("more than a hundred years"));
    }

    #[test]
    fn a_query_names_several_series_and_everything_else_once() {
        let pairs = |all: &[(&str, &str)]| {
            let own = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Asked::of_query(own)
        };

        let asked = pairs(&[("series", "a/*"), ("limit", "3"), ("series", "b,c")]).unwrap();

        assert_eq!(asked.series, ["a/*", "b", "c"]);
        assert_eq!(
            pairs(&[("limit", "3"), ("limit", "4")]).unwrap_err().to_string(),
            "limit: it is given twice"
        );
        assert!(pairs(&[("colums", "ts")]).unwrap_err().to_string().contains("there is no `colums`"));
    }
}
