//! One series of a configured stream.

use std::sync::Arc;

use crate::config::{Channel, Config};
use crate::exchange::find;
use crate::exchange::live::BookWish;
use crate::model::{Kind, Series};

/// A series to listen to.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveJob {
    /// The series.
    pub series: Arc<Series>,
    /// The rows that are wanted, of a book.
    pub book: Option<BookWish>,
}

impl LiveJob {
    /// The books among these.
    pub(crate) fn books(live: &[LiveJob]) -> impl Iterator<Item = Arc<Series>> {
        live.iter().filter(|job| job.book.is_some()).map(|job| Arc::clone(&job.series))
    }

    /// The series of these.
    pub(crate) fn series(live: &[LiveJob]) -> Vec<Arc<Series>> {
        live.iter().map(|job| Arc::clone(&job.series)).collect()
    }

    /// Every series of a configuration's streams that its exchange sends live, each once.
    #[must_use]
    pub fn all(config: &Config) -> Vec<LiveJob> {
        let mut all: Vec<LiveJob> = Vec::new();
        for job in &config.stream_jobs {
            let kinds = job.channels.iter().flat_map(|channel| match channel {
                Channel::Trades => vec![(Kind::Trades, None)],
                Channel::Ohlc => job.spans.iter().map(|span| (Kind::Ohlc, Some(*span))).collect(),
                Channel::Book => vec![(Kind::OrderBook, None)],
            });
            let kinds: Vec<_> = kinds.collect();
            for (pair, (kind, span)) in
                job.pairs.iter().flat_map(|pair| kinds.iter().map(move |kind| (pair, *kind)))
            {
                let Ok(series) = Series::new(&job.exchange, pair.clone(), kind, span) else { continue };
                if is_live(&series) && all.iter().all(|own| *own.series != series) {
                    let book = (kind == Kind::OrderBook).then(|| job.book());
                    all.push(LiveJob { series: Arc::new(series), book });
                }
            }
        }
        all
    }
}

/// Whether an exchange sends a series live.
fn is_live(series: &Series) -> bool {
    let live = find(series.exchange()).and_then(|exchange| exchange.live());
    live.is_some_and(|live| live.offer_for(series).is_some())
}
