//! The data path in use for one command, and its log.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::Config;
use crate::engine::{Broken, Engine, EngineError, Logging};
use crate::model::Series;
use crate::telemetry::events::Chain;

/// The error of a journal that could not be synced.
const JOURNAL_BROKEN: &str =
    "the journal could not be made durable; what was accepted is read from it at the next start";

/// A data path in use for one command.
pub(crate) struct OneShot {
    engine: Arc<Engine>,
    logging: Logging,
}

impl OneShot {
    /// Takes the data path; the log goes to the log file only, as the command prints for itself.
    /// `series` are run beside the configured ones. `stop` is cancelled once nothing more may be accepted.
    pub(crate) async fn open<'a>(
        config: &Config,
        command: &str,
        series: impl Iterator<Item = &'a Series>,
        out: &mut Output,
        stop: &CancellationToken,
    ) -> Result<Self, Exit> {
        let engine = open_engine(config, command, out).await?;
        engine.stop_when_broken(stop.clone());
        for series in series {
            engine.declare(series, Duration::ZERO);
            engine
                .connect(series.exchange(), config)
                .map_err(|error| out.fail(Exit::Config, Chain(&error)))?;
        }
        let logging =
            Logging::start(config, &engine, false).map_err(|error| out.fail(Exit::Storage, Chain(&error)))?;
        engine.set_aside_store().into_iter().for_each(|aside| out.note(aside));
        for note in &config.notes {
            tracing::info!("{note}");
        }
        Ok(OneShot { engine: Arc::new(engine), logging })
    }

    /// The engine, shared by the runs.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }

    /// Closes the engine; an error if it broke.
    pub(crate) async fn close(self, out: &mut Output) -> Result<(), Exit> {
        let broken = self.engine.why_broken().await;
        self.engine.close().await;
        self.logging.close().await;
        match broken {
            None => Ok(()),
            Some(Broken::NotOwner(why)) => Err(out.fail(Exit::DataPathInUse, why)),
            Some(Broken::Journal) => Err(out.fail(Exit::Storage, JOURNAL_BROKEN)),
        }
    }
}

/// Opens the data path, or prints why it cannot be opened.
pub(crate) async fn open_engine(config: &Config, command: &str, out: &mut Output) -> Result<Engine, Exit> {
    Engine::open(config, command)
        .await
        .map_err(|error: EngineError| out.fail(Exit::of_engine(&error), Chain(&error)))
}
