//! The request budgets of OKX: each endpoint has its own limit in two seconds.

use crate::exchange::{Budget, Quota};

pub(super) const CANDLES: Budget = Budget::named("candles");
pub(super) const TRADES: Budget = Budget::named("trades");
pub(super) const BOOKS: Budget = Budget::named("books");
pub(super) const FUNDING: Budget = Budget::named("funding");
pub(super) const INTEREST: Budget = Budget::named("open interest");
pub(super) const INSTRUMENTS: Budget = Budget::named("instruments");
pub(super) const TIME: Budget = Budget::named("time");

pub(super) const QUOTAS: [(Budget, Quota); 7] = [
    (CANDLES, Quota::per_secs(20, 2)),
    (TRADES, Quota::per_secs(20, 2)),
    (BOOKS, Quota::per_secs(40, 2)),
    (FUNDING, Quota::per_secs(10, 2)),
    (INTEREST, Quota::per_secs(10, 2)),
    (INSTRUMENTS, Quota::per_secs(20, 2)),
    (TIME, Quota::per_secs(10, 2)),
];
