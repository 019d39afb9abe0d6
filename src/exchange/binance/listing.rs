//! The symbols Binance lists, spot and contracts alike, and the weight a listing announces.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::reading::decode::read;
use crate::exchange::reading::entries::{Entries, Member};
use crate::exchange::{Budget, Contract, Exchange, Instrument, Listing, OddEntry, ParseError, Quota};
use crate::model::{Market, Micros, Pair};

#[derive(Deserialize)]
struct ExchangeInfo<'a> {
    #[serde(default, borrow, rename = "rateLimits")]
    rate_limits: Vec<&'a RawValue>,
    #[serde(borrow)]
    symbols: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RateLimit {
    rate_limit_type: String,
    interval: String,
    interval_num: u32,
    limit: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol {
    symbol: String,
    #[serde(default, alias = "contractStatus")]
    status: Member,
    #[serde(default)]
    base_asset: Member,
    #[serde(default)]
    quote_asset: Member,
    /// Empty for spot markets.
    #[serde(default)]
    contract_type: Member,
    #[serde(default)]
    onboard_date: Member,
    #[serde(default)]
    delivery_date: Member,
    /// In the quote asset; only coin-margined contracts are counted.
    #[serde(default)]
    contract_size: Member,
}

/// A listing with the weight it announces for the budget that pays, which depends on whether it lists contracts.
pub(super) fn listing(
    exchange: &dyn Exchange,
    body: &[u8],
    budget: impl Fn(bool) -> Budget,
) -> Result<Listing, ParseError> {
    let info: ExchangeInfo<'_> = read(exchange, body)?;
    let mut odd = Vec::new();
    let limits: Vec<RateLimit> = Entries::named("rateLimitType", &mut odd).read(&info.rate_limits);
    let symbols: Vec<Symbol> = Entries::named("symbol", &mut odd).read(&info.symbols);
    let weight = |limit: &&RateLimit| limit.rate_limit_type == "REQUEST_WEIGHT";
    let quota = limits.iter().find(weight).and_then(|limit| {
        let unit = match limit.interval.as_str() {
            "SECOND" => 1,
            "MINUTE" => 60,
            "HOUR" => 3_600,
            "DAY" => 86_400,
            _ => return None,
        };
        let per = Duration::from_secs(unit * u64::from(limit.interval_num));
        (limit.limit > 0 && !per.is_zero()).then_some(Quota { weight: limit.limit, per })
    });
    let budget = budget(symbols.iter().any(|listed| !listed.contract_type.text().is_empty()));
    let instruments = symbols.into_iter().map(|symbol| symbol.instrument(&mut odd)).collect();
    Ok(Listing { instruments, quotas: quota.into_iter().map(|quota| (budget, quota)).collect(), odd })
}

impl Symbol {
    fn instrument(self, odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.symbol, why));
        let market = match self.contract_type.text() {
            "" => Some(Market::Spot),
            // The other ones are on shares and metals.
            "PERPETUAL" | "TRADIFI_PERPETUAL" => Some(Market::Perp),
            "CURRENT_QUARTER" => Some(Market::Quarter),
            "NEXT_QUARTER" => Some(Market::NextQuarter),
            known if NAMELESS.contains(&known) => None,
            other => {
                tell(format!("its contractType `{other}` is not known"));
                None
            }
        };
        let is_open = match self.status.text() {
            "TRADING" => true,
            known if CLOSED.contains(&known) => false,
            other => {
                tell(format!("its status `{other}` is not known"));
                false
            }
        };
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let listed = told(self.onboard_date.millis("onboardDate"));
        // A perpetual contract "ends" in the year 2100.
        let is_dated = self.contract_type.text().ends_with("QUARTER");
        let ends = if is_dated { told(self.delivery_date.millis("deliveryDate")) } else { None };
        let size = self.contract_size.size("contractSize").map_err(&mut tell).ok().flatten();
        let pair = market.map(|market| {
            Pair::listed(self.base_asset.text(), self.quote_asset.text(), market)
                .map_err(|error| tell(error.to_string()))
        });
        Instrument {
            pair: pair.and_then(Result::ok),
            is_open,
            listed,
            ends,
            contract: size.map(Contract::Quote),
            ..Instrument::named(self.symbol)
        }
    }
}

/// Kinds of contracts that are known and have no name of ours.
const NAMELESS: [&str; 5] = [
    "CURRENT_MONTH",
    "NEXT_MONTH",
    "PERPETUAL DELIVERING",
    "CURRENT_QUARTER DELIVERING",
    "NEXT_QUARTER DELIVERING",
];

/// States in which nothing is traded.
const CLOSED: [&str; 14] = [
    "PRE_TRADING",
    "POST_TRADING",
    "END_OF_DAY",
    "HALT",
    "AUCTION_MATCH",
    "BREAK",
    "CANCEL_ONLY",
    "PENDING_TRADING",
    "PRE_DELIVERING",
    "DELIVERING",
    "DELIVERED",
    "PRE_SETTLE",
    "SETTLING",
    "CLOSE",
];
