//! The live offers of every exchange, for docs/.

use crate::exchange::live::LiveOffer;
use crate::exchange::{ALL, Books, Exchange};
use crate::model::{Kind, Market};

/// A column of the table: its head and the cell of an offer.
type Cells = (&'static str, fn(&dyn Exchange, &LiveOffer) -> String);

const COLUMNS: [Cells; 8] = [
    ("exchange", |exchange, _| exchange.name().to_owned()),
    ("line", |_, offer| offer.line.name.to_owned()),
    ("kind", |_, offer| offer.kind.name().to_owned()),
    ("markets", |_, offer| offer.markets.iter().map(|market| market.name()).collect::<Vec<_>>().join(" ")),
    ("topics", |_, offer| offer.line.limits.topics.to_string()),
    ("proof", |exchange, offer| proof(exchange, offer).to_owned()),
    ("grace", |_, offer| format!("{} s", offer.grace.as_secs())),
    ("recorded", |_, offer| if offer.recorded { "yes" } else { "no" }.to_owned()),
];

/// The lines of the table.
pub(super) fn markdown() -> Vec<String> {
    let barred = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let heads = COLUMNS.iter().map(|(head, _)| (*head).to_owned()).collect();
    let mut lines = vec![barred(heads), format!("|{}", "---|".repeat(COLUMNS.len()))];
    for exchange in ALL {
        for offer in exchange.live().map(|live| live.offers()).unwrap_or_default() {
            lines.push(barred(COLUMNS.iter().map(|(_, cell)| cell(exchange, offer)).collect()));
        }
    }
    lines
}

/// The proof that no row was left out.
fn proof(exchange: &dyn Exchange, offer: &LiveOffer) -> &'static str {
    let market = offer.markets.first().copied().unwrap_or(Market::Spot);
    match offer.kind {
        Kind::OrderBook => Books::of(exchange.name(), market, None).map_or("nothing", |books| books.proof()),
        Kind::Ohlc => "the next candle",
        _ if offer.ids_are_contiguous => "ids without a hole",
        _ => "nothing",
    }
}
