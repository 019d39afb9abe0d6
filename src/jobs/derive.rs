//! Computes candles from trades, for time whose candles an exchange no longer serves. Pure.
//!
//! Trades count in the order of their instants, and within an instant in the order of their ids. The volume is the
//! exact sum of the amounts in hundred-millionths, which is the precision exchanges quote, rounded once to the
//! nearest float: the value its own decimal text would parse to. The quote volume stays null. A bucket is emitted
//! once trades prove all of it; one without trades is emitted as covered time without a candle.

use crate::exchange::ParseError;
use crate::model::{Batch, Candle, Grid, Kind, Micros, Window};

/// The fractions of a base asset in which amounts are summed.
const PARTS: f64 = 1e8;

/// Computes the candles that open inside one window, from trades given oldest first.
#[derive(Debug)]
pub(super) struct Derivation {
    grid: Grid,
    /// The opens of buckets not yet emitted.
    left: Window,
    /// Every trade before this is in a candle.
    proven: Micros,
    /// Trades from `proven` on: the next page repeats them, possibly with more of their instant.
    waiting: Vec<Fill>,
    running: Option<Running>,
}

/// Candles, and the window of opens that they are complete for.
#[derive(Debug, PartialEq)]
pub(super) struct Derived {
    pub(super) candles: Batch,
    pub(super) opens: Window,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Fill {
    ts: Micros,
    id: u64,
    price: f64,
    amount: f64,
}

/// The candle under construction.
#[derive(Clone, Copy, Debug)]
struct Running {
    candle: Candle,
    volume_parts: i128,
    trades: i64,
}

impl Derivation {
    /// For the candles that open inside a window; `None` if none does.
    pub(super) fn new(grid: Grid, opens: Window) -> Option<Self> {
        let left = Window::new(grid.ceil(opens.from), grid.ceil(opens.until))?;
        Some(Derivation { grid, left, proven: left.from, waiting: Vec::new(), running: None })
    }

    /// The window whose trades are needed.
    pub(super) fn wanted(&self) -> Window {
        Window { from: self.proven, ..self.left }
    }

    /// The opens not yet emitted; `None` once all are.
    pub(super) fn left(&self) -> Option<Window> {
        Window::new(self.left.from, self.left.until)
    }

    /// Adds trades, now that every trade before `proven` has been seen; returns the buckets that are complete.
    ///
    /// # Errors
    /// If a trade's id is not a number: a repeated trade could not be told from two.
    pub(super) fn take(&mut self, trades: &Batch, proven: Micros) -> Result<Option<Derived>, ParseError> {
        self.wait(trades)?;
        self.proven = self.proven.max(proven);
        let seen = self.waiting.partition_point(|fill| fill.ts < self.proven);
        let mut candles = Batch::of(Kind::Ohlc);
        for fill in self.waiting.drain(..seen) {
            let open = self.grid.floor(fill.ts);
            if let Some(whole) = self.running.take_if(|running| running.candle.ts < open) {
                candles.candles_mut().push(whole.finish());
            }
            self.running.get_or_insert_with(|| Running::at(open, fill.price)).add(fill);
        }
        let whole = self.grid.floor(self.proven).min(self.left.until);
        if let Some(last) = self.running.take_if(|running| running.candle.ts < whole) {
            candles.candles_mut().push(last.finish());
        }
        let opens = Window::new(self.left.from, whole);
        self.left.from = self.left.from.max(whole);
        Ok(opens.map(|opens| Derived { candles, opens }))
    }

    fn wait(&mut self, trades: &Batch) -> Result<(), ParseError> {
        let end = self.left.until;
        for (row, trade) in trades.trades().iter().enumerate() {
            let id = trade.id.and_then(|id| id.parse().ok()).ok_or_else(|| ParseError::Impossible {
                row,
                reason: "a trade has no number, without which no candle is computed".to_owned(),
            })?;
            if self.proven <= trade.ts && trade.ts < end {
                self.waiting.push(Fill { ts: trade.ts, id, price: trade.price, amount: trade.amount });
            }
        }
        self.waiting.sort_by_key(|fill| (fill.ts, fill.id));
        self.waiting.dedup_by_key(|fill| (fill.ts, fill.id));
        Ok(())
    }
}

impl Running {
    fn at(open: Micros, price: f64) -> Self {
        let candle = Candle {
            ts: open,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0.0,
            quote_volume: None,
            trades: None,
        };
        Running { candle, volume_parts: 0, trades: 0 }
    }

    fn add(&mut self, fill: Fill) {
        let candle = &mut self.candle;
        candle.high = candle.high.max(fill.price);
        candle.low = candle.low.min(fill.price);
        candle.close = fill.price;
        self.volume_parts += (fill.amount * PARTS).round() as i128;
        self.trades += 1;
    }

    fn finish(self) -> Candle {
        Candle { volume: decimal(self.volume_parts), trades: Some(self.trades), ..self.candle }
    }
}

/// The float nearest to so many fractions, as parsed from its decimal text.
fn decimal(parts: i128) -> f64 {
    let text = format!("{}.{:08}", parts / 100_000_000, parts % 100_000_000);
    // Digits around a point always parse; the division is the nearest fallback.
    text.parse().unwrap_or(parts as f64 / PARTS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Side, Span, Trade};

    const MINUTE: Grid = Grid { span: Span::MINUTE, anchor_secs: 0 };

    fn at(secs: i64) -> Micros {
        Micros::from_secs(1_699_999_980 + secs)
    }

    fn trades(rows: &[(i64, u64, f64, f64)]) -> Batch {
        let mut batch = Batch::of(Kind::Trades);
        for (secs, id, price, amount) in rows {
            let id = id.to_string();
            let (price, amount, side) = (*price, *amount, Some(Side::Buy));
            batch.trades_mut().push(Trade {
                ts: at(*secs),
                ts_recv: None,
                id: Some(&id),
                price,
                amount,
                side,
            });
        }
        batch
    }

    fn over(from: i64, until: i64) -> Derivation {
        Derivation::new(MINUTE, Window::new(at(from), at(until)).unwrap()).unwrap()
    }

    fn candle(secs: i64, [open, high, low, close]: [f64; 4], volume: f64, trades: i64) -> Candle {
        Candle { ts: at(secs), open, high, low, close, volume, quote_volume: None, trades: Some(trades) }
    }

    #[test]
    fn a_candle_is_made_of_its_trades_in_the_order_of_time_and_id() {
        let mut derivation = over(0, 240);
        // Out of order, one of them twice; the second minute is quiet.
        let page = trades(&[
            (20, 3, 101.0, 0.2),
            (10, 1, 100.0, 0.1),
            (20, 2, 99.0, 2.0),
            (10, 1, 100.0, 0.1),
            (130, 4, 102.0, 0.5),
        ]);
        let derived = derivation.take(&page, at(240)).unwrap().unwrap();
        assert_eq!(derived.opens, Window::new(at(0), at(240)).unwrap());
        let candles: Vec<_> = derived.candles.candles().iter().collect();
        assert_eq!(
            candles,
            [candle(0, [100.0, 101.0, 99.0, 101.0], 2.3, 3), candle(120, [102.0; 4], 0.5, 1)],
            "0.1 + 2.0 + 0.2 as floats is not 2.3"
        );
        assert_eq!(derivation.left(), None);
    }

    #[test]
    fn no_bucket_is_given_out_before_its_last_instant_is_proven() {
        let mut derivation = over(0, 120);
        assert_eq!(derivation.take(&trades(&[(59, 1, 5.0, 1.0)]), at(59)), Ok(None));
        assert_eq!(derivation.take(&trades(&[(59, 1, 5.0, 1.0), (59, 2, 6.0, 1.0)]), at(59)), Ok(None));
        let last = trades(&[(59, 2, 6.0, 1.0), (60, 3, 7.0, 1.0)]);
        let derived = derivation.take(&last, at(60)).unwrap().unwrap();
        assert_eq!(derived.opens, Window::new(at(0), at(60)).unwrap());
        assert_eq!(derived.candles.candles().get(0), candle(0, [5.0, 6.0, 5.0, 6.0], 2.0, 2));
        assert_eq!(derivation.left(), Window::new(at(60), at(120)));
    }

    #[test]
    fn opens_that_are_on_no_grid_are_rounded_up_and_trades_beside_the_window_left_out() {
        let mut derivation = over(10, 119);
        assert_eq!(derivation.wanted(), Window::new(at(60), at(120)).unwrap());
        let page = trades(&[(30, 1, 9.0, 1.0), (60, 2, 5.0, 1.0), (120, 3, 9.0, 1.0)]);
        let derived = derivation.take(&page, at(120)).unwrap().unwrap();
        assert_eq!(derived.candles.candles().iter().collect::<Vec<_>>(), [candle(60, [5.0; 4], 1.0, 1)]);
        assert!(Derivation::new(MINUTE, Window::new(at(61), at(119)).unwrap()).is_none());
    }

    #[test]
    fn a_trade_without_a_number_is_refused() {
        let mut rows = trades(&[(1, 1, 1.0, 1.0)]);
        rows.trades_mut().push(Trade {
            ts: at(2),
            ts_recv: None,
            id: None,
            price: 1.0,
            amount: 1.0,
            side: None,
        });
        assert!(over(0, 60).take(&rows, at(60)).is_err());
    }

    proptest! {
        #[test]
        fn pages_cut_anywhere_and_repeated_give_the_candles_of_all_trades_at_once(
            steps in prop::collection::vec((0_i64..40, 1_i64..1_000_000_000, 1_u32..90_000), 1..200),
            page in 1_usize..30,
        ) {
            let mut secs = 0;
            let rows: Vec<_> = steps.iter().enumerate().map(|(id, (pause, amount, price))| {
                secs += pause;
                (secs, id as u64, f64::from(*price) / 100.0, *amount as f64 / 1e8)
            }).collect();
            let until = (secs / 60 + 1) * 60;
            let whole = over(0, until).take(&trades(&rows), at(until)).unwrap().unwrap();

            let (mut derivation, mut joined) = (over(0, until), Batch::of(Kind::Ohlc));
            for end in (page..rows.len() + page).step_by(page) {
                let part = &rows[(end - page).saturating_sub(3)..end.min(rows.len())];
                // A page proves what lies before its last row.
                let derived = derivation.take(&trades(part), at(part[part.len() - 1].0)).unwrap();
                derived.into_iter().for_each(|derived| joined.take_all(&derived.candles));
            }
            let rest = derivation.take(&Batch::of(Kind::Trades), at(until)).unwrap();
            rest.into_iter().for_each(|derived| joined.take_all(&derived.candles));
            prop_assert_eq!(&joined, &whole.candles);
            let parts: i64 = steps.iter().map(|(_, amount, _)| amount).sum();
            let sum: f64 = joined.candles().iter().map(|candle| candle.volume).sum();
            prop_assert!((sum - parts as f64 / 1e8).abs() < 1e-6);
        }
    }
}
