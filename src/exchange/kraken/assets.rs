//! Kraken's own names of assets, in their modern form.

use crate::model::{Market, Pair};

/// Kraken's name of an asset, in its modern form.
pub(super) fn own_asset(asset: &str) -> &str {
    match asset {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    }
}

/// The pair of a name with a slash: `XBT/USD` is our BTC/USD.
pub(super) fn our_pair(name: &str) -> Option<Pair> {
    let (base, quote) = name.split_once('/')?;
    let ours = |asset| match asset {
        "XBT" => "BTC",
        "XDG" => "DOGE",
        other => other,
    };
    Pair::listed(ours(base), ours(quote), Market::Spot).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_have_our_names_whatever_their_age() {
        for (name, pair) in [("XBT/USD", "BTC/USD"), ("XDG/XBT", "DOGE/BTC"), ("SOL/EUR", "SOL/EUR")] {
            let ours = our_pair(name).unwrap();
            assert_eq!(ours.to_string(), pair);
            assert_eq!(format!("{}/{}", own_asset(ours.base()), own_asset(ours.quote())), name);
        }
    }
}
