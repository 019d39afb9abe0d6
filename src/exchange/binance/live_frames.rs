//! The frames of Binance's streams, alone or in the envelope that names their stream.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::rows::{AggTrade, Kline};
use super::spot::SPANS;
use crate::exchange::OddFault;
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::model::Span;

/// The parts that tell frames apart: their envelope, the name of their event, or that of an answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub(super) stream: Text<'a>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    e: Text<'a>,
    pub(super) id: Int,
    error: Option<Members<Refusal>>,
    code: Int,
    msg: Text<'a>,
    u: Int,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Int,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: Int,
    msg: String,
}

impl Frame<'_> {
    /// The name of its event: its own, else that of its stream; empty where it has neither.
    pub(super) fn event(&self) -> &str {
        match self.stream.split_once('@') {
            _ if !self.e.is_empty() => &self.e,
            Some((_, name)) => name,
            None => &self.stream,
        }
    }

    /// The symbol that its stream names.
    pub(super) fn stream_symbol(&self) -> String {
        self.stream.split('@').next().unwrap_or_default().to_uppercase()
    }

    /// The words of a refusal.
    pub(super) fn refusal(&self) -> Option<String> {
        let words = |code: i64, msg: &str| format!("{msg} (code {code})");
        match &self.error {
            Some(Members(error)) => Some(words(error.code.get().unwrap_or_default(), &error.msg)),
            None => self.code.get().map(|code| words(code, &self.msg)),
        }
    }

    /// The best prices, or a part of a book, have no name of their own on spot markets.
    pub(super) fn is_nameless(&self) -> bool {
        self.u.get().is_some() || self.last_update_id.get().is_some()
    }
}

/// Whether an event is documented; other streams may be listened to over the same address.
pub(super) fn is_known(event: &str) -> bool {
    let name = event.split(['_', '@']).next().unwrap_or_default();
    let is_book =
        name.strip_prefix("depth").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    is_book || KNOWN.contains(&name)
}

const KNOWN: [&str; 19] = [
    "trade",
    "blockTrade",
    "depthUpdate",
    "bookTicker",
    "ticker",
    "miniTicker",
    "24hrTicker",
    "24hrMiniTicker",
    "1hTicker",
    "4hTicker",
    "1dTicker",
    "avgPrice",
    "referencePrice",
    "markPrice",
    "markPriceUpdate",
    "forceOrder",
    "continuousKline",
    "continuous",
    "contractInfo",
];

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AggFrame<'a> {
    #[serde(borrow)]
    pub(super) e: Text<'a>,
    #[serde(rename = "E")]
    pub(super) event_time: Int,
    #[serde(borrow)]
    pub(super) s: Text<'a>,
    a: Int,
    p: Num,
    q: Num,
    #[serde(rename = "T")]
    time: Int,
    m: Option<bool>,
}

impl AggFrame<'_> {
    /// The trade as pages have it.
    pub(super) fn trade(&self) -> AggTrade {
        AggTrade { a: self.a, p: self.p, q: self.q, time: self.time, m: self.m }
    }
}

#[derive(Deserialize)]
pub(super) struct KlineFrame<'a> {
    #[serde(default, borrow)]
    pub(super) e: Text<'a>,
    #[serde(default, rename = "E")]
    pub(super) event_time: Int,
    #[serde(default, borrow)]
    pub(super) s: Text<'a>,
    #[serde(borrow)]
    pub(super) k: Members<WireKline<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireKline<'a> {
    t: Int,
    #[serde(rename = "T")]
    closes: Int,
    #[serde(borrow)]
    i: Text<'a>,
    o: Num,
    h: Num,
    l: Num,
    c: Num,
    v: Num,
    n: Int,
    q: Num,
    /// Whether it is closed.
    x: Option<bool>,
}

impl WireKline<'_> {
    /// The candle as pages have it.
    pub(super) fn kline(&self) -> Kline {
        Kline {
            opened: self.t,
            open: self.o,
            high: self.h,
            low: self.l,
            close: self.c,
            volume: self.v,
            closed: self.closes,
            quote_volume: self.q,
            trades: self.n,
        }
    }

    pub(super) fn opened(&self) -> Int {
        self.t
    }

    /// Its span.
    pub(super) fn span(&self) -> Option<Span> {
        span(&self.i)
    }

    /// Whether the exchange calls it closed.
    pub(super) fn is_closed(&self) -> Result<bool, RowFault> {
        self.x.ok_or_else(|| Row(0).fault(OddFault::Value, "it does not say whether it is closed"))
    }
}

/// The span of one of Binance's words.
pub(super) fn span(word: &str) -> Option<Span> {
    SPANS.iter().find(|own| own.word == word).map(|own| own.span())
}

/// Binance's word for a span.
pub(super) fn word(span: Span) -> &'static str {
    SPANS.iter().find(|own| own.span() == span).map_or("", |own| own.word)
}
