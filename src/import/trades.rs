//! Trades: only their ids prove completeness.
//!
//! 2.x kept one trade per instant and one page per call; 3.x dropped Kraken's ids, and with them equal fills of
//! one instant. So only runs of consecutive ids are covered, on exchanges that number a pair's trades without
//! gaps. Everything else is stored, but its window stays a gap that is requested again.

use parquet::errors::Result;

use crate::import::layout::{Clock, TS};
use crate::import::raw::{RawFile, number, text, whole};
use crate::import::reason::{Change, Reason};
use crate::import::taken::{Taken, is_possible, is_price};
use crate::model::{Batch, Column, Kind, Micros, Series, Side, Trade, Window};

/// Exchanges whose trade ids are consecutive within a pair.
const NUMBERED: [&str; 2] = ["binance", "coinbase"];

/// A run of trades with consecutive ids.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    first: Micros,
    last: Micros,
    last_id: i64,
}

/// Reads the trades of a file. `run` is the run that the previous file ended with, and is updated.
pub(crate) fn read(file: &RawFile, series: &Series, now: Micros, run: &mut Option<Run>) -> Result<Taken> {
    let mut taken = Taken::nothing(Kind::Trades);
    let names = [TS, "price", "amount", if file.has("side") { "side" } else { "type" }, "tid"];
    let clock = Clock::of(file);
    let names_maker = series.exchange() == "coinbase";
    for index in 0..file.groups() {
        let (count, columns) = file.group(index, &names)?;
        taken.rows.reserve(count);
        for row in 0..count {
            let ts = clock.read(&columns[0], row).map(|(ts, _)| ts).filter(|ts| is_possible(*ts, now));
            let price = number(&columns[1], row).filter(|price| is_price(*price));
            let amount = number(&columns[2], row).filter(|amount| is_price(*amount));
            let (Some(ts), Some(price), Some(amount)) = (ts, price, amount) else {
                taken.leave(Reason::Impossible, None);
                continue;
            };
            let side = side(&columns[3], row, names_maker);
            if names_maker && side.is_some() {
                taken.change(Change::Side);
            }
            let numbered = whole(&columns[4], row).map(|id| id.to_string());
            let id = text(&columns[4], row).or(numbered.as_deref());
            taken.rows.trades_mut().push(Trade { ts, ts_recv: None, id, price, amount, side });
            taken.reach_instant(ts);
        }
    }
    sort(&mut taken.rows);
    if NUMBERED.contains(&series.exchange()) {
        prove(&mut taken, run);
    }
    Ok(taken)
}

/// The taker's side; Coinbase states the maker's, and Python dccd stored it as it came.
fn side(column: &Column, row: usize, names_maker: bool) -> Option<Side> {
    match (text(column, row)?, names_maker) {
        ("buy", false) | ("sell", true) => Some(Side::Buy),
        ("sell", false) | ("buy", true) => Some(Side::Sell),
        _ => None,
    }
}

/// Sorts by instant, then by numeric id, then by original order.
fn sort(rows: &mut Batch) {
    let key = |row: usize| (rows.ts()[row], id(rows, row).unwrap_or(i64::MAX));
    if (1..rows.len()).all(|row| key(row - 1) <= key(row)) {
        return;
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| key(*row));
    *rows = rows.gather(&order);
}

fn id(rows: &Batch, row: usize) -> Option<i64> {
    rows.trades().get(row).id?.parse().ok()
}

/// Covers the time between trades with consecutive ids, excluding the instants at both ends of a run, which may
/// have had more trades.
fn prove(taken: &mut Taken, run: &mut Option<Run>) {
    let rows = std::mem::replace(&mut taken.rows, Batch::of(Kind::Trades));
    for row in 0..rows.len() {
        let at = Micros(rows.ts()[row]);
        let follows = run.zip(id(&rows, row)).filter(|(run, id)| run.last_id + 1 == *id);
        *run = match (follows, id(&rows, row)) {
            (Some((run, id)), _) => Some(Run { last: at, last_id: id, ..run }),
            (None, Some(id)) => {
                close(taken, *run);
                Some(Run { first: at, last: at, last_id: id })
            }
            (None, None) => {
                close(taken, *run);
                None
            }
        };
    }
    close(taken, *run);
    taken.rows = rows;
}

fn close(taken: &mut Taken, run: Option<Run>) {
    let window = run.and_then(|run| Window::new(Micros(run.first.0 + 1), run.last));
    window.into_iter().for_each(|window| taken.proven.add(window));
}
