//! What contracts have besides prices: funding rates and open interest, a pure function of symbol and time.

use super::hash::{below, draw, seed_of};
use super::market::Market;
use crate::model::{Batch, FundingRate, Grid, Kind, Micros, OpenInterest, Span, Window};

/// When funding is paid: every eight hours.
pub(super) const PAID: Grid = Grid { span: Span::Fixed(28_800), anchor_secs: 0 };

/// The rate paid at an instant, in 10^-8; negative where shorts pay.
pub(super) fn rate_e8(market: &Market, at: Micros) -> i64 {
    below(draw(seed_of(market.symbol()) ^ 7, at.0.cast_unsigned()), 60_001) - 20_000
}

/// The open interest at an instant, in 10^-8 of the base asset.
pub(super) fn interest_e8(market: &Market, at: Micros) -> i64 {
    1_000_000_000_000 + below(draw(seed_of(market.symbol()) ^ 8, at.0.cast_unsigned()), 900_000_000_000)
}

impl Market {
    /// What a right collector has stored of the funding rates inside `window`, had without mark prices.
    #[must_use]
    pub fn paid_rates(&self, window: Window) -> Batch {
        let mut batch = Batch::of(Kind::Funding);
        let mut rows = batch.funding_mut();
        let mut ts = self.next_open(PAID, window.from);
        while ts < window.until {
            rows.push(FundingRate { ts, rate: rate_e8(self, ts) as f64 / 1e8, mark_price: None });
            ts = self.next_open(PAID, PAID.next(ts));
        }
        batch
    }

    /// What a right collector has stored of the open interest inside `window`, had without its value.
    #[must_use]
    pub fn interests(&self, grid: Grid, window: Window) -> Batch {
        let mut batch = Batch::of(Kind::OpenInterest);
        let mut rows = batch.open_interest_mut();
        let mut ts = self.next_open(grid, window.from);
        while ts < window.until {
            let open_interest = interest_e8(self, ts) as f64 / 1e8;
            rows.push(OpenInterest { ts, open_interest, open_interest_value: None });
            ts = self.next_open(grid, grid.next(ts));
        }
        batch
    }
}
