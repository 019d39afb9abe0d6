//! The markets Bybit lists, a category at a time.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::read_result;
use crate::exchange::reading::entries::{Entries, Member};
use crate::exchange::{Contract, Decimal, Exchange, Instrument, Listing, OddEntry, ParseError, quarter};
use crate::model::{Market, Micros, Pair};

/// Reads a listing; an entry that is not understood is named beside the others.
pub(super) fn parse(exchange: &dyn Exchange, body: &[u8]) -> Result<Listing, ParseError> {
    let listed: WireListing<'_> = read_result(exchange, body)?;
    let mut odd = Vec::new();
    let wires: Vec<WireInstrument> = Entries::named("symbol", &mut odd).read(&listed.list);
    let instruments = wires.iter().map(|wire| wire.instrument(listed.category, &wires, &mut odd)).collect();
    Ok(Listing { instruments, odd, ..Listing::default() })
}

#[derive(Deserialize)]
struct WireListing<'a> {
    category: &'a str,
    #[serde(borrow)]
    list: Vec<&'a RawValue>,
}

/// Spot has neither a kind of contract nor times.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireInstrument {
    symbol: String,
    #[serde(default)]
    contract_type: Member,
    #[serde(default)]
    status: Member,
    #[serde(default)]
    base_coin: Member,
    #[serde(default)]
    quote_coin: Member,
    #[serde(default)]
    launch_time: Member,
    #[serde(default)]
    delivery_time: Member,
}

impl WireInstrument {
    /// A listed market; of dated contracts only those of a quarter's end have a name of ours.
    fn instrument(&self, category: &str, all: &[WireInstrument], odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.symbol, why));
        let market = match self.contract_type.text() {
            "" => Some(Market::Spot),
            "LinearPerpetual" | "InversePerpetual" => Some(Market::Perp),
            "LinearFutures" | "InverseFutures" => self.dated(all),
            other => {
                tell(format!("its contractType `{other}` is not known"));
                None
            }
        };
        let is_open = match self.status.text() {
            "Trading" => true,
            "PreLaunch" | "Settling" | "Delivering" | "Closed" => false,
            other => {
                tell(format!("its status `{other}` is not known"));
                false
            }
        };
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let listed = told(self.launch_time.millis("launchTime"));
        let ends = told(self.delivery_time.millis("deliveryTime"));
        let pair = market.map(|market| {
            Pair::listed(self.base_coin.text(), self.quote_coin.text(), market)
                .map_err(|error| tell(error.to_string()))
        });
        Instrument {
            pair: pair.and_then(Result::ok),
            is_open,
            listed,
            ends,
            // An inverse contract is one dollar; a linear one counts the base asset itself.
            contract: match category {
                "inverse" => Some(Contract::Quote(Decimal::ONE)),
                "linear" => Some(Contract::Base(Decimal::ONE)),
                _ => None,
            },
            ..Instrument::named(self.symbol.clone())
        }
    }

    /// The market of a dated contract, where it has a name of ours.
    fn dated(&self, all: &[WireInstrument]) -> Option<Market> {
        let ends = |own: &WireInstrument| own.delivery_time.millis("deliveryTime").ok().flatten();
        let alike = all.iter().filter(|own| {
            (&own.base_coin, &own.quote_coin, &own.contract_type, own.status.text())
                == (&self.base_coin, &self.quote_coin, &self.contract_type, "Trading")
        });
        quarter::market(ends(self)?, alike.filter_map(ends))
    }
}
