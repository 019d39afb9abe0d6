//! Counters of all simulated sockets, and the choice of the next fault.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::model::Micros;
use crate::sim::knobs::Knobs;
use crate::sim::ws::fault::{Struck, WsFault};
use crate::sim::ws::limits::{Limits, Recent, WsLimit};

/// How many connections, and ids of trades left out, are remembered; counts go on beyond.
const KEPT: usize = 100_000;

/// The counts of one exchange since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SocketCounts {
    /// Connections that were opened.
    pub connections: u64,
    /// Connections that are open.
    pub open: u64,
    /// Texts that clients sent.
    pub messages: u64,
    /// Topics that were subscribed.
    pub subscribed: u64,
    /// Topics that were given up.
    pub unsubscribed: u64,
    /// Topics that were refused, for a reason or on purpose.
    pub refused: u64,
    /// Topics of the connections that are open.
    pub topics: u64,
    /// Frames with rows that were sent.
    pub frames: u64,
    /// Faults that struck.
    pub faults: BTreeMap<WsFault, u64>,
    /// Limits that a client overstepped.
    pub over: BTreeMap<WsLimit, u64>,
    /// Trades that were left out by a hole: symbol and id.
    #[serde(skip)]
    pub left_out: Vec<(String, u64)>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketSeen {
    /// Its number among all, from 1.
    pub number: u64,
    /// The exchange.
    pub exchange: &'static str,
    /// Path and query.
    pub path: String,
    /// When it was opened, by the exchange's clock.
    pub opened: Micros,
    /// When it ended.
    pub closed: Option<Micros>,
    /// Texts that the client sent on it.
    pub messages: u64,
    /// Topics that it has, or had when it ended.
    pub topics: u64,
}

/// The counters of all exchanges, under one lock.
#[derive(Debug, Default)]
pub(in crate::sim) struct Counters(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    exchanges: BTreeMap<&'static str, SocketCounts>,
    connects: BTreeMap<&'static str, Recent>,
    seen: VecDeque<SocketSeen>,
    connections: u64,
    frames: u64,
    trade_frames: u64,
    subscriptions: u64,
    /// Faults ordered by hand, which strike as soon as they can.
    ordered: Vec<WsFault>,
}

impl Inner {
    fn of(&mut self, exchange: &'static str) -> &mut SocketCounts {
        self.exchanges.entry(exchange).or_default()
    }

    fn seen(&mut self, number: u64) -> Option<&mut SocketSeen> {
        let first = self.seen.front()?.number;
        self.seen.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// Takes the first ordered fault that fits, or that of the first rule that strikes.
    fn strike(
        &mut self,
        knobs: &Knobs,
        fits: impl Fn(WsFault) -> bool,
        number: impl Fn(&Inner, WsFault) -> u64,
    ) -> Option<WsFault> {
        if let Some(place) = self.ordered.iter().position(|fault| fits(*fault)) {
            return Some(self.ordered.remove(place));
        }
        let strikes = |(place, fault, rate): (usize, WsFault, crate::sim::rule::Rate)| {
            let seed = knobs.seed ^ SEED ^ ((place as u64) << 56);
            (fits(fault) && rate.strikes(seed, number(self, fault))).then_some(fault)
        };
        knobs.ws_faults.iter().enumerate().find_map(|(place, rule)| strikes((place, rule.fault, rule.rate)))
    }
}

/// Sets the draws of sockets apart from those of requests.
const SEED: u64 = 0x50c4_e700;

impl Counters {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::sim) fn counts(&self) -> BTreeMap<&'static str, SocketCounts> {
        self.inner().exchanges.clone()
    }

    pub(in crate::sim) fn seen(&self) -> Vec<SocketSeen> {
        self.inner().seen.iter().cloned().collect()
    }

    pub(in crate::sim) fn order(&self, fault: WsFault) {
        self.inner().ordered.push(fault);
    }

    /// Counts an attempt to connect; returns whether it is one too many.
    pub(super) fn connects_too_often(&self, exchange: &'static str, limits: &Limits, now: Micros) -> bool {
        let mut inner = self.inner();
        let is_over = inner.connects.entry(exchange).or_default().is_over(limits.connects, now);
        if is_over {
            *inner.of(exchange).over.entry(WsLimit::Connects).or_default() += 1;
        }
        is_over
    }

    /// Counts a connection and gives it its number.
    pub(super) fn opened(&self, exchange: &'static str, path: &str, now: Micros) -> u64 {
        let mut inner = self.inner();
        inner.connections += 1;
        let number = inner.connections;
        let counts = inner.of(exchange);
        counts.connections += 1;
        counts.open += 1;
        if inner.seen.len() == KEPT {
            inner.seen.pop_front();
        }
        let path = path.to_owned();
        inner.seen.push_back(SocketSeen {
            number,
            exchange,
            path,
            opened: now,
            closed: None,
            messages: 0,
            topics: 0,
        });
        number
    }

    pub(super) fn closed(&self, exchange: &'static str, number: u64, topics: usize, now: Micros) {
        let mut inner = self.inner();
        let counts = inner.of(exchange);
        counts.open = counts.open.saturating_sub(1);
        counts.topics = counts.topics.saturating_sub(topics as u64);
        if let Some(seen) = inner.seen(number) {
            seen.closed = Some(now);
        }
    }

    pub(super) fn message(&self, exchange: &'static str, number: u64) {
        let mut inner = self.inner();
        inner.of(exchange).messages += 1;
        if let Some(seen) = inner.seen(number) {
            seen.messages += 1;
        }
    }

    /// Counts a topic that was subscribed; `is_new` where the connection did not have it.
    pub(super) fn subscribed(&self, exchange: &'static str, number: u64, is_new: bool) {
        let mut inner = self.inner();
        let counts = inner.of(exchange);
        counts.subscribed += 1;
        counts.topics += u64::from(is_new);
        if let Some(seen) = inner.seen(number) {
            seen.topics += u64::from(is_new);
        }
    }

    pub(super) fn unsubscribed(&self, exchange: &'static str, number: u64) {
        let mut inner = self.inner();
        let counts = inner.of(exchange);
        counts.unsubscribed += 1;
        counts.topics = counts.topics.saturating_sub(1);
        if let Some(seen) = inner.seen(number) {
            seen.topics = seen.topics.saturating_sub(1);
        }
    }

    pub(super) fn refused(&self, exchange: &'static str) {
        self.inner().of(exchange).refused += 1;
    }

    pub(super) fn over(&self, exchange: &'static str, limit: WsLimit) {
        *self.inner().of(exchange).over.entry(limit).or_default() += 1;
    }

    pub(super) fn left_out(&self, exchange: &'static str, symbol: &str, ids: &[u64]) {
        let mut inner = self.inner();
        let left_out = &mut inner.of(exchange).left_out;
        let room = KEPT.saturating_sub(left_out.len());
        left_out.extend(ids.iter().take(room).map(|id| (symbol.to_owned(), *id)));
    }

    /// Counts a subscription; returns whether it is refused on purpose.
    pub(super) fn strikes_subscription(&self, exchange: &'static str, knobs: &Knobs) -> bool {
        let mut inner = self.inner();
        inner.subscriptions += 1;
        let struck =
            inner.strike(knobs, |fault| fault == WsFault::Refuse, |inner, _| inner.subscriptions).is_some();
        if struck {
            *inner.of(exchange).faults.entry(WsFault::Refuse).or_default() += 1;
        }
        struck
    }

    /// Counts a frame with rows; returns the fault that strikes it.
    pub(super) fn strikes_frame(
        &self,
        exchange: &'static str,
        knobs: &Knobs,
        frame: Struck,
    ) -> Option<WsFault> {
        let mut inner = self.inner();
        inner.frames += 1;
        inner.trade_frames += u64::from(frame.is_trade || frame.is_book);
        inner.of(exchange).frames += 1;
        let number = |inner: &Inner, fault| match fault {
            WsFault::Hole => inner.trade_frames,
            _ => inner.frames,
        };
        let fault = inner.strike(knobs, |fault| fault.fits_frame(frame), number)?;
        *inner.of(exchange).faults.entry(fault).or_default() += 1;
        Some(fault)
    }
}
