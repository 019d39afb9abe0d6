//! Trades: ids prove what is complete, nothing else does.
//!
//! 2.x kept one trade an instant and one page a call, 3.x dropped Kraken's ids and with them equal fills of
//! one instant. So only runs of neighbouring ids, on exchanges that number the trades of a pair without a
//! hole, are covered; everything else is stored, and its window stays a gap that is asked for again.

use parquet::errors::Result;

use crate::import::layout::{Clock, TS};
use crate::import::raw::{RawFile, number, text, whole};
use crate::import::reason::{Change, Reason};
use crate::import::taken::{Taken, is_possible, is_price};
use crate::model::{Batch, Column, Kind, Micros, Series, Side, Trade, Window};

/// Exchanges whose trade ids grow by one within a pair.
const NUMBERED: [&str; 2] = ["binance", "coinbase"];

/// A run of trades whose ids follow one another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    first: Micros,
    last: Micros,
    last_id: i64,
}

/// Judges the trades of a file. `run` is the run that the file before ended with, and becomes this one's.
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

/// The taker's side; Coinbase names the maker's, and Python dccd stored it as it came.
fn side(column: &Column, row: usize, names_maker: bool) -> Option<Side> {
    match (text(column, row)?, names_maker) {
        ("buy", false) | ("sell", true) => Some(Side::Buy),
        ("sell", false) | ("buy", true) => Some(Side::Sell),
        _ => None,
    }
}

/// In the order of instants, then of ids that are numbers, then as they came.
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

/// Between two trades with neighbouring ids there is no other: not at the instants themselves at both ends
/// of a run, where one more may have been.
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
