//! Families of live series and the connections that carry them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec};

use super::forget::forget;
use super::register::{LAG, Register, SYNC};
use super::stream_series::{Shared, StreamTable};
use crate::model::Kind;

/// Why a connection could not be made, as label values.
const FAILURES: [&str; 8] = ["address", "dns", "connect", "proxy", "tls", "refused", "protocol", "timeout"];
/// Why connections end, as label values.
const ENDS: [&str; 11] = [
    "stopped",
    "given_up",
    "closed",
    "reset",
    "silent",
    "too_long",
    "protocol",
    "unanswered",
    "stale",
    "lifetime",
    "notice",
];
/// How it shows that rows are missing, as label values.
const HOLES: [&str; 8] =
    ["left_out", "not_sent", "restarted", "overdue", "doubtful", "reconnect", "start", "shed"];
/// Why books are out of step, as label values.
const BREAKS: [&str; 8] =
    ["reconnect", "sequence", "checksum", "crossed", "unreadable", "shallow", "shed", "audit"];
/// The outcomes of comparisons of books, as label values.
const AUDITS: [&str; 4] = ["same", "differs", "behind", "undecided"];

/// The outcomes of checks, as label values.
const CHECKS: [&str; 3] = ["asked", "postponed", "spared"];

/// Live series, their connections and holes.
pub(crate) struct Streams {
    pub(super) table: StreamTable,
    pub(crate) lines: Lines,
    pub(crate) holes: Holes,
    pub(crate) books: Books,
    pub(crate) rows: IntCounterVec,
    pub(crate) lag: HistogramVec,
    pub(crate) accept: HistogramVec,
    pub(crate) checks: IntCounterVec,
    pub(crate) refusals: IntCounterVec,
    pub(crate) mismatches: IntCounterVec,
    pub(crate) waiting: IntGauge,
    pub(crate) most_waiting: IntGauge,
    /// The exchange and name of each declared line.
    known: Mutex<BTreeSet<(String, String)>>,
}

/// Connections, by the line they are made over.
pub(crate) struct Lines {
    pub(crate) connects: IntCounterVec,
    pub(crate) failures: IntCounterVec,
    pub(crate) ends: IntCounterVec,
    pub(crate) messages: IntCounterVec,
    pub(crate) ignored: IntCounterVec,
    pub(crate) repeated: IntCounterVec,
    pub(crate) unreadable: IntCounterVec,
}

/// Holes in live series and what became of them.
pub(crate) struct Holes {
    pub(crate) found: IntCounterVec,
    pub(crate) closed: IntCounterVec,
    pub(crate) refilled: IntCounterVec,
    pub(crate) refilled_rows: IntCounterVec,
}

/// Live books, by their exchange.
pub(crate) struct Books {
    pub(crate) resyncs: IntCounterVec,
    pub(crate) failed_resyncs: IntCounterVec,
    /// Bytes.
    pub(crate) waiting: IntGaugeVec,
    pub(crate) audits: IntCounterVec,
}

impl Streams {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Streams {
            table: StreamTable::new(),
            lines: Lines::new(add),
            holes: Holes::new(add),
            books: Books::new(add),
            rows: add.counters(
                "websocket_rows_total",
                "Rows received live and accepted.",
                &["exchange", "kind"],
            ),
            lag: add.histograms(
                "websocket_event_lag_seconds",
                "From the exchange's time of a message to its receipt; clocks that differ make it wrong by as much.",
                &["exchange", "kind"],
                LAG,
            ),
            accept: add.histograms(
                "websocket_accept_seconds",
                "From the receipt of rows until they survive the end of the process.",
                &["exchange"],
                SYNC,
            ),
            checks: add.counters(
                "websocket_checks_total",
                "Quiet live series that the exchange was asked about over REST (asked), checks put off because their share of its limit was spent (postponed), and those left out since another series of the connection was not sent (spared).",
                &["exchange", "kind", "outcome"],
            ),
            refusals: add.counters(
                "websocket_refusals_total",
                "Series that the exchange refused to send.",
                &["exchange", "kind"],
            ),
            mismatches: add.counters(
                "stream_mismatches_total",
                "Rows received live whose values differ from those the exchange answered over REST.",
                &["exchange", "kind"],
            ),
            waiting: add.count_gauge(
                "websocket_waiting_bytes",
                "Memory of live rows that are accepted and not yet in a file, in bytes.",
            ),
            most_waiting: add.count_gauge(
                "websocket_waiting_limit_bytes",
                "The most memory of such rows, in bytes: at this much, sockets are left unread.",
            ),
            known: Mutex::default(),
        }
    }

    pub(super) fn declare(&self, exchange: &str, kind: &str) {
        self.lag.with_label_values(&[exchange, kind]);
        self.accept.with_label_values(&[exchange]);
        if kind == Kind::OrderBook.name() {
            self.books.declare(exchange);
        }
        for reason in HOLES {
            self.holes.found.with_label_values(&[exchange, kind, reason]);
        }
        for outcome in CHECKS {
            self.checks.with_label_values(&[exchange, kind, outcome]);
        }
        for family in self.by_kind() {
            family.with_label_values(&[exchange, kind]);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .filter(|(own, _)| own == exchange)
            .for_each(|(_, line)| self.lines.declare(exchange, line));
    }

    pub(super) fn forget_kind(&self, exchange: &str, kind: &str) {
        let held = [("exchange", exchange), ("kind", kind)];
        if kind == Kind::OrderBook.name() {
            let own = [("exchange", exchange)];
            forget(&self.books.resyncs, &own);
            forget(&self.books.failed_resyncs, &own);
            forget(&self.books.audits, &own);
        }
        forget(&self.lag, &held);
        forget(&self.holes.found, &held);
        forget(&self.checks, &held);
        self.by_kind().iter().for_each(|family| forget(family, &held));
    }

    pub(super) fn forget_exchange(&self, exchange: &str) {
        let held = [("exchange", exchange)];
        forget(&self.accept, &held);
        self.lines.all().iter().for_each(|family| forget(family, &held));
    }

    /// Creates the label sets of a line, each at 0, and remembers it.
    pub(super) fn declare_line(&self, exchange: &str, line: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((exchange.to_owned(), line.to_owned()));
        self.lines.declare(exchange, line);
    }

    /// The counts that a series has in common with others.
    pub(super) fn shared(&self, exchange: &str, kind: &str) -> Shared {
        Shared {
            rows: self.rows.with_label_values(&[exchange, kind]),
            lag: self.lag.with_label_values(&[exchange, kind]),
            accept: self.accept.with_label_values(&[exchange]),
        }
    }

    fn by_kind(&self) -> [&IntCounterVec; 6] {
        let Holes { closed, refilled, refilled_rows, .. } = &self.holes;
        [&self.rows, closed, refilled, refilled_rows, &self.refusals, &self.mismatches]
    }
}

impl Lines {
    fn new(add: &Register<'_>) -> Self {
        let line = ["exchange", "line"].as_slice();
        let reason = ["exchange", "line", "reason"].as_slice();
        Lines {
            connects: add.counters("websocket_connects_total", "WebSocket connections made.", line),
            failures: add.counters(
                "websocket_connect_failures_total",
                "Attempts to connect that failed, by reason.",
                reason,
            ),
            ends: add.counters("websocket_disconnects_total", "Connections that ended, by reason.", reason),
            messages: add.counters("websocket_messages_total", "Messages received.", line),
            ignored: add.counters(
                "websocket_messages_ignored_total",
                "Messages left out: not asked for (unasked), or of an unknown kind (unknown).",
                reason,
            ),
            repeated: add.counters(
                "websocket_rows_repeated_total",
                "Rows left out because the same connection had sent them before.",
                line,
            ),
            unreadable: add.counters(
                "websocket_parse_errors_total",
                "Messages that could not be read.",
                line,
            ),
        }
    }

    fn declare(&self, exchange: &str, line: &str) {
        for family in [&self.connects, &self.messages, &self.repeated, &self.unreadable] {
            family.with_label_values(&[exchange, line]);
        }
        let closed = [
            (&self.failures, &FAILURES[..]),
            (&self.ends, &ENDS[..]),
            (&self.ignored, &["unasked", "unknown"][..]),
        ];
        for (family, reasons) in closed {
            for reason in reasons {
                family.with_label_values(&[exchange, line, reason]);
            }
        }
    }

    fn all(&self) -> [&IntCounterVec; 7] {
        [
            &self.connects,
            &self.failures,
            &self.ends,
            &self.messages,
            &self.ignored,
            &self.repeated,
            &self.unreadable,
        ]
    }
}

impl Books {
    fn new(add: &Register<'_>) -> Self {
        Books {
            resyncs: add.counters(
                "book_resyncs_total",
                "Live books that were begun anew, by why they were out of step.",
                &["exchange", "reason"],
            ),
            failed_resyncs: add.counters(
                "book_failed_resyncs_total",
                "Whole books that did not bring a live book into step.",
                &["exchange"],
            ),
            waiting: add.count_gauges(
                "book_waiting_bytes",
                "Memory of updates of live books that wait for a whole book to follow on, in bytes.",
                &["exchange"],
            ),
            audits: add.counters(
                "book_audits_total",
                "Comparisons of live books with the same over REST, by their outcome.",
                &["exchange", "outcome"],
            ),
        }
    }

    fn declare(&self, exchange: &str) {
        self.failed_resyncs.with_label_values(&[exchange]);
        self.waiting.with_label_values(&[exchange]);
        for reason in BREAKS {
            self.resyncs.with_label_values(&[exchange, reason]);
        }
        for outcome in AUDITS {
            self.audits.with_label_values(&[exchange, outcome]);
        }
    }
}

impl Holes {
    fn new(add: &Register<'_>) -> Self {
        Holes {
            found: add.counters(
                "websocket_holes_total",
                "Holes in live series, by how they show.",
                &["exchange", "kind", "reason"],
            ),
            closed: add.counters(
                "websocket_holes_closed_total",
                "Holes in live series that rows closed which came late.",
                &["exchange", "kind"],
            ),
            refilled: add.counters(
                "websocket_holes_refilled_total",
                "Holes in live series that were filled from history.",
                &["exchange", "kind"],
            ),
            refilled_rows: add.counters(
                "websocket_refilled_rows_total",
                "Rows fetched to fill holes in live series.",
                &["exchange", "kind"],
            ),
        }
    }
}
