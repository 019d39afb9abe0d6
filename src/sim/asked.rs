//! A request being answered: the world at that moment, and the pages made of it.

use std::collections::HashMap;

use crate::model::{Grid, Micros};
use crate::sim::bend;
use crate::sim::fault::Fault;
use crate::sim::knobs::Knobs;
use crate::sim::market::{Market, SimCandle};
use crate::sim::query::{BadRequest, Query};

/// The world at one moment: the knobs and the markets they make.
#[derive(Debug)]
pub(super) struct World {
    pub(super) knobs: Knobs,
    markets: HashMap<String, Market>,
}

impl World {
    pub(super) fn new(knobs: Knobs) -> Self {
        let markets = knobs.symbols.iter().map(|symbol| (symbol.clone(), knobs.market(symbol))).collect();
        World { knobs, markets }
    }

    /// The market of a symbol as the knobs write it: both assets in capitals, nothing between them.
    pub(super) fn market(&self, symbol: &str) -> Option<&Market> {
        self.markets.get(symbol)
    }

    /// A candle as it looks at an instant.
    pub(super) fn candle_at(&self, at: Micros, market: &Market, grid: Grid, open: Micros) -> SimCandle {
        let spans = 1 + i64::from(self.knobs.revise_spans);
        if at < grid.step(open, spans) { market.provisional(grid, open) } else { market.candle(grid, open) }
    }
}

/// One request as it is answered.
pub(super) struct SimRequest<'a> {
    pub(super) world: &'a World,
    /// The path as the exchange knows it.
    pub(super) path: &'a str,
    pub(super) query: Query<'a>,
    /// The time at the exchange.
    pub(super) now: Micros,
    /// The fault of the answer, where it concerns rows.
    pub(super) fault: Option<Fault>,
    /// The request's number, from which that is drawn.
    pub(super) number: u64,
}

impl SimRequest<'_> {
    pub(super) fn told_ms(&self) -> i64 {
        self.now.millis_floor().saturating_add(self.world.knobs.skew_ms)
    }

    /// The market of a symbol as the knobs write it.
    pub(super) fn market(&self, symbol: &str) -> Result<&Market, BadRequest> {
        self.world.market(symbol).ok_or_else(|| BadRequest::new(-1121, "Invalid symbol."))
    }

    /// The most rows it gives: what was asked for, held to its own limit and to the knob.
    pub(super) fn rows_wanted(&self, name: &str, usual: usize, most: usize) -> Result<usize, BadRequest> {
        self.query.limit(name, usual, most.min(self.world.knobs.page_limit.max(1)))
    }

    /// A candle as it looks now.
    pub(super) fn candle(&self, market: &Market, grid: Grid, open: Micros) -> SimCandle {
        self.world.candle_at(self.now, market, grid, open)
    }

    /// An array of rows given by their keys, in the state the fault wants.
    pub(super) fn page(
        &self,
        mut keys: Vec<i64>,
        mut row: impl FnMut(&mut Vec<u8>, i64, Option<bend::Bend>),
    ) -> Vec<u8> {
        bend::disarrange(&mut keys, self.fault, self.number);
        let knobs = &self.world.knobs;
        bend::page(&keys, bend::bend_of(self.fault, self.number), self.number, |out, key, bend| {
            let odd = knobs.is_odd(key).then_some(bend::Bend::Contradiction);
            row(out, key, odd.or(bend));
        })
    }
}
