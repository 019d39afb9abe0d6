//! Funding rates and open interest of 3.x.
//!
//! Exchanges change how often they pay funding, so rates prove nothing about the time between them. Samples of
//! open interest prove their own places on the grid.

use parquet::errors::Result;

use crate::import::candles::{closes_at, is_on_grid};
use crate::import::layout::{Clock, TS};
use crate::import::raw::{RawFile, number};
use crate::import::reason::Reason;
use crate::import::taken::{Taken, is_amount, is_possible, is_price};
use crate::model::{FundingRate, Kind, Micros, OpenInterest, Series, Window};

/// Reads the samples of a file.
pub(crate) fn read(file: &RawFile, series: &Series, now: Micros) -> Result<Taken> {
    let kind = series.kind();
    let [value, extra] = match kind {
        Kind::Funding => ["rate", "mark_price"],
        _ => ["open_interest", "open_interest_value"],
    };
    let mut rows: Vec<(Micros, f64, Option<f64>)> = Vec::new();
    let mut taken = Taken::nothing(kind);
    let clock = Clock::of(file);
    for index in 0..file.groups() {
        let (count, columns) = file.group(index, &[TS, value, extra])?;
        for row in 0..count {
            let ts = clock.read(&columns[0], row).map(|(ts, _)| ts).filter(|ts| is_possible(*ts, now));
            match (ts, number(&columns[1], row), number(&columns[2], row)) {
                (Some(ts), Some(value), extra) if is_sample(kind, value, extra) => {
                    rows.push((ts, value, extra))
                }
                (Some(ts), ..) => taken.leave(Reason::Impossible, place(series, ts)),
                (None, ..) => taken.leave(Reason::Impossible, None),
            }
        }
    }
    rows.sort_by_key(|row| row.0);
    for (index, (ts, value, extra)) in rows.iter().copied().enumerate() {
        if rows.get(index + 1).is_some_and(|next| next.0 == ts) {
            taken.leave(Reason::Twice, None);
            continue;
        }
        push(&mut taken, kind, (ts, value, extra));
        taken.reach_instant(ts);
        if let Some(window) = place(series, ts) {
            taken.proven.add(window);
            taken.reach(window);
        }
    }
    Ok(taken)
}

fn is_sample(kind: Kind, value: f64, extra: Option<f64>) -> bool {
    match kind {
        Kind::Funding => value.is_finite() && extra.is_none_or(is_price),
        _ => is_amount(value) && extra.is_none_or(is_amount),
    }
}

fn push(taken: &mut Taken, kind: Kind, (ts, value, extra): (Micros, f64, Option<f64>)) {
    match kind {
        Kind::Funding => {
            taken.rows.funding_mut().push(FundingRate { ts, rate: value, mark_price: extra });
        }
        _ => {
            let row = OpenInterest { ts, open_interest: value, open_interest_value: extra };
            taken.rows.open_interest_mut().push(row);
        }
    }
}

/// The window of a sample, if the series has a grid and the sample is on it.
fn place(series: &Series, ts: Micros) -> Option<Window> {
    let span = series.span().filter(|span| is_on_grid(*span, ts))?;
    Window::new(ts, closes_at(span, ts))
}
