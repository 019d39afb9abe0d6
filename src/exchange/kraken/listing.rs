//! The pairs Kraken lists.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::assets::our_pair;
use super::envelope::read_result;
use crate::exchange::reading::entries::{Entries, Member};
use crate::exchange::{Exchange, Instrument, Listing, OddEntry, ParseError};

/// Reads a listing; an entry that is not understood is named beside the others.
pub(super) fn parse(exchange: &dyn Exchange, body: &[u8]) -> Result<Listing, ParseError> {
    let pairs: BTreeMap<Cow<'_, str>, &RawValue> = read_result(exchange, body)?;
    let pairs: Vec<&RawValue> = pairs.into_values().collect();
    let mut odd = Vec::new();
    let listed: Vec<AssetPair> = Entries::named("altname", &mut odd).read(&pairs);
    let instruments = listed.into_iter().map(|listed| listed.instrument(&mut odd)).collect();
    Ok(Listing { instruments, odd, ..Listing::default() })
}

#[derive(Deserialize)]
struct AssetPair {
    altname: String,
    /// Only dark pools have none.
    #[serde(default)]
    wsname: Member,
    #[serde(default)]
    status: Member,
}

impl AssetPair {
    fn instrument(self, odd: &mut Vec<OddEntry>) -> Instrument {
        let mut tell = |why: String| odd.push(OddEntry::new(&self.altname, why));
        let name = self.wsname.text();
        let pair = our_pair(name);
        if pair.is_none() && !name.is_empty() {
            tell(format!("its wsname `{name}` is no pair"));
        }
        let is_open = match self.status.text() {
            "online" => true,
            "cancel_only" | "post_only" | "limit_only" | "reduce_only" | "maintenance" | "delisted" => false,
            other => {
                tell(format!("its status `{other}` is not known"));
                false
            }
        };
        Instrument { pair, is_open, ..Instrument::named(self.altname) }
    }
}
