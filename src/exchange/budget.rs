//! Request budgets by name, and how much each may spend.

use std::fmt;
use std::time::Duration;

/// One of the budgets an exchange counts requests against, by name. An exchange may count each endpoint apart;
/// most count all requests together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Budget(&'static str);

impl Budget {
    /// The one budget of an exchange that counts all requests together.
    pub const REQUESTS: Budget = Budget::named("requests");

    /// A budget of this name, which is its own among those of an exchange.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Budget(name)
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How much of a budget may be spent, in the exchange's own weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The weight that may be spent.
    pub weight: u32,
    /// In which time.
    pub per: Duration,
}

impl Quota {
    /// This much weight in so many seconds.
    #[must_use]
    pub const fn per_secs(weight: u32, secs: u64) -> Self {
        Quota { weight, per: Duration::from_secs(secs) }
    }
}
