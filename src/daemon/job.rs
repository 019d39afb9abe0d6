//! A job for one series, as the scheduler and the one-shot commands run it.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, HistoJob, Start, Trigger};
use crate::daemon::Rhythm;
use crate::exchange::find;
use crate::jobs::{Order, Retry, Since};
use crate::model::{Kind, Micros, Series};

/// One series of one configured job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What to fetch.
    pub order: Order,
    /// When it runs.
    pub rhythm: Rhythm,
    /// How much later than its rhythm says.
    pub jitter: Duration,
}

impl Job {
    /// Every series of a configuration whose exchange this program speaks.
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
            spare_repairs: false,
        };
        let rhythm = rhythm(job, series, config);
        Job { order, jitter: rhythm.jitter(series), rhythm }
    }

    /// The first instant after `now` at which it is due; runs that were missed coalesce into it.
    #[must_use]
    pub fn next_after(&self, now: Micros) -> Option<Micros> {
        self.rhythm.next_after(now - self.jitter).map(|next| next + self.jitter)
    }

    /// The series.
    #[must_use]
    pub fn series(&self) -> &Arc<Series> {
        &self.order.series
    }
}

fn rhythm(job: &HistoJob, series: &Series, config: &Config) -> Rhythm {
    match &job.trigger {
        Trigger::Every(interval) => Rhythm::Every(*interval),
        Trigger::Cron(cron) => Rhythm::Cron(cron.clone(), config.zone.clone()),
        Trigger::Once => Rhythm::Once,
        Trigger::Manual => Rhythm::OnDemand,
        Trigger::AtClose => {
            match (series.span(), find(series.exchange()).and_then(|own| own.offer_for(series))) {
                (Some(span), Some(offer)) => Rhythm::AtClose { grid: offer.grid(span), grace: offer.grace },
                (Some(span), None) => Rhythm::AtClose { grid: span.grid(), grace: Duration::ZERO },
                (None, _) => Rhythm::Every(usual_interval(series.kind())),
            }
        }
    }
}

/// How often a kind without a span is collected where nothing is configured.
fn usual_interval(kind: Kind) -> Duration {
    match kind {
        Kind::Funding => Duration::from_secs(3_600),
        _ => Duration::from_secs(60),
    }
}
