//! Logging: one event is one line, text or JSON, to a rotated file and to stderr.

mod file;
mod line;
mod stderr;
mod tail;

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};

pub use tail::tail;

use crate::telemetry::{Metrics, now};
use file::RotatingFile;
use line::Line;
use stderr::Stderr;

/// Crates whose routine is of no use to an operator; only their warnings pass.
const NOISY: [&str; 8] = ["hyper", "hyper_util", "reqwest", "h2", "rustls", "sqlx", "tower", "tower_http"];

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(()),
        }
    }
}

/// What is logged, how, and where to.
#[derive(Clone, Copy, Debug)]
pub struct LogSettings<'a> {
    /// The least important level that is logged.
    pub level: LevelFilter,
    /// How lines look.
    pub format: LogFormat,
    /// The log file, if any; rotated at 10 MB into `.1` to `.5`.
    pub file: Option<&'a Path>,
    /// Whether lines go to stderr too.
    pub to_stderr: bool,
}

/// Ends logging when dropped: lines on their way to stderr get a moment to arrive.
#[must_use = "lines still on their way are lost when it is dropped early"]
pub struct LogGuard {
    _stderr: Option<stderr::Drain>,
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// The log file cannot be opened.
    #[error("the log file {path} cannot be opened; make its folder writable")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The thread that writes to stderr cannot be started.
    #[error("no thread can be started for stderr; raise the limit of processes")]
    Thread(#[source] io::Error),
    /// Logging was set up before.
    #[error("logging is set up already")]
    AlreadySet,
}

/// Sets up logging for the whole process.
///
/// # Errors
/// When the file cannot be opened, or logging was set up before.
pub fn init(settings: LogSettings<'_>, metrics: Arc<Metrics>) -> Result<LogGuard, LogError> {
    let (subscriber, guard) = subscriber(settings, metrics)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::AlreadySet)?;
    Ok(guard)
}

/// What [`init`] sets up, for one scope instead of the whole process.
///
/// # Errors
/// When the file cannot be opened.
pub fn subscriber(
    settings: LogSettings<'_>,
    metrics: Arc<Metrics>,
) -> Result<(impl Subscriber + Send + Sync + use<>, LogGuard), LogError> {
    let file = settings.file.map(|path| {
        RotatingFile::open(path).map_err(|source| LogError::File { path: path.display().to_string(), source })
    });
    let program = &metrics.program;
    program.queue_capacity.with_label_values(&["stderr"]).set(stderr::QUEUE_LINES as i64);
    let waiting = program.queue_items.with_label_values(&["stderr"]);
    let stderr = settings.to_stderr.then(|| stderr::open(waiting)).transpose().map_err(LogError::Thread)?;
    let (stderr, drain) = stderr.unzip();
    let format = settings.format;
    let layer = LogLayer { format, file: file.transpose()?.map(Mutex::new), stderr, metrics };
    let level = settings.level;
    let quiet = NOISY.into_iter().map(|name| (name, level.min(LevelFilter::WARN)));
    let filter = Targets::new().with_default(level).with_targets(quiet);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    Ok((subscriber, LogGuard { _stderr: drain }))
}

/// Turns events into lines and hands them out.
struct LogLayer {
    format: LogFormat,
    file: Option<Mutex<RotatingFile>>,
    stderr: Option<Stderr>,
    metrics: Arc<Metrics>,
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        self.metrics.program.log_messages.with_label_values(&[level_name(level)]).inc();
        let line = Line::of(event).text(self.format, now());
        if let Some(file) = &self.file {
            let written = file.lock().unwrap_or_else(PoisonError::into_inner).write(line.as_bytes());
            if written.is_err() {
                self.dropped("log_file");
            }
        }
        if let Some(stderr) = &self.stderr
            && !stderr.send(line)
        {
            self.dropped("stderr");
        }
    }
}

impl LogLayer {
    /// Counted, not logged: a log line about it would fare no better.
    fn dropped(&self, queue: &str) {
        self.metrics.program.queue_dropped.with_label_values(&[queue]).inc();
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::exposition;

    #[test]
    fn lines_reach_the_file_in_order_and_are_counted_by_level() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        let metrics = Arc::new(Metrics::new());

        logged(&path, LogFormat::Text, LevelFilter::INFO, &metrics, || {
            tracing::info!(series = "binance/BTC-USDT/trades", rows = 3, "rows stored");
            tracing::debug!("not of interest");
            tracing::error!(error = "disk\nfull", "run failed");
        });

        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(
            lines,
            ["INFO  binance/BTC-USDT/trades rows stored rows=3", "ERROR run failed error=\"disk\\nfull\""]
        );
        let exposed = exposition::text(&metrics).unwrap();
        assert!(exposed.contains("dccd_log_messages_total{level=\"error\"} 1\n"), "{exposed}");
        assert!(exposed.contains("dccd_log_messages_total{level=\"debug\"} 0\n"), "{exposed}");
    }

    #[test]
    fn only_warnings_pass_from_crates_that_talk_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");

        logged(&path, LogFormat::Text, LevelFilter::TRACE, &Arc::default(), || {
            tracing::info!(target: "hyper::proto", "flushed");
            tracing::warn!(target: "hyper::proto", "broken");
            tracing::trace!("ours");
        });

        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect::<Vec<_>>(),
            ["broken", "ours"]
        );
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let settings = LogSettings {
            level: LevelFilter::INFO,
            format: LogFormat::Text,
            file: Some(folder.path()),
            to_stderr: false,
        };

        let error = subscriber(settings, Arc::default()).err().unwrap();

        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    }

    fn logged(
        path: &Path,
        format: LogFormat,
        level: LevelFilter,
        metrics: &Arc<Metrics>,
        act: impl FnOnce(),
    ) {
        let settings = LogSettings { level, format, file: Some(path), to_stderr: false };
        let (subscriber, _guard) = subscriber(settings, Arc::clone(metrics)).unwrap();
        tracing::subscriber::with_default(subscriber, act);
    }
}
