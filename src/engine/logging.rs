//! The log and the traces of a process: files of its data path, and the configured endpoint.

use std::sync::Arc;

use crate::config::Config;
use crate::engine::Engine;
use crate::telemetry::events::TracesOff;
use crate::telemetry::logs::{self, LogError, LogGuard, LogSettings};
use crate::telemetry::trace::{self, Traces};

/// The log and the trace exporter.
pub struct Logging {
    traces: Option<Traces>,
    _logs: LogGuard,
}

impl Logging {
    /// Starts logging and tracing. A failure to send traces does not stop anything else.
    ///
    /// # Errors
    /// If the log file cannot be opened, or logging was already set up.
    pub fn start(config: &Config, engine: &Engine, to_stderr: bool) -> Result<Self, LogError> {
        let file = engine.layout().own().join("dccd.log");
        let settings = LogSettings {
            level: config.telemetry.log_level.into(),
            format: config.telemetry.log_format,
            file: Some(&file),
            to_stderr,
        };
        let endpoint = config.telemetry.otlp_endpoint.as_deref();
        let wanted = trace::TraceSettings::of(endpoint, &|name| std::env::var(name).ok());
        let started = wanted.as_ref().map(|wanted| Traces::start(wanted, engine.telemetry().clone()));
        let (traces, off) = match started.transpose() {
            Ok(traces) => (traces, None),
            Err(error) => (None, Some(error)),
        };
        let logs = logs::init(settings, traces.as_ref(), Arc::clone(engine.telemetry().metrics()))?;
        // Reported only now because there was no log before.
        engine.set_aside_store().into_iter().for_each(|aside| engine.telemetry().emit(aside));
        if let Some(error) = off {
            engine.telemetry().emit(TracesOff { error: &error });
        }
        wanted.iter().flat_map(|wanted| &wanted.problems).for_each(|problem| tracing::warn!("{problem}"));
        Ok(Logging { traces, _logs: logs })
    }

    /// Sends the last spans and flushes the log.
    pub async fn close(self) {
        if let Some(traces) = self.traces {
            traces.close().await;
        }
    }
}
