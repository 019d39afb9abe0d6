//! The request budgets of Bitfinex: each endpoint has its own limit a minute.

use crate::exchange::{Budget, Quota};

pub(super) const CANDLES: Budget = Budget::named("candles");
pub(super) const TRADES: Budget = Budget::named("trades");
pub(super) const BOOKS: Budget = Budget::named("books");
pub(super) const CONFIGS: Budget = Budget::named("configs");

pub(super) const QUOTAS: [(Budget, Quota); 4] = [
    (CANDLES, Quota::per_secs(30, 60)),
    (TRADES, Quota::per_secs(15, 60)),
    (BOOKS, Quota::per_secs(240, 60)),
    (CONFIGS, Quota::per_secs(90, 60)),
];
