//! Listings of markets of which many series are to be admitted at once: one request in place of one for each pair.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, LiveJob};
use crate::jobs::stream::{Tasks, resolve_all};
use crate::model::{Market, Series};
use crate::telemetry::events::Chain;

/// As many pairs are looked up one by one.
const FEW: usize = 4;

/// A market of an exchange.
type Place = (String, Market);

/// The listings that are asked for.
pub(super) struct Listings {
    asking: Tasks<Place, ()>,
}

impl Listings {
    pub(super) fn new() -> Self {
        Listings { asking: Tasks::new("asking for a listing") }
    }

    /// Asks for the listings of the markets of which many of these series are not resolved.
    pub(super) fn want<'a>(
        &mut self,
        engine: &Arc<Engine>,
        jobs: impl Iterator<Item = &'a LiveJob>,
        stop: &CancellationToken,
    ) {
        let mut unresolved: BTreeMap<Place, Vec<&LiveJob>> = BTreeMap::new();
        for job in jobs {
            let context = engine.context(job.series.exchange());
            if context.is_some_and(|context| !context.instruments().contains_key(job.series.pair())) {
                unresolved.entry(place(&job.series)).or_default().push(job);
            }
        }
        for (place, jobs) in unresolved {
            if jobs.len() > FEW && !self.asking.has(|own| *own == place) {
                self.ask(engine, place, &jobs, stop);
            }
        }
    }

    fn ask(&mut self, engine: &Arc<Engine>, place: Place, jobs: &[&LiveJob], stop: &CancellationToken) {
        let Some(context) = engine.context(&place.0) else { return };
        let series: Vec<Arc<Series>> = jobs.iter().map(|job| Arc::clone(&job.series)).collect();
        let stop = stop.clone();
        let exchange = place.0.clone();
        self.asking.spawn(place, async move {
            if let Err(error) = resolve_all(&context, &series, &stop).await {
                // Each pair is looked up by itself then, and fails with its own words.
                tracing::warn!(exchange, error = %Chain(&error), "the listing could not be had at once");
            }
        });
    }

    /// Whether the listing of a series' market is asked for.
    pub(super) fn is_pending(&self, series: &Series) -> bool {
        self.asking.has(|own| own.0 == series.exchange() && own.1 == series.pair().market())
    }

    /// Waits for the next one that has come, or that cannot be had.
    pub(super) async fn next(&mut self) -> Option<()> {
        self.asking.next().await.map(drop)
    }

    pub(super) async fn end(&mut self) {
        self.asking.abort().await;
    }
}

fn place(series: &Series) -> Place {
    (series.exchange().to_owned(), series.pair().market())
}
