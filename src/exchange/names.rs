//! An exchange's own names of assets, and their usual names.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{Instrument, Listing, OddEntry};
use crate::model::Pair;

/// The usual names for an exchange's own names of assets, as it publishes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetNames(BTreeMap<String, String>);

impl AssetNames {
    /// Own names, each with the usual one.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = (String, String)>) -> Self {
        AssetNames(names.into_iter().filter(|(own, usual)| own != usual).collect())
    }

    fn usual<'a>(&'a self, own: &'a str) -> &'a str {
        self.0.get(own).map_or(own, String::as_str)
    }

    /// The pair by its usual names; none where it has no others, or they could not be a folder's.
    fn renamed(&self, pair: &Pair) -> Option<Pair> {
        let [base, quote] = [pair.base(), pair.quote()].map(|own| self.usual(own));
        Pair::listed(base, quote, pair.market()).ok().filter(|usual| usual != pair)
    }
}

impl Listing {
    /// The same listing, whose pairs go by their usual names and by the exchange's own besides. A pair that has a name
    /// of its own keeps it alone: another that would be renamed to it is not.
    #[must_use]
    pub fn with_names(mut self, names: &AssetNames) -> Self {
        let own: BTreeSet<Pair> = self.instruments.iter().filter_map(|known| known.pair.clone()).collect();
        let mut renamed: Vec<Instrument> = Vec::new();
        for instrument in &self.instruments {
            let Some(usual) = instrument.pair.as_ref().and_then(|pair| names.renamed(pair)) else { continue };
            if own.contains(&usual) {
                let why = format!("its usual name {usual} is another's own");
                self.odd.push(OddEntry::new(&instrument.symbol, why));
            } else {
                renamed.push(Instrument { pair: Some(usual), ..instrument.clone() });
            }
        }
        self.instruments.append(&mut renamed);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(pairs: &[&str]) -> Listing {
        let instrument = |name: &&str| Instrument {
            pair: name.parse().ok(),
            ..Instrument::named(format!("t{}", name.replace('/', "")))
        };
        Listing { instruments: pairs.iter().map(instrument).collect(), ..Listing::default() }
    }

    fn names(pairs: &[(&str, &str)]) -> AssetNames {
        AssetNames::new(pairs.iter().map(|(own, usual)| ((*own).to_owned(), (*usual).to_owned())))
    }

    #[test]
    fn a_pair_is_found_by_its_usual_name_and_by_the_exchanges_own() {
        let listing = listing(&["DSH/USD", "BTC/UST", "LES/USD"]);
        let listing = listing.with_names(&names(&[("DSH", "DASH"), ("UST", "USDt"), ("LES", "LEO-EOS")]));
        for (pair, symbol) in [
            ("DASH/USD", "tDSHUSD"),
            ("DSH/USD", "tDSHUSD"),
            ("BTC/USDT", "tBTCUST"),
            ("BTC/USDt", "tBTCUST"),
            ("LES/USD", "tLESUSD"),
        ] {
            let found = listing.find(&pair.parse().unwrap()).map(|found| found.symbol.as_str());
            assert_eq!(found, Ok(symbol), "{pair}");
        }
        assert_eq!(listing.odd, []);
    }

    #[test]
    fn a_name_that_is_anothers_own_is_not_given_twice() {
        let listing = listing(&["BAB/USD", "BCH/USD"]).with_names(&names(&[("BAB", "BCH")]));
        assert_eq!(listing.find(&"BCH/USD".parse().unwrap()).unwrap().symbol, "tBCHUSD");
        assert_eq!(listing.find(&"BAB/USD".parse().unwrap()).unwrap().symbol, "tBABUSD");
        assert_eq!(listing.odd, [OddEntry::new("tBABUSD", "its usual name BCH/USD is another's own")]);
    }
}
