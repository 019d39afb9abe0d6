//! The products Coinbase Exchange lists.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::reading::decode::read;
use crate::exchange::reading::entries::{Entries, Member, YesNo};
use crate::exchange::{Exchange, Instrument, Listing, OddEntry, ParseError};
use crate::model::{Market, Pair};

/// Reads a listing; an entry that is not understood is named beside the others.
pub(super) fn parse(exchange: &dyn Exchange, body: &[u8]) -> Result<Listing, ParseError> {
    // One product is answered as an object, all of them as a list.
    let is_list = body.trim_ascii_start().starts_with(b"[");
    let mut odd = Vec::new();
    let products: Vec<WireProduct> = if is_list {
        Entries::named("id", &mut odd).read(&read::<Vec<&RawValue>>(exchange, body)?)
    } else {
        vec![read(exchange, body)?]
    };
    let instruments = products.into_iter().map(|product| product.instrument(&mut odd)).collect();
    Ok(Listing { instruments, odd, ..Listing::default() })
}

#[derive(Deserialize)]
struct WireProduct {
    id: String,
    #[serde(default)]
    base_currency: Member,
    #[serde(default)]
    quote_currency: Member,
    #[serde(default)]
    status: Member,
    #[serde(default)]
    trading_disabled: YesNo,
}

impl WireProduct {
    fn instrument(self, odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.id, why));
        let pair = Pair::listed(self.base_currency.text(), self.quote_currency.text(), Market::Spot);
        let pair = pair.map_err(|error| tell(error.to_string())).ok();
        let is_online = match self.status.text() {
            "online" => true,
            "offline" | "internal" | "delisted" => false,
            other => {
                tell(format!("its status `{other}` is not known"));
                false
            }
        };
        let is_open = is_online && self.trading_disabled.0 != Some(true);
        Instrument { pair, is_open, ..Instrument::named(self.id) }
    }
}
