//! Which contract a request names: by its own symbol, or as a continuous contract.

use crate::model::Micros;
use crate::sim::asked::SimRequest;
use crate::sim::market::Market;
use crate::sim::quarter;
use crate::sim::query::BadRequest;

/// The requested market; for candles of a continuous contract, its present one.
pub(super) const CONTRACT_CENTS: i64 = 10_000;

pub(super) fn market<'a>(asked: &'a SimRequest<'_>) -> Result<&'a Market, BadRequest> {
    if let Some(kind) = asked.query.get("contractType") {
        let pair = asked.query.mandatory("pair")?;
        return contract_at(asked, pair, kind, asked.now);
    }
    let symbol = asked.query.symbol()?;
    let (pair, date) = symbol.split_once('_').unwrap_or((symbol, ""));
    asked.market(&format!("{pair}{date}")).or_else(|_| asked.market(pair))
}

/// When the contract requested by its own name expires.
pub(super) fn contract_end(asked: &SimRequest<'_>) -> Option<Micros> {
    let (_, date) = asked.query.get("symbol")?.split_once('_')?;
    quarter::end_named(asked.now, |end| quarter::date(end) == date)
}

/// The market of the contract that a continuous one named at an instant.
pub(super) fn contract_at<'a>(
    asked: &'a SimRequest<'_>,
    pair: &str,
    kind: &str,
    at: Micros,
) -> Result<&'a Market, BadRequest> {
    let current = quarter::end_after(at);
    let end = match kind {
        "CURRENT_QUARTER" => current,
        "NEXT_QUARTER" => quarter::end_after(current),
        _ => return asked.market(pair),
    };
    quarter::market(asked.world, pair, end).map_or_else(|| asked.market(pair), Ok)
}

/// The contracts that are worth so much, at least one.
pub(super) fn of_cents(cents: i64) -> i64 {
    (cents / CONTRACT_CENTS).max(1)
}

/// The contracts in an amount of the base asset at a price.
pub(super) fn contracts_of(amount_e8: i64, price_cents: i64) -> i64 {
    of_cents(amount_e8 / 10_000 * price_cents / 10_000)
}
