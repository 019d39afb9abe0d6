//! Binance's stream rows as JSON text: aggregate trades and candles of its three markets.

use std::io::Write as _;

use crate::model::{Grid, Micros};
use crate::sim::bend::Bend;
use crate::sim::hash::{below, draw};
use crate::sim::market::{Market, SimCandle, SimTrade};
use crate::sim::text::{cents, e8};
use crate::sim::venues::binance::contract::{contracts_of, of_cents};
use crate::sim::venues::binance::window::INTERVALS;
use crate::sim::ws::{Flow, Rows, What, unpublished_trade};

/// The row of a frame.
pub(super) fn row(out: &mut Vec<u8>, is_spot: bool, is_coin: bool, rows: &Rows<'_>) {
    let told = rows.told().millis_floor();
    let (name, channel) = rows.topic.name.split_once('@').unwrap_or_default();
    let name = name.to_ascii_uppercase();
    let odd = |key: i64| rows.world.knobs.is_odd(key).then_some(Bend::Contradiction);
    match rows.what {
        What::Trades(ids) => {
            let trade = rows.market.trade(ids.first().copied().unwrap_or_default());
            let bend = odd(i64::try_from(trade.id).unwrap_or(i64::MAX));
            let kind = (is_spot, is_coin);
            agg_trade(out, (&name, told), &trade, kind, bend);
        }
        What::Candle { open, is_closed } => {
            let Flow::Candles { grid, .. } = rows.topic.flow else { return };
            let candle = rows.world.candle_at(rows.told(), rows.market, grid, open);
            let kline = Kline { candle, grid, is_closed, market: rows.market, at: rows.at };
            match channel.starts_with("continuousKline") {
                true => {
                    let (pair, kind) = name.split_once('_').unwrap_or_default();
                    let _ = write!(
                        out,
                        r#"{{"e":"continuous_kline","E":{told},"ps":"{pair}","ct":"{kind}","k":"#
                    );
                    kline.write(out, "", is_coin, odd(open.0));
                }
                false => {
                    let _ = write!(out, r#"{{"e":"kline","E":{told},"s":"{name}","k":"#);
                    kline.write(out, &format!(r#""s":"{name}","#), is_coin, odd(open.0));
                }
            }
            out.push(b'}');
        }
        What::Book(id) => depth_update(out, (is_spot, is_coin), &name, id, rows),
        What::Heartbeat => {}
    }
}

/// One change a number; contracts name the number before.
fn depth_update(out: &mut Vec<u8>, (is_spot, is_coin): (bool, bool), symbol: &str, id: i64, rows: &Rows<'_>) {
    let back_ms = below(draw(13, id.cast_unsigned()), i64::from(rows.world.knobs.book_back_ms) + 1);
    let told = rows.told().millis_floor() - back_ms;
    let _ = write!(out, r#"{{"e":"depthUpdate","E":{told},"#);
    if !is_spot {
        let _ = write!(out, r#""T":{told},"#);
    }
    let _ = write!(out, r#""s":"{symbol}","U":{id},"u":{id}"#);
    if !is_spot {
        let _ = write!(out, r#","pu":{}"#, id - 1);
    }
    for (key, levels) in ["b", "a"].into_iter().zip(rows.changed(id, None)) {
        let _ = write!(out, r#","{key}":["#);
        for (place, (price_cents, amount_e8)) in levels.into_iter().enumerate() {
            out.extend_from_slice(if place > 0 { b",[\"" } else { b"[\"" });
            cents(out, price_cents);
            out.extend_from_slice(b"\",\"");
            match is_coin {
                true if amount_e8 > 0 => drop(write!(out, "{}", contracts_of(amount_e8, price_cents))),
                _ => e8(out, amount_e8),
            }
            out.extend_from_slice(b"\"]");
        }
        out.push(b']');
    }
    out.push(b'}');
}

fn agg_trade(
    out: &mut Vec<u8>,
    (symbol, told): (&str, i64),
    trade: &SimTrade,
    (is_spot, is_coin): (bool, bool),
    bend: Option<Bend>,
) {
    let SimTrade { id, ts, price_cents, amount_e8, sold } = *trade;
    // As over REST: a price that cannot be true.
    let told_cents = match bend {
        Some(_) if is_coin => -1,
        Some(_) => -price_cents,
        None => price_cents,
    };
    let _ = match is_coin {
        true => write!(out, r#"{{"e":"aggTrade","E":{told},"a":{id},"s":"{symbol}","p":""#),
        false => write!(out, r#"{{"e":"aggTrade","E":{told},"s":"{symbol}","a":{id},"p":""#),
    };
    cents(out, told_cents);
    out.extend_from_slice(b"\",\"q\":\"");
    match is_coin {
        true => drop(write!(out, "{}", contracts_of(amount_e8, price_cents))),
        false => e8(out, amount_e8),
    }
    let _ = write!(out, r#"","f":{id},"l":{id},"T":{},"m":{sold}"#, ts.millis_floor());
    out.extend_from_slice(if is_spot { b",\"M\":true}" } else { b"}" });
}

/// A candle to be written.
struct Kline<'a> {
    candle: SimCandle,
    grid: Grid,
    is_closed: bool,
    market: &'a Market,
    at: Micros,
}

impl Kline<'_> {
    fn write(&self, out: &mut Vec<u8>, symbol: &str, is_coin: bool, bend: Option<Bend>) {
        let SimCandle { open, open_cents, low_cents, close_cents, volume_e8, quote_cents, trades, .. } =
            self.candle;
        let closes = self.grid.next(open);
        let (first, beyond) =
            (self.market.first_trade_at_or_after(open), unpublished_trade(self.market, self.at));
        let last = beyond.min(self.market.first_trade_at_or_after(closes)).checked_sub(1);
        let (first, last) = match last.filter(|last| *last >= first) {
            Some(last) => (first.to_string(), last.to_string()),
            None => ("-1".to_owned(), "-1".to_owned()),
        };
        let interval =
            INTERVALS.iter().find(|(_, span)| *span == self.grid.span).map_or("", |(word, _)| word);
        let _ = write!(
            out,
            r#"{{"t":{},"T":{},{symbol}"i":"{interval}","f":{first},"L":{last}"#,
            open.millis_floor(),
            closes.millis_floor() - 1
        );
        let (high_cents, close_cents) = match bend {
            Some(_) if is_coin => (self.candle.high_cents, -1),
            Some(_) => (low_cents - 1, close_cents),
            None => (self.candle.high_cents, close_cents),
        };
        for (key, price) in [("o", open_cents), ("c", close_cents), ("h", high_cents), ("l", low_cents)] {
            let _ = write!(out, r#","{key}":""#);
            cents(out, price);
            out.push(b'"');
        }
        let base = |out: &mut Vec<u8>, amount_e8| e8(out, amount_e8);
        let quote = |out: &mut Vec<u8>, cents_of: i64| match is_coin {
            true => drop(write!(out, "{}", of_cents(cents_of))),
            false => cents(out, cents_of),
        };
        // Contracts of coins count in contracts, and their turnover in the base asset.
        let volume = |out: &mut Vec<u8>, part: i64| match is_coin {
            true => quote(out, quote_cents / part),
            false => base(out, volume_e8 / part),
        };
        let turnover = |out: &mut Vec<u8>, part: i64| match is_coin {
            true => base(out, volume_e8 / part),
            false => quote(out, quote_cents / part),
        };
        out.extend_from_slice(b",\"v\":\"");
        volume(out, 1);
        let _ = write!(out, r#"","n":{trades},"x":{},"q":""#, self.is_closed);
        turnover(out, 1);
        out.extend_from_slice(b"\",\"V\":\"");
        volume(out, 2);
        out.extend_from_slice(b"\",\"Q\":\"");
        turnover(out, 2);
        out.extend_from_slice(b"\",\"B\":\"0\"}");
    }
}
