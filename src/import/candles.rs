//! Candles: decides which of them an exchange really sent.
//!
//! 2.x lays each answer on a complete grid and fills every hole with the previous row, volume included; rows
//! before the first are null. A row that equals the previous one in every value is therefore left out, even though
//! a quiet market may really have repeated itself: the exchange is asked again. 3.x stores the running candle as
//! if it were closed, so its last one is left out; and a candle that nothing follows is stored but its window
//! stays a gap, since a job that stopped there would have left it unfinished.

use parquet::errors::Result;

use crate::import::layout::{Clock, Era, TS};
use crate::import::raw::{RawFile, number, whole};
use crate::import::reason::{Change, Reason};
use crate::import::taken::{Taken, is_amount, is_possible, is_price};
use crate::model::{Candle, Kind, Micros, Series, Span, Window};

/// Facts about the whole folder that are needed to judge the candles of one file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// The present.
    pub(crate) now: Micros,
    /// The last instant of any row of 3.x.
    pub(crate) last_of_three: Option<Micros>,
    /// Whether some row of 2.x is off the grid.
    pub(crate) two_is_off_grid: bool,
    /// The first instant of the file after this one.
    pub(crate) next_file: Option<Micros>,
    /// The beginning of this file's period.
    pub(crate) period_from: Micros,
    /// The last row of 2.x in the previous period's file.
    pub(crate) before: Option<Values>,
    /// Whether the previous file cannot be read.
    pub(crate) is_cut_off: bool,
}

/// The values of a candle as stored: open, high, low, close, volume, quote volume.
pub(crate) type Values = [Option<f64>; 6];

#[derive(Clone, Copy)]
struct Row {
    ts: Micros,
    era: Era,
    values: Values,
    trades: Option<i64>,
    /// Whether it repeats the previous row of 2.x.
    is_copy: bool,
}

/// Kraken candles of this length and longer are cut at the wrong instants.
const KRAKEN_LONG_SECS: u32 = 4 * 3_600;

/// Facts that one file adds to the [`Context`] of its folder.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FileScan {
    /// Its first open.
    pub(crate) first: Option<Micros>,
    /// Its last open of 3.x.
    pub(crate) last_of_three: Option<Micros>,
    /// Whether some row of 2.x is off the grid.
    pub(crate) two_is_off_grid: bool,
}

/// Reads only the timestamps of a file.
pub(crate) fn scan(file: &RawFile, series: &Series, now: Micros) -> Result<FileScan> {
    let mut scan = FileScan::default();
    let Some(span) = series.span() else { return Ok(scan) };
    let clock = Clock::of(file);
    for index in 0..file.groups() {
        let (count, columns) = file.group(index, &[TS])?;
        for (stamp, era) in (0..count).filter_map(|row| clock.read(&columns[0], row)) {
            let ts = open_of(series, span, stamp, era);
            if !is_possible(ts, now) {
                continue;
            }
            scan.first = Some(scan.first.map_or(ts, |first| first.min(ts)));
            match era {
                Era::Two => scan.two_is_off_grid |= !is_on_grid(span, ts),
                Era::Three => scan.last_of_three = scan.last_of_three.max(Some(ts)),
            }
        }
    }
    Ok(scan)
}

/// Reads the candles of a file; also returns the last row of 2.x, for comparison with the next file.
pub(crate) fn read(file: &RawFile, series: &Series, context: &Context) -> Result<(Taken, Option<Values>)> {
    let mut taken = Taken::nothing(Kind::Ohlc);
    let Some(span) = series.span() else { return Ok((taken, None)) };
    let rules = Rules { series, span, context };
    let mut rows = rules.rows(file, &mut taken)?;
    rows.sort_by_key(|row| (row.ts, row.era));
    let last = mark_copies(&mut rows, context);
    for index in 0..rows.len() {
        let next = rows.get(index + 1).map(|row| row.ts).or(context.next_file);
        rules.judge(rows[index], next, index + 1 < rows.len(), &mut taken);
    }
    Ok((taken, last))
}

/// Finds rows of 2.x that repeat the previous one, also across files.
fn mark_copies(rows: &mut [Row], context: &Context) -> Option<Values> {
    let mut before = context.before;
    let mut of_two: Vec<&mut Row> = rows.iter_mut().filter(|row| row.era == Era::Two).collect();
    if before.is_none() && (context.is_cut_off || may_go_on(&of_two, context.period_from)) {
        // The row that the first one may repeat is not readable.
        before = of_two.first().map(|row| row.values);
    }
    for row in &mut of_two {
        row.is_copy = before == Some(row.values);
        before = Some(row.values);
    }
    before
}

/// Whether the first rows may repeat a row of a missing previous file: they start with the period and are all
/// equal.
fn may_go_on(of_two: &[&mut Row], period_from: Micros) -> bool {
    matches!(of_two, [first, second, ..] if first.ts == period_from && first.values == second.values)
}

struct Rules<'a> {
    series: &'a Series,
    span: Span,
    context: &'a Context,
}

impl Rules<'_> {
    fn rows(&self, file: &RawFile, taken: &mut Taken) -> Result<Vec<Row>> {
        let quote = if file.has("quote_volume") { "quote_volume" } else { "quoteVolume" };
        let names = [TS, "open", "high", "low", "close", "volume", quote, "trades"];
        let clock = Clock::of(file);
        let mut rows = Vec::new();
        for index in 0..file.groups() {
            let (count, columns) = file.group(index, &names)?;
            for row in 0..count {
                let Some((stamp, era)) = clock.read(&columns[0], row) else {
                    taken.leave(Reason::Impossible, None);
                    continue;
                };
                let values = std::array::from_fn(|at| number(&columns[at + 1], row));
                let ts = open_of(self.series, self.span, stamp, era);
                rows.push(Row { ts, era, values, trades: whole(&columns[7], row), is_copy: false });
            }
        }
        Ok(rows)
    }

    fn judge(&self, row: Row, next: Option<Micros>, next_is_here: bool, taken: &mut Taken) {
        let window = self.window(row.ts);
        if next == Some(row.ts) && next_is_here {
            return taken.leave(Reason::Twice, None);
        }
        if let Some(reason) = self.fault(&row) {
            let window = window.filter(|_| !matches!(reason, Reason::OffGrid) && self.is_sane(row.ts));
            return taken.leave(reason, window);
        }
        let ([Some(open), Some(high), Some(low), Some(close), Some(volume), quote_volume], Some(window)) =
            (row.values, window)
        else {
            return taken.leave(Reason::Null, window);
        };
        let invented = row.era == Era::Two && self.series.exchange() == "coinbase" && quote_volume.is_some();
        if invented {
            taken.change(Change::QuoteVolume);
        }
        if is_stamped_with_end(self.series, row.era) {
            taken.change(Change::Open);
        }
        let quote_volume = quote_volume.filter(|_| !invented);
        let trades = row.trades;
        taken.rows.candles_mut().push(Candle {
            ts: row.ts,
            open,
            high,
            low,
            close,
            volume,
            quote_volume,
            trades,
        });
        taken.reach(window);
        if row.era == Era::Two && self.series.exchange() == "kraken" {
            // Computed from trades by 2.x itself, or sent by Kraken: the file does not show which.
            taken.derived.add(window);
        }
        if row.era == Era::Two || next == Some(window.until) {
            taken.proven.add(window);
        }
    }

    fn fault(&self, row: &Row) -> Option<Reason> {
        let context = self.context;
        let is_kraken = self.series.exchange() == "kraken";
        let is_last = row.era == Era::Three && context.last_of_three == Some(row.ts);
        let faults = [
            (!self.is_sane(row.ts), Reason::Impossible),
            (is_kraken && self.span.secs() >= KRAKEN_LONG_SECS, Reason::KrakenLong),
            (!is_on_grid(self.span, row.ts), Reason::OffGrid),
            (row.values[..5].contains(&None), Reason::Null),
            (is_kraken && row.era == Era::Two && context.two_is_off_grid, Reason::KrakenPartial),
            (row.is_copy, Reason::Copied),
            (!is_candle(&row.values, row.trades), Reason::Impossible),
            (is_last || closes_at(self.span, row.ts) > context.now, Reason::MayRun),
        ];
        faults.into_iter().find_map(|(is_so, reason)| is_so.then_some(reason))
    }

    fn is_sane(&self, ts: Micros) -> bool {
        is_possible(ts, self.context.now)
    }

    fn window(&self, ts: Micros) -> Option<Window> {
        Window::new(ts, closes_at(self.span, ts))
    }
}

/// The open of a candle with this stamp: BitMEX stamps candles with their end.
fn open_of(series: &Series, span: Span, stamp: Micros, era: Era) -> Micros {
    if is_stamped_with_end(series, era) { opened_at(span, stamp) } else { stamp }
}

fn is_stamped_with_end(series: &Series, era: Era) -> bool {
    series.exchange() == "bitmex" && era == Era::Three
}

/// Whether these can be the values of a candle.
fn is_candle(values: &Values, trades: Option<i64>) -> bool {
    let [Some(open), Some(high), Some(low), Some(close), Some(volume), quote_volume] = *values else {
        return false;
    };
    [open, high, low, close].into_iter().all(is_price)
        && low <= open.min(close)
        && high >= open.max(close)
        && is_amount(volume)
        && quote_volume.is_none_or(is_amount)
        && trades.is_none_or(|trades| trades >= 0)
}

/// Whether a candle of this span can open at `ts`. The grid of three-day candles is undocumented.
pub(crate) fn is_on_grid(span: Span, ts: Micros) -> bool {
    span == Span::Fixed(259_200) || span.grid().floor(ts) == ts
}

/// The end of the candle that opens at `open`.
pub(crate) fn closes_at(span: Span, open: Micros) -> Micros {
    match span {
        Span::Fixed(secs) => Micros(open.0.saturating_add(i64::from(secs) * 1_000_000)),
        Span::Month => span.grid().next(open),
    }
}

/// The open of the candle that ends at `end`.
pub(crate) fn opened_at(span: Span, end: Micros) -> Micros {
    match span {
        Span::Fixed(secs) => Micros(end.0.saturating_sub(i64::from(secs) * 1_000_000)),
        Span::Month => span.grid().step(end, -1),
    }
}
