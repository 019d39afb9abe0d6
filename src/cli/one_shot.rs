//! What `backfill` and `collect` share: the data path in use for one command, and its log.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::Config;
use crate::engine::{Broken, Engine, EngineError};
use crate::model::Series;
use crate::telemetry::events::{Chain, TracesOff};
use crate::telemetry::logs::{self, LogGuard, LogSettings};
use crate::telemetry::trace::{self, Traces};

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
        let mut engine = open_engine(config, command, out).await?;
        engine.stop_when_broken(stop.clone());
        for series in series {
            engine.declare(series, Duration::ZERO);
            engine
                .connect(series.exchange(), config)
                .map_err(|error| out.fail(Exit::Config, Chain(&error)))?;
        }
        let logging = Logging::start(config, &engine, false, out)?;
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
        if let Some(engine) = Arc::into_inner(self.engine) {
            engine.close().await;
        }
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

/// The log and the traces of a data path in use.
pub(crate) struct Logging {
    traces: Option<Traces>,
    _logs: LogGuard,
}

impl Logging {
    /// Starts both; traces that cannot be sent keep nothing from going on.
    pub(crate) fn start(
        config: &Config,
        engine: &Engine,
        to_stderr: bool,
        out: &mut Output,
    ) -> Result<Self, Exit> {
        let file = engine.layout().own().join("dccd.log");
        let settings = LogSettings {
            level: config.telemetry.log_level.into(),
            format: config.telemetry.log_format,
            file: Some(&file),
            to_stderr,
        };
        let endpoint = config.telemetry.otlp_endpoint.as_deref();
        let wanted = trace::Settings::of(endpoint, &|name| std::env::var(name).ok());
        let started = wanted.as_ref().map(|wanted| Traces::start(wanted, engine.telemetry().clone()));
        let (traces, off) = match started.transpose() {
            Ok(traces) => (traces, None),
            Err(error) => (None, Some(error)),
        };
        let logs = logs::init(settings, traces.as_ref(), Arc::clone(engine.telemetry().metrics()))
            .map_err(|error| out.fail(Exit::Storage, Chain(&error)))?;
        // Only now is there a log to say it in.
        engine.set_aside_store().into_iter().for_each(|aside| engine.telemetry().emit(aside));
        if let Some(error) = off {
            engine.telemetry().emit(TracesOff { error: &error });
        }
        wanted.iter().flat_map(|wanted| &wanted.problems).for_each(|problem| tracing::warn!("{problem}"));
        Ok(Logging { traces, _logs: logs })
    }

    /// Sends the last spans and writes the last lines.
    pub(crate) async fn close(self) {
        if let Some(traces) = self.traces {
            traces.close().await;
        }
    }
}
