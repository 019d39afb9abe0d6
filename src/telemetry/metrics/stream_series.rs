//! Families counted per live series, kept as plain numbers and labelled only at a scrape.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, RwLock};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{Histogram, IntCounter};

use super::collect::{desc, series_labels};
use super::series::{Count, Level};
use super::stream_books::{BREAKS, BookMetrics, IN_STEP, OUT_SECONDS};
use super::table::{About, FamilyWriter, LabelSet, Table, objects};
use crate::model::{Kind, Series};
use crate::telemetry::{LiveState, read, write};

/// The counts of one live series, with its share of histograms that it has in common with others.
pub(crate) struct StreamMetrics {
    state: AtomicU8,
    pub(crate) last_message: Level,
    stale: Count,
    pub(crate) covered_secs: Count,
    pub(crate) rows: IntCounter,
    pub(crate) lag: Histogram,
    pub(crate) accept: Histogram,
    /// The key of the lag's history.
    pub(crate) lag_key: String,
    /// Of a book.
    pub(crate) book: Option<BookMetrics>,
}

/// The key under which the history keeps the lag of live series of an exchange and a kind.
pub(crate) fn lag_key(series: &Series) -> String {
    format!("stream:{}:{}:lag", series.exchange(), series.kind().name())
}

impl StreamMetrics {
    pub(crate) fn set_state(&self, state: LiveState) {
        let before = self.state.swap(state as u8, Ordering::Relaxed);
        if state == LiveState::Stale && before != state as u8 {
            self.stale.add(1);
        }
    }

    /// 1 in its state, 0 in the others.
    fn is_in(&self, state: LiveState) -> f64 {
        f64::from(u8::from(self.state.load(Ordering::Relaxed) == state as u8))
    }
}

/// Counters that live series of an exchange or a kind share.
pub(super) struct Shared {
    pub(super) rows: IntCounter,
    pub(super) lag: Histogram,
    pub(super) accept: Histogram,
}

/// Every declared live series. Clones share it.
#[derive(Clone)]
pub(super) struct StreamTable(Arc<Declared>);

struct Declared {
    declared: RwLock<BTreeMap<Series, Arc<StreamMetrics>>>,
    descs: Vec<Desc>,
}

const STATE: About = (
    "dccd_websocket_state",
    "1 for the state of a live series: connecting, live, stale or refused; all 0 where this process does not listen to it.",
);
const LAST_MESSAGE: About = (
    "dccd_websocket_last_message_timestamp_seconds",
    "The exchange's time of the newest message with rows of the series, in seconds since 1970; 0 before the first.",
);
const STALE: About =
    ("dccd_websocket_stale_total", "Times the exchange had newer rows of a live series than it sent.");
const COVERED: About =
    ("dccd_websocket_covered_seconds_total", "Time that live rows were proven to cover completely.");

impl StreamTable {
    pub(super) fn new() -> Self {
        let own = ["exchange", "kind", "pair", "span"].as_slice();
        let descs = vec![
            desc(STATE, &["exchange", "kind", "pair", "span", "state"]),
            desc(LAST_MESSAGE, own),
            desc(STALE, own),
            desc(COVERED, own),
            desc(IN_STEP, own),
            desc(OUT_SECONDS, own),
            desc(BREAKS, own),
        ];
        StreamTable(Arc::new(Declared { declared: RwLock::default(), descs }))
    }

    /// Declares a live series, at 0 if it is new.
    pub(super) fn declare(&self, series: &Series, shared: impl FnOnce() -> Shared) {
        write(&self.0.declared).entry(series.clone()).or_insert_with(|| {
            let Shared { rows, lag, accept } = shared();
            Arc::new(StreamMetrics {
                state: AtomicU8::new(LiveState::Off as u8),
                last_message: Level::default(),
                stale: Count::default(),
                covered_secs: Count::default(),
                rows,
                lag,
                accept,
                lag_key: lag_key(series),
                book: (series.kind() == Kind::OrderBook).then(BookMetrics::default),
            })
        });
    }

    /// Removes a live series; `false` if it was not declared.
    pub(super) fn forget(&self, series: &Series) -> bool {
        write(&self.0.declared).remove(series).is_some()
    }

    pub(super) fn get(&self, series: &Series) -> Option<Arc<StreamMetrics>> {
        read(&self.0.declared).get(series).map(Arc::clone)
    }

    /// Whether a series of the exchange is declared; of this kind, if one is given.
    pub(super) fn has(&self, exchange: &str, kind: Option<Kind>) -> bool {
        let is_one =
            |series: &Series| series.exchange() == exchange && kind.is_none_or(|kind| series.kind() == kind);
        read(&self.0.declared).keys().any(is_one)
    }
}

impl Collector for StreamTable {
    fn desc(&self) -> Vec<&Desc> {
        self.0.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        objects(self)
    }
}

impl Table for StreamTable {
    fn write(&self, to: &mut dyn FamilyWriter) {
        let declared = read(&self.0.declared);
        let all: Vec<(LabelSet, &StreamMetrics)> =
            declared.iter().map(|(series, own)| (LabelSet::new(series_labels(series)), &**own)).collect();
        let mut of_books = |about, kind, value: fn(&BookMetrics) -> f64| {
            to.begin(about, kind);
            let books = all.iter().filter_map(|(labels, own)| Some((labels, own.book.as_ref()?)));
            books.for_each(|(labels, book)| to.sample(labels, None, value(book)));
        };
        of_books(IN_STEP, MetricType::GAUGE, BookMetrics::in_step);
        of_books(OUT_SECONDS, MetricType::COUNTER, BookMetrics::out_seconds);
        of_books(BREAKS, MetricType::COUNTER, BookMetrics::breaks);
        to.begin(STATE, MetricType::GAUGE);
        for (labels, own) in &all {
            for state in LiveState::SHOWN {
                to.sample(labels, Some(("state", state.name())), own.is_in(state));
            }
        }
        let mut one = |about, kind, value: fn(&StreamMetrics) -> f64| {
            to.begin(about, kind);
            all.iter().for_each(|(labels, own)| to.sample(labels, None, value(own)));
        };
        one(LAST_MESSAGE, MetricType::GAUGE, |own| own.last_message.get());
        one(STALE, MetricType::COUNTER, |own| own.stale.get());
        one(COVERED, MetricType::COUNTER, |own| own.covered_secs.get());
    }
}
