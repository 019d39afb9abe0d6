//! Names and bounds of the simulated derivatives of Kraken, over REST and over their socket alike.

use crate::sim::asked::World;
use crate::sim::symbol::assets;

pub(super) const TRADES: usize = 100;

/// The levels per side of a full book.
pub(super) const LEVELS: usize = 250;

pub(super) fn own(asset: &str) -> &str {
    match asset {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    }
}

/// A symbol as the knobs write it.
pub(super) fn known<'w>(world: &'w World, symbol: &str) -> Option<&'w str> {
    let name = symbol.split('_').nth(1).unwrap_or_default();
    let is_named = |known: &&String| {
        let (base, quote) = assets(known);
        name == format!("{}{quote}", own(base))
    };
    world.knobs.symbols.iter().find(is_named).map(String::as_str)
}
