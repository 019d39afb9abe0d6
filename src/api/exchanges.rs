//! The exchanges and their offers.

use serde::Serialize;

/// One exchange.
#[derive(Serialize)]
pub(crate) struct ExchangeLine {
    pub(crate) exchange: &'static str,
    pub(crate) rest_url: &'static str,
    pub(crate) limits: Vec<LimitLine>,
    pub(crate) geo_block_advice: Option<&'static str>,
    pub(crate) offers: Vec<OfferLine>,
}

/// Request weight allowed in so many seconds.
#[derive(Serialize)]
pub(crate) struct LimitLine {
    pub(crate) weight: u32,
    pub(crate) seconds: f64,
}

/// An exchange's offer for one kind of data.
#[derive(Serialize)]
pub(crate) struct OfferLine {
    pub(crate) kind: &'static str,
    pub(crate) markets: Vec<&'static str>,
    pub(crate) spans: Vec<SpanLine>,
    pub(crate) page_rows: u32,
    pub(crate) order: Option<&'static str>,
    pub(crate) history: HistoryLine,
    /// Whether dated pairs continue back over the earlier contracts of the same name.
    pub(crate) continuous: bool,
    /// The kind that older rows are computed from.
    pub(crate) derived_from: Option<&'static str>,
    pub(crate) depths: Vec<DepthLine>,
    pub(crate) weight: u32,
    /// The index of the limit that a page counts towards.
    pub(crate) limit: usize,
    pub(crate) grace_seconds: f64,
    pub(crate) recorded: bool,
}

/// A candle length.
#[derive(Serialize)]
pub(crate) struct SpanLine {
    pub(crate) seconds: u32,
    pub(crate) label: String,
    /// The exchange's name for it.
    pub(crate) word: &'static str,
    /// An instant at which a candle opens, if documented.
    pub(crate) anchor: Option<String>,
}

/// Depth of history: `"all"`, `"now"`, `{"rows": 720}` or `{"seconds": 2592000}`.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HistoryLine {
    All,
    Rows(u32),
    Seconds(u64),
    Now,
}

/// The request weight of a book with this many levels.
#[derive(Serialize)]
pub(crate) struct DepthLine {
    pub(crate) levels: u32,
    pub(crate) weight: u32,
}

/// A pair that an exchange lists.
#[derive(Serialize)]
pub(crate) struct PairLine {
    pub(crate) exchange: &'static str,
    pub(crate) pair: String,
    pub(crate) market: &'static str,
    /// The exchange's own name.
    pub(crate) symbol: String,
    /// Whether it is traded now.
    pub(crate) open: bool,
    /// When it was listed, if the exchange gives it.
    pub(crate) listed: Option<String>,
    /// When a dated contract ends.
    pub(crate) ends: Option<String>,
    /// The size of one contract, in units of `contract_asset`.
    pub(crate) contract_size: Option<f64>,
    pub(crate) contract_asset: Option<String>,
}
