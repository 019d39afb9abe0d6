//! What `backfill` and `collect` share: the data path in use for one command, and its log.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::Config;
use crate::engine::{Broken, Engine, EngineError, Logging};
use crate::model::Series;
use crate::telemetry::events::Chain;

/// What is said of a journal beyond help.
const JOURNAL_BROKEN: &str =
    "the journal could not be made durable; what was accepted is read from it at the next start";

/// A data path in use for one command.
pub(crate) struct OneShot {
    engine: Arc<Engine>,
    logging: Logging,
}

impl OneShot {
    /// Takes the data path; its log goes to the log file only, the command prints for itself.
    /// `series` are run beside the configured ones. `stop` is cancelled when nothing more may be accepted.
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

    /// What the runs share.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }

    /// Ends cleanly, or says why the command did not come to its end.
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

/// Takes the data path into use, or says why not.
pub(crate) async fn open_engine(config: &Config, command: &str, out: &mut Output) -> Result<Engine, Exit> {
    Engine::open(config, command)
        .await
        .map_err(|error: EngineError| out.fail(Exit::of_engine(&error), Chain(&error)))
}
