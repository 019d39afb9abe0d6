//! One series of a configured job, as the scheduler and the one-shot commands run it.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, ConfiguredTrigger, HistoJob, Start};
use crate::engine::Trigger;
use crate::exchange::find;
use crate::jobs::{Order, Precedence, Retry, Since};
use crate::model::{Kind, Micros, Series};

/// One series of one configured job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The data to fetch.
    pub order: Order,
    /// When it runs.
    pub trigger: Trigger,
    /// The fixed delay after each trigger.
    pub jitter: Duration,
}

impl Job {
    /// Every series of a configuration whose exchange is supported.
    #[must_use]
    pub fn all(config: &Config) -> Vec<Job> {
        let running = config.histo_jobs.iter().filter(|job| job.running);
        running.flat_map(|job| job.series.iter().map(|series| Job::of(job, series, config))).collect()
    }

    fn of(job: &HistoJob, series: &Series, config: &Config) -> Job {
        let since = match job.start {
            Start::Last => Since::Known,
            Start::Origin => Since::Origin,
            Start::Date(date) => Since::AtLeast(date),
        };
        let order = Order {
            series: Arc::new(series.clone()),
            since,
            until: None,
            retry: Retry { attempts: job.max_retries, delay: job.retry_delay },
            depth: job.depth,
            precedence: Precedence::Ordinary,
        };
        let trigger = trigger(job, series, config);
        Job { order, jitter: trigger.jitter(series), trigger }
    }

    /// The first instant after `now` at which it is due; missed runs coalesce into it.
    #[must_use]
    pub(crate) fn next_after(&self, now: Micros) -> Option<Micros> {
        self.trigger.next_after(now - self.jitter).map(|next| next + self.jitter)
    }

    /// The series of jobs, each with whether its job recurs.
    pub(crate) fn wanted(jobs: &[Job]) -> Vec<(Arc<Series>, bool)> {
        let wanted = jobs.iter().map(|job| (Arc::clone(job.series()), job.trigger != Trigger::OnDemand));
        wanted.collect()
    }

    /// The series.
    #[must_use]
    pub fn series(&self) -> &Arc<Series> {
        &self.order.series
    }
}

fn trigger(job: &HistoJob, series: &Series, config: &Config) -> Trigger {
    match &job.trigger {
        ConfiguredTrigger::Every(interval) => Trigger::Every(*interval),
        ConfiguredTrigger::Cron(cron) => Trigger::Cron(cron.clone(), config.zone.clone()),
        ConfiguredTrigger::Once => Trigger::Once,
        ConfiguredTrigger::Manual => Trigger::OnDemand,
        ConfiguredTrigger::AtClose => {
            match (series.span(), find(series.exchange()).and_then(|own| own.offer_for(series))) {
                (Some(span), Some(offer)) => Trigger::AtClose { grid: offer.grid(span), grace: offer.grace },
                (Some(span), None) => Trigger::AtClose { grid: span.grid(), grace: Duration::ZERO },
                (None, _) => Trigger::Every(usual_interval(series.kind())),
            }
        }
    }
}

/// The interval of kinds without a span if none is configured.
fn usual_interval(kind: Kind) -> Duration {
    match kind {
        Kind::Funding => Duration::from_secs(3_600),
        _ => Duration::from_secs(60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_were_missed_are_one_run_at_the_next_beat_which_is_the_jobs_own() {
        let series: Arc<Series> = Arc::new("binance/BTC-USDT/ohlc/5m".parse().unwrap());
        let retry = Retry { attempts: 3, delay: Duration::ZERO };
        let trigger = Trigger::Every(Duration::from_secs(300));
        let job = Job {
            jitter: trigger.jitter(&series),
            trigger,
            order: Order {
                series,
                since: Since::Known,
                until: None,
                retry,
                depth: 50,
                precedence: Precedence::Ordinary,
            },
        };
        assert!(!job.jitter.is_zero());

        let beat = job.next_after(Micros::from_secs(1_700_000_100)).unwrap();
        let late = job.next_after(beat + Duration::from_secs(7 * 300 + 10)).unwrap();

        assert_eq!(beat, Micros::from_secs(1_700_000_100) + job.jitter);
        assert_eq!(late.since(beat), Duration::from_secs(8 * 300), "one run for the seven that were missed");
        assert_eq!(job.next_after(late).unwrap().since(late), Duration::from_secs(300));
    }
}
