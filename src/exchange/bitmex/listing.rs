//! The instruments BitMEX lists, and what one contract of each is.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::reading::decode::read;
use crate::exchange::reading::entries::{Entries, Member, YesNo};
use crate::exchange::{Contract, Decimal, Exchange, Instrument, Listing, OddEntry, ParseError, quarter};
use crate::model::{Market, Micros, Pair};

/// Reads a listing; an entry that is not understood is named beside the others.
pub(super) fn parse(exchange: &dyn Exchange, body: &[u8]) -> Result<Listing, ParseError> {
    let raw: Vec<&RawValue> = read(exchange, body)?;
    let mut odd = Vec::new();
    let listed: Vec<WireInstrument> = Entries::named("symbol", &mut odd).read(&raw);
    let instruments = listed.iter().map(|wire| wire.instrument(&listed, &mut odd)).collect();
    Ok(Listing { instruments, odd, ..Listing::default() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireInstrument {
    symbol: String,
    #[serde(default)]
    state: Member,
    #[serde(default)]
    typ: Member,
    #[serde(default)]
    listing: Member,
    #[serde(default)]
    expiry: Member,
    #[serde(default)]
    underlying: Member,
    #[serde(default)]
    quote_currency: Member,
    #[serde(default)]
    multiplier: Member,
    #[serde(default)]
    underlying_to_position_multiplier: Member,
    #[serde(default)]
    underlying_to_settle_multiplier: Member,
    #[serde(default)]
    is_quanto: YesNo,
    #[serde(default)]
    is_inverse: YesNo,
}

impl WireInstrument {
    /// A listed market; of dated contracts only those of a quarter's end have a name of ours.
    fn instrument(&self, all: &[WireInstrument], odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.symbol, why));
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let (listed, ends) = (told(self.listing.rfc3339("listing")), told(self.expiry.rfc3339("expiry")));
        if self.typ.text() == "FFCCSX" && self.expiry.text().is_empty() {
            tell("it is dated and does not say when it ends".to_owned());
        }
        let market = match self.typ.text() {
            "IFXXXP" => Some(Market::Spot),
            "FFWCSX" => Some(Market::Perp),
            "FFCCSX" => ends.and_then(|ends| self.dated(ends, all)),
            // Contracts on other things than coins, options and indices.
            "FFWCSF" | "FFICSX" | "FFSCSX" | "OCECCS" | "OPECCS" => None,
            index if index.starts_with("MR") => None,
            other => {
                tell(format!("its typ `{other}` is not known"));
                None
            }
        };
        let is_open = match self.state.text() {
            "Open" => true,
            "Closed" | "Unlisted" | "Settled" | "Cleared" | "Delisted" | "Expired" => false,
            other => {
                tell(format!("its state `{other}` is not known"));
                false
            }
        };
        let is_known = matches!(self.typ.text(), "IFXXXP" | "FFWCSX" | "FFCCSX");
        let contract = if is_known { self.contract().map_err(&mut tell).ok().flatten() } else { None };
        let assets = (self.underlying.text(), self.quote_currency.text());
        let pair = market.and_then(|market| Pair::listed(assets.0, assets.1, market).ok());
        Instrument { pair, is_open, listed, ends, contract, ..Instrument::named(self.symbol.clone()) }
    }

    fn dated(&self, ends: Micros, all: &[WireInstrument]) -> Option<Market> {
        let alike = all.iter().filter(|own| {
            (&own.underlying, &own.quote_currency, &own.typ, own.state.text())
                == (&self.underlying, &self.quote_currency, &self.typ, "Open")
        });
        quarter::market(ends, alike.filter_map(|own| own.expiry.rfc3339("expiry").ok().flatten()))
    }

    /// The size of one contract: inverse ones are some of the quote asset, linear ones and spot lots some of the base
    /// asset. The base amount of a quanto contract depends on a third price, so it is not known.
    fn contract(&self) -> Result<Option<Contract>, String> {
        let (Some(is_quanto), Some(is_inverse)) = (self.is_quanto.0, self.is_inverse.0) else {
            return Err("it does not say which asset a contract counts".to_owned());
        };
        if is_quanto {
            return Ok(None);
        }
        let size = if is_inverse {
            let by = unsigned(&self.underlying_to_settle_multiplier).size("underlyingToSettleMultiplier")?;
            let times = unsigned(&self.multiplier).size("multiplier")?;
            times.zip(by).and_then(|(times, by)| times.over(by))
        } else {
            let by = self.underlying_to_position_multiplier.size("underlyingToPositionMultiplier")?;
            by.and_then(|by| Decimal::ONE.over(by))
        };
        let size = size.ok_or("it does not say what a contract is")?;
        Ok(Some(if is_inverse { Contract::Quote(size) } else { Contract::Base(size) }))
    }
}

/// Inverse contracts have both of their multipliers negative.
fn unsigned(member: &Member) -> Member {
    Member::from(member.text().trim_start_matches('-'))
}
