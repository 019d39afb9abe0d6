//! The contracts Kraken Futures lists: pairs from their symbols, quarters from when they end.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::read_success;
use crate::exchange::reading::entries::{Entries, Member, YesNo};
use crate::exchange::reading::row::Row;
use crate::exchange::reading::wire::Text;
use crate::exchange::{Contract, Exchange, Instrument, Listing, OddEntry, ParseError};
use crate::model::{Market, Micros, Pair};

/// Reads a listing; an entry that is not understood is named beside the others.
pub(super) fn parse(exchange: &dyn Exchange, body: &[u8]) -> Result<Listing, ParseError> {
    let listed: Listed<'_> = read_success(exchange, body, |listed: &Listed<'_>| &*listed.result)?;
    let now = Row(0).rfc3339(&listed.server_time)?;
    let mut odd = Vec::new();
    let wires: Vec<Wire> = Entries::named("symbol", &mut odd).read(&listed.instruments);
    let mut instruments: Vec<Instrument> = wires.into_iter().map(|wire| wire.instrument(&mut odd)).collect();
    name_quarters(&mut instruments, now);
    Ok(Listing { instruments, odd, ..Listing::default() })
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow)]
    instruments: Vec<&'a RawValue>,
    #[serde(borrow, rename = "serverTime")]
    server_time: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    symbol: String,
    #[serde(default)]
    tradeable: YesNo,
    #[serde(default)]
    contract_size: Member,
    #[serde(default)]
    opening_date: Member,
    /// Perpetual contracts have none.
    #[serde(default)]
    last_trading_time: Member,
}

/// An instrument's symbol, taken apart.
struct Name<'a> {
    base: &'a str,
    quote: &'a str,
    is_dated: bool,
}

impl Wire {
    fn instrument(self, odd: &mut Vec<OddEntry>) -> Instrument {
        let symbol = spelt(&self.symbol);
        let mut tell = |why: String| odd.push(OddEntry::new(&self.symbol, why));
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let listed = told(self.opening_date.rfc3339("openingDate"));
        let ends = told(self.last_trading_time.rfc3339("lastTradingTime"));
        let is_perpetual = self.last_trading_time.text().is_empty();
        let name = Name::of(&symbol).filter(|name| name.is_dated != is_perpetual);
        let size = self.contract_size.size("contractSize").map_err(&mut tell).ok().flatten();
        let is_open = self.tradeable.0.unwrap_or_else(|| {
            tell("it does not say whether it is tradeable".to_owned());
            false
        });
        let perpetual = name.as_ref().filter(|_| is_perpetual);
        let pair = perpetual.and_then(|name| Pair::listed(name.base, name.quote, Market::Perp).ok());
        let contract = size.filter(|_| name.is_some()).map(Contract::Base);
        Instrument { pair, is_open, listed, ends, contract, ..Instrument::named(symbol) }
    }
}

/// The two nearest contracts of a pair that end with a quarter have its names.
pub(super) fn name_quarters(instruments: &mut [Instrument], now: Micros) {
    let mut quarters: BTreeMap<(String, String), Vec<(Micros, usize)>> = BTreeMap::new();
    for (place, instrument) in instruments.iter().enumerate() {
        let name = Name::of(&instrument.symbol).filter(|name| name.is_dated);
        let ends = instrument.ends.filter(|ends| now < *ends && ends_a_quarter(*ends));
        if let (Some(name), Some(ends)) = (name, ends) {
            let assets = (name.base.to_owned(), name.quote.to_owned());
            quarters.entry(assets).or_default().push((ends, place));
        }
    }
    for ((base, quote), mut ends) in quarters {
        ends.sort_unstable();
        for ((_, place), market) in ends.into_iter().zip([Market::Quarter, Market::NextQuarter]) {
            instruments[place].pair = Pair::listed(&base, &quote, market).ok();
        }
    }
}

/// A symbol as it is asked for: in capitals where it has none.
fn spelt(symbol: &str) -> String {
    if symbol.chars().any(char::is_uppercase) { symbol.to_owned() } else { symbol.to_ascii_uppercase() }
}

impl<'a> Name<'a> {
    /// Reads `PF_XBTUSD` and `FF_XBTUSD_240628`: linear contracts, which count in the base asset. Any other, such
    /// as the inverse `PI_XBTUSD`, which counts dollars, has no pair of ours.
    fn of(symbol: &'a str) -> Option<Self> {
        let (prefix, rest) = symbol.split_once('_')?;
        let (assets, is_dated) = match (prefix, rest.split_once('_')) {
            ("PF", None) => (rest, false),
            ("FF", Some((assets, _))) => (assets, true),
            _ => return None,
        };
        let base = assets.strip_suffix("USD").filter(|base| !base.is_empty())?;
        let base = match base {
            "XBT" => "BTC",
            "XDG" => "DOGE",
            other => other,
        };
        Some(Name { base, quote: "USD", is_dated })
    }
}

fn ends_a_quarter(ends: Micros) -> bool {
    ends.utc().month() % 3 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_contracts_have_our_names_and_inverse_ones_none() {
        let name = |symbol| Name::of(symbol).map(|name| (name.base.to_owned(), name.is_dated));
        assert_eq!(name("PF_XBTUSD"), Some(("BTC".to_owned(), false)));
        assert_eq!(name("FF_XDGUSD_240628"), Some(("DOGE".to_owned(), true)));
        for other in ["PI_XBTUSD", "FI_XBTUSD_240628", "IN_XBTUSD", "PF_USD", "PF_XBTEUR", "FF_XBTUSD", ""] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
