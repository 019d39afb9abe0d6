//! Orders for one series: to fetch a range of it, and to repair it.

use std::sync::Arc;
use std::time::Duration;

use crate::api::BackfillAsked;
use crate::engine::Job;
use crate::engine::wrong::{INSTANT, Wrong, instant, wrong};
use crate::jobs::{Order, Precedence, Retry, Since};
use crate::model::{Micros, Series};
use crate::store::{Layout, Ledger};

/// How requests for a series without a job are retried.
const RETRY: Retry = Retry { attempts: 3, delay: Duration::from_secs(2) };

/// The order for a series without a job.
pub(crate) fn order_without_job(series: Series) -> Order {
    Order {
        series: Arc::new(series),
        since: Since::Known,
        until: None,
        retry: RETRY,
        depth: 50,
        precedence: Precedence::Ordinary,
    }
}

/// The order for a repair: that of its job, or up to where it ends and not beyond.
pub(crate) fn repair_order(jobs: &[Job], layout: &Layout, series: &Series) -> Order {
    if let Some(job) = jobs.iter().find(|job| **job.series() == *series) {
        return job.order.clone();
    }
    let ledger = Ledger::read(&layout.ledger(series), series).ok().flatten().unwrap_or_default();
    let until = ledger.settled().last().map(|window| window.until);
    Order { until, ..order_without_job(series.clone()) }
}

/// The order for a range.
///
/// # Errors
/// If the range is wrong.
pub(crate) fn backfill_order(
    jobs: &[Job],
    series: Series,
    asked: &BackfillAsked,
    now: Micros,
) -> Result<Order, Wrong> {
    let from = instant("from", &asked.from, None, INSTANT)?;
    let until = asked.until.as_deref().map(|text| instant("until", text, None, INSTANT)).transpose()?;
    if from < Micros(0) || from > now {
        return Err(wrong("from", format!("it must be from {} to {now}, which it is now", Micros(0))));
    }
    if until.is_some_and(|until| until <= from) {
        return Err(wrong("until", "it must be after `from`"));
    }
    let job = jobs.iter().find(|job| **job.series() == series);
    let order = job.map_or_else(|| order_without_job(series), |job| job.order.clone());
    Ok(Order { since: Since::Exactly(from), until, ..order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_cannot_be_is_refused_by_its_part() {
        let now = Micros::from_secs(1_750_000_000);
        let order = |from: &str, until: Option<&str>| {
            let asked = BackfillAsked { from: from.to_owned(), until: until.map(str::to_owned) };
            let series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
            backfill_order(&[], series, &asked, now).map_err(|wrong| wrong.to_string())
        };

        let good = order("2025-01-01T00:00:00Z", Some("2025-02-01T01:00:00+01:00")).unwrap();

        assert_eq!(good.since, Since::Exactly(Micros::from_secs(1_735_689_600)));
        assert_eq!(good.until, Some(Micros::from_secs(1_738_368_000)));
        for (from, until, why) in [
            ("2025-01-01", None, "from: `2025-01-01` cannot be read, or has no zone"),
            ("1926-01-01T00:00:00Z", None, "from: it must be from 1970-01-01"),
            ("2026-01-01T00:00:00Z", None, "from: it must be from 1970-01-01"),
            ("2025-01-01T00:00:00Z", Some("2025-01-01T00:00:00Z"), "until: it must be after `from`"),
            ("2025-01-01T00:00:00Z", Some("soon"), "until: `soon` cannot be read"),
        ] {
            let refused = order(from, until).unwrap_err();
            assert!(refused.starts_with(why), "{refused}");
        }
    }
}
