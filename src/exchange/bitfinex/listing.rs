//! The pairs Bitfinex lists, which are names alone.

use serde_json::value::RawValue;

use crate::exchange::reading::decode::read;
use crate::exchange::reading::entries::Entries;
use crate::exchange::{Exchange, Instrument, Listing, OddEntry, ParseError};
use crate::model::{Market, Pair};

/// Reads a listing; an entry that is not understood is named beside the others.
pub(super) fn parse(exchange: &dyn Exchange, body: &[u8]) -> Result<Listing, ParseError> {
    let (raw,): (Vec<&RawValue>,) = read(exchange, body)?;
    let mut odd = Vec::new();
    let names: Vec<String> = Entries::named("", &mut odd).read(&raw);
    let instruments = names.into_iter().filter_map(|name| instrument(&name, &mut odd)).collect();
    Ok(Listing { instruments, odd, ..Listing::default() })
}

/// A listed market: `BTCUSD` or `DOGE:USD`.
fn instrument(name: &str, odd: &mut Vec<OddEntry>) -> Option<Instrument> {
    let parts = name.split_once(':').or_else(|| name.split_at_checked(3));
    let pair = parts.and_then(|(base, quote)| Pair::listed(base, quote, Market::Spot).ok());
    if pair.is_none() {
        odd.push(OddEntry::new(name, "it is no pair"));
        return None;
    }
    Some(Instrument { pair, ..Instrument::named(format!("t{name}")) })
}
