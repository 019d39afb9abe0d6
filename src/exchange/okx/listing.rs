//! The instruments OKX lists.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::read_data;
use crate::exchange::reading::entries::{Entries, Member};
use crate::exchange::{Contract, Decimal, Exchange, Instrument, Listing, OddEntry, ParseError, quarter};
use crate::model::{Market, Micros, Pair};

/// Reads a listing; an entry that is not understood is named beside the others.
pub(super) fn parse(exchange: &dyn Exchange, body: &[u8]) -> Result<Listing, ParseError> {
    let raw: Vec<&RawValue> = read_data(exchange, body)?;
    let mut odd = Vec::new();
    let listed: Vec<Listed> = Entries::named("instId", &mut odd).read(&raw);
    let instruments = listed.iter().map(|own| own.instrument(&listed, &mut odd)).collect();
    Ok(Listing { instruments, odd, ..Listing::default() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    inst_id: String,
    #[serde(default)]
    inst_type: Member,
    #[serde(default)]
    state: Member,
    #[serde(default)]
    inst_family: Member,
    #[serde(default)]
    base_ccy: Member,
    #[serde(default)]
    quote_ccy: Member,
    #[serde(default)]
    ct_val: Member,
    #[serde(default)]
    ct_mult: Member,
    #[serde(default)]
    ct_type: Member,
    #[serde(default)]
    list_time: Member,
    #[serde(default)]
    exp_time: Member,
}

impl Listed {
    fn instrument(&self, all: &[Listed], odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.inst_id, why));
        let market = match self.inst_type.text() {
            "SPOT" => Some(Market::Spot),
            "SWAP" => Some(Market::Perp),
            "FUTURES" => self.dated(all),
            "MARGIN" | "OPTION" | "EVENTS" => None,
            other => {
                tell(format!("its instType `{other}` is not known"));
                None
            }
        };
        let is_open = match self.state.text() {
            "live" => true,
            "suspend" | "preopen" | "test" | "rebase" | "post_only" | "settlement" | "expired" => false,
            other => {
                tell(format!("its state `{other}` is not known"));
                false
            }
        };
        let mut told = |read: Result<Option<Micros>, String>| read.map_err(&mut tell).ok().flatten();
        let listed = told(self.list_time.millis("listTime"));
        let ends = told(self.exp_time.millis("expTime"));
        let contract = self.contract().map_err(&mut tell).ok().flatten();
        Instrument {
            symbol: self.inst_id.clone(),
            pair: market.and_then(|market| self.pair(market)),
            is_open,
            listed,
            ends: ends.filter(|_| self.inst_type.text() == "FUTURES"),
            contract,
        }
    }

    fn pair(&self, market: Market) -> Option<Pair> {
        let (base, quote) = match market {
            Market::Spot => (self.base_ccy.text(), self.quote_ccy.text()),
            _ => self.inst_family.text().split_once('-')?,
        };
        Pair::listed(base, quote, market).ok()
    }

    /// The size of one contract: its value times its multiplier.
    fn contract(&self) -> Result<Option<Contract>, String> {
        let Some(value) = self.ct_val.size("ctVal")? else { return Ok(None) };
        let multiplier = self.ct_mult.size("ctMult")?.unwrap_or(Decimal::ONE);
        let size = value.times(multiplier).ok_or("its contract has too many digits")?;
        match self.ct_type.text() {
            "linear" => Ok(Some(Contract::Base(size))),
            "inverse" => Ok(Some(Contract::Quote(size))),
            other => Err(format!("its ctType `{other}` is not known")),
        }
    }

    /// The market of a dated contract by when it ends: its `alias` changes weeks before, and is not to be relied on.
    fn dated(&self, all: &[Listed]) -> Option<Market> {
        let ends = |own: &Listed| own.exp_time.millis("expTime").ok().flatten();
        let alike = |own: &&Listed| {
            (&own.inst_type, &own.inst_family, own.state.text())
                == (&self.inst_type, &self.inst_family, "live")
        };
        quarter::market(ends(self)?, all.iter().filter(alike).filter_map(ends))
    }
}
