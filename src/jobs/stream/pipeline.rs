//! One connection with everything behind it and no engine around it, to be measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::jobs::stream::acceptor::Acceptor;
use crate::jobs::stream::listener::Listener;
use crate::jobs::stream::live_series::LiveSeries;
use crate::jobs::stream::publisher::Publisher;
use crate::jobs::stream::quiet::QuietLimits;
use crate::jobs::stream::states::LiveStates;
use crate::jobs::stream::tasks::Tasks;
use crate::jobs::stream::topics::{ListenedTopic, Topics};
use crate::jobs::stream::waiting_rows::{EACH_BYTES, MOST_BYTES, WaitingRows};
use crate::jobs::stream::waiting_updates::WaitingUpdates;
use crate::model::{Micros, Series};
use crate::net::ws::{Command, Connection};
use crate::store::{Store, StoreError};
use crate::telemetry::Telemetry;

/// How many needs may wait; all of them are left unanswered.
const NEEDS: usize = 64;
/// How often its series are said to run.
const MINUTE: Duration = Duration::from_secs(60);

/// A connection whose rows are accepted, and published too if that is wanted.
pub struct Pipeline {
    series: Vec<Arc<Series>>,
    telemetry: Telemetry,
    /// The connection ends without it.
    _commands: mpsc::Sender<Command>,
    tasks: Tasks<(), ()>,
    stop: CancellationToken,
}

impl Pipeline {
    /// Begins to listen to the topics of a connection of an exchange. Its rows are published after a while, if one is
    /// given; else they all stay in memory.
    ///
    /// # Errors
    /// If a series cannot be opened.
    pub fn begin(
        exchange: &'static str,
        connection: Connection,
        store: &Store,
        telemetry: &Telemetry,
        publish_after: Option<Duration>,
    ) -> Result<Self, StoreError> {
        let (topics, mut series) = (Topics::default(), Vec::new());
        for topic in &connection.topics {
            let own = Arc::clone(&topic.series);
            let grid = own.span().and_then(|span| connection.live.offer_for(&own)?.grid(span));
            let live = LiveSeries::open(store, &own, grid)?;
            topics.lock().insert(topic.id, ListenedTopic::new(live, QuietLimits::default()));
            telemetry.declare_series(&own, "measured", MINUTE);
            telemetry.metrics().declare_stream(&own);
            series.push(own);
        }
        let (mut tasks, stop) = (Tasks::new("measuring"), CancellationToken::new());
        let waiting = WaitingRows::new(publish_after.map_or(usize::MAX, |_| MOST_BYTES), EACH_BYTES);
        let (acceptor, accept) = Acceptor::new(store.clone(), waiting.clone());
        tasks.spawn_blocking((), accept);
        let publisher = Publisher::new(waiting, telemetry.clone());
        if let Some(longest) = publish_after {
            tasks.spawn((), publisher.clone().run(longest, stop.clone()));
        }
        let (needs, mut needed) = mpsc::channel(NEEDS);
        tasks.spawn((), async move { while needed.recv().await.is_some() {} });
        let (commands, obeyed) = mpsc::channel(1);
        let listener = Listener {
            exchange,
            line: connection.line,
            topics,
            telemetry: telemetry.clone(),
            states: LiveStates::new(telemetry, || Micros(0)),
            needs,
            acceptor,
            publisher,
            waiting_updates: WaitingUpdates::new(exchange, telemetry.clone()),
            clock: Arc::clone(&connection.clock),
            opened: Instant::now(),
            standby_opened: Instant::now(),
        };
        let (kept, inlet) = connection.keep(obeyed, stop.clone());
        tasks.spawn((), kept);
        tasks.spawn((), listener.run(inlet));
        Ok(Pipeline { series, telemetry: telemetry.clone(), _commands: commands, tasks, stop })
    }

    /// The number of rows accepted so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let metrics = self.telemetry.metrics();
        self.series.iter().filter_map(|own| metrics.stream(own)).map(|own| own.rows.get()).sum()
    }

    /// Ends the connection and publishes what waits.
    pub async fn end(mut self) {
        self.stop.cancel();
        self.tasks.end().await;
    }
}
