//! The category of markets a pair belongs to at Bybit, which every request names.

use crate::exchange::Page;
use crate::model::{Market, Pair};

/// Contracts paid in dollars are inverse: settled in the base asset.
pub(super) fn category(pair: &Pair) -> &'static str {
    match (pair.market(), pair.quote()) {
        (Market::Spot, _) => "spot",
        (_, "USD") => "inverse",
        _ => "linear",
    }
}

pub(super) fn is_inverse(page: &Page) -> bool {
    category(page.series.pair()) == "inverse"
}

pub(super) fn is_dated(pair: &Pair) -> bool {
    matches!(pair.market(), Market::Quarter | Market::NextQuarter)
}
