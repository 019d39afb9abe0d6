//! The request budgets of Binance. Spot markets and contracts answer at hosts of their own and are paid apart; of
//! contracts, funding rates and statistics are counted by themselves.

use crate::exchange::{Budget, Quota};

pub(super) const SPOT: Budget = Budget::named("spot");
pub(super) const USDM: Budget = Budget::named("usdm");
pub(super) const USDM_FUNDING: Budget = Budget::named("usdm funding");
pub(super) const USDM_STATISTICS: Budget = Budget::named("usdm statistics");

pub(super) const QUOTAS: [(Budget, Quota); 4] = [
    (SPOT, Quota::per_secs(6_000, 60)),
    (USDM, Quota::per_secs(2_400, 60)),
    (USDM_FUNDING, Quota::per_secs(500, 300)),
    (USDM_STATISTICS, Quota::per_secs(1_000, 300)),
];
