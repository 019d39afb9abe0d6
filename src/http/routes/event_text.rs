//! Events as server-sent events have them, and those that a reader wants.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{AcceptedEvent, EventsMissed, HealthEvent, JobEvent, RowsEvent, RunEvent, StreamEvent};
use crate::engine::read::json_lines;
use crate::engine::wrong::{Wrong, shown, wrong};
use crate::model::{Series, matches_selector};
use crate::telemetry::FeedKind;
use crate::telemetry::feed::{FeedEvent, FeedItem};

/// The most words of a filter.
const MOST_WORDS: usize = 100;

/// Which events a reader wants.
#[derive(Debug, Default, JsonSchema)]
pub(super) struct Filter {
    /// Names, prefixes or globs of series, several times or parted by commas; all by default.
    #[schemars(with = "Option<Vec<String>>")]
    series: Vec<String>,
    /// The events that are wanted, several times or parted by commas; by default all but `accepted`, which is asked for by
    /// itself and with series: the rows received live.
    #[schemars(rename = "kind", with = "Option<Vec<String>>")]
    kinds: Vec<FeedKind>,
}

impl Filter {
    /// A filter from the pairs of a query.
    pub(super) fn of_query(pairs: Vec<(String, String)>) -> Result<Self, Wrong> {
        let mut filter = Filter::default();
        for (name, value) in pairs {
            match name.as_str() {
                "series" => filter.series.extend(value.split(',').map(str::to_owned)),
                "kind" => {
                    let kinds = value.split(',').map(kind).collect::<Result<Vec<_>, _>>()?;
                    filter.kinds.extend(kinds);
                }
                other => {
                    let why = format!("there is no `{}`; there are series and kind", shown(other));
                    return Err(wrong("query", why));
                }
            }
        }
        if filter.series.len() + filter.kinds.len() > MOST_WORDS {
            return Err(wrong("series", format!("name at most {MOST_WORDS}, or use globs")));
        }
        if filter.kinds.contains(&FeedKind::Accepted) && (filter.kinds.len() > 1 || filter.series.is_empty())
        {
            return Err(wrong("kind", "`accepted` is asked for by itself, and with series"));
        }
        Ok(filter)
    }

    /// The selectors of the series whose rows are wanted, if rows are.
    pub(super) fn watched(&self) -> Option<&[String]> {
        (self.kinds == [FeedKind::Accepted]).then_some(&*self.series)
    }

    /// The text of an event, or of the part of it that is wanted.
    pub(super) fn text(&self, event: &FeedEvent, epoch: u64) -> Option<Bytes> {
        if !self.kinds.is_empty() && !self.kinds.contains(&event.item.kind()) {
            return None;
        }
        if self.series.is_empty() {
            return Some(event.text(|| text(event, &event.item, epoch)));
        }
        match &event.item {
            FeedItem::Rows(rows) => {
                let own = rows.iter().filter(|(series, _)| self.wants(series));
                let own: BTreeMap<Series, u64> = own.map(|(series, rows)| (series.clone(), *rows)).collect();
                (!own.is_empty()).then(|| text(event, &FeedItem::Rows(own), epoch))
            }
            FeedItem::Run { series, .. }
            | FeedItem::Job { series, .. }
            | FeedItem::Stream { series, .. }
            | FeedItem::Accepted { series, .. } => {
                self.wants(series).then(|| event.text(|| text(event, &event.item, epoch)))
            }
            // It is about no series: a reader of some has to ask for it.
            FeedItem::Health { .. } => {
                (!self.kinds.is_empty()).then(|| event.text(|| text(event, &event.item, epoch)))
            }
        }
    }

    fn wants(&self, series: &Series) -> bool {
        self.series.iter().any(|asked| matches_selector(asked, series))
    }
}

fn kind(text: &str) -> Result<FeedKind, Wrong> {
    let known = FeedKind::ALL.iter().find(|kind| kind.name() == text).copied();
    known.ok_or_else(|| {
        let all: Vec<&str> = FeedKind::ALL.iter().map(|kind| kind.name()).collect();
        wrong("kind", format!("`{}`; use {}", shown(text), all.join(", ")))
    })
}

fn text(event: &FeedEvent, item: &FeedItem, epoch: u64) -> Bytes {
    let (id, at, kind) = (id(epoch, event.number), event.at.to_string(), item.kind().name());
    match item {
        FeedItem::Rows(rows) => {
            let all = rows.values().sum();
            let series = rows.iter().map(|(series, rows)| (series.to_string(), *rows)).collect();
            block(&id, kind, &RowsEvent { at, rows: all, series })
        }
        FeedItem::Run { series, state, rows, error } => {
            let (series, state, error) = (series.to_string(), state.name(), error.as_deref());
            block(&id, kind, &RunEvent { at, series, state, rows: *rows, error })
        }
        FeedItem::Job { series, is_paused } => {
            let state = if *is_paused { "paused" } else { "resumed" };
            block(&id, kind, &JobEvent { at, series: series.to_string(), state })
        }
        FeedItem::Stream { series, state } => {
            block(&id, kind, &StreamEvent { at, series: series.to_string(), state: state.name() })
        }
        FeedItem::Accepted { series, rows } => {
            let head = AcceptedEvent { at, series: series.to_string(), rows: rows.len() };
            block_of_lines(&id, kind, &head, &json_lines(series, rows))
        }
        FeedItem::Health { status, reasons } => block(&id, kind, &HealthEvent { at, status, reasons }),
    }
}

/// The event that tells of others that are gone.
pub(super) fn missed(epoch: u64, place: u64, count: Option<u64>) -> Bytes {
    block(&id(epoch, place), "missed", &EventsMissed { missed: count })
}

/// Sets the place that a reader comes back to, before its first event.
pub(super) fn hello(epoch: u64, place: u64) -> Bytes {
    format!("retry: 3000\nid: {}\n\n", id(epoch, place)).into()
}

/// Shows a reader that the feed is alive.
pub(super) fn alive() -> Bytes {
    Bytes::from_static(b": alive\n\n")
}

fn block(id: &str, kind: &str, data: &impl Serialize) -> Bytes {
    // JSON has no line feed outside its texts, where it is escaped.
    let data = serde_json::to_string(data).expect("strings and numbers are always JSON");
    format!("id: {id}\nevent: {kind}\ndata: {data}\n\n").into()
}

/// An event with further lines of data.
fn block_of_lines(id: &str, kind: &str, head: &impl Serialize, lines: &str) -> Bytes {
    let head = serde_json::to_string(head).expect("strings and numbers are always JSON");
    let mut text = format!("id: {id}\nevent: {kind}\ndata: {head}\n");
    for line in lines.lines() {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text.into()
}

fn id(epoch: u64, number: u64) -> String {
    format!("{epoch:x}-{number}")
}

/// The process and the number of an event.
pub(super) fn parse_id(text: &str) -> Option<(u64, u64)> {
    let (epoch, number) = text.trim().split_once('-')?;
    Some((u64::from_str_radix(epoch, 16).ok()?, number.parse().ok()?))
}
