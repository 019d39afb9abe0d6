//! Logging: each event is one line, as text or JSON, in a rotated file and on stderr.
//!
//! **Log lines of one kind are written at most 20 times a minute.** A kind is a place in the code, its message and
//! a series or exchange, so that no error hides another's. Metrics count every line, and lines below INFO are
//! never left out.

mod file;
mod follow;
mod format;
mod line;
mod search;
mod stderr;
mod tail;
mod throttle;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::{Context, SubscriberExt};

pub use follow::Follower;
pub use format::LogFormat;
pub use search::{FoundLine, LogLevel, LogSearch, search};
pub use tail::tail;

use crate::clock::now;
use crate::telemetry::Metrics;
use crate::telemetry::trace::{self, Traces};
use file::RotatingFile;
use format::level_name;
use line::LogLine;
use stderr::Stderr;
use throttle::Throttle;

/// Crates whose routine is of no interest to operators: only their warnings pass. Matches names with these
/// prefixes.
const NOISY: [&str; 7] = ["hyper", "reqwest", "h2", "rustls", "sqlx", "tower", "tracing_opentelemetry"];

/// Its failures are reported once, in our own words.
const SILENT: &str = "opentelemetry";

/// The level, the format and the destinations of the log.
#[derive(Clone, Copy, Debug)]
pub struct LogSettings<'a> {
    /// The least severe level that is logged.
    pub level: LevelFilter,
    /// The format of lines.
    pub format: LogFormat,
    /// The log file, if any; rotated at 10 MB into `.1` to `.5`.
    pub file: Option<&'a Path>,
    /// Whether to log to stderr too.
    pub to_stderr: bool,
}

/// Ends logging when dropped: reports what was left out, and gives lines queued for stderr a moment to arrive.
#[must_use = "lines still on their way are lost when it is dropped early"]
pub struct LogGuard {
    sink: Arc<Sink>,
    _stderr: Option<stderr::WriteGuard>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.sink.throttle.end().iter().for_each(|line| self.sink.write(line));
    }
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// The log file cannot be opened.
    #[error(
        "the log file {path} cannot be opened; it must be a plain file, not a link, in a folder that can be written"
    )]
    File {
        /// The file.
        path: String,
        /// The I/O error.
        source: io::Error,
    },
    /// The thread that writes to stderr cannot be started.
    #[error("no thread can be started for stderr; raise the limit of processes")]
    Thread(#[source] io::Error),
    /// Logging is already set up.
    #[error("logging is set up already")]
    AlreadySet,
}

/// Sets up logging for the whole process, and tracing if `traces` is given.
///
/// # Errors
/// If the file cannot be opened, or logging is already set up.
pub fn init(
    settings: LogSettings<'_>,
    traces: Option<&Traces>,
    metrics: Arc<Metrics>,
) -> Result<LogGuard, LogError> {
    let (subscriber, guard) = subscriber(settings, traces, metrics)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::AlreadySet)?;
    Ok(guard)
}

/// Like [`init`], for one scope instead of the whole process.
///
/// # Errors
/// If the file cannot be opened.
pub fn subscriber(
    settings: LogSettings<'_>,
    traces: Option<&Traces>,
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
    let (file, throttle) = (file.transpose()?.map(Mutex::new), Throttle::new(Instant::now()));
    let sink = Arc::new(Sink { format, file, stderr, throttle, metrics });
    let layer = LogLayer(Arc::clone(&sink));
    let level = settings.level;
    let quiet = NOISY.into_iter().map(|name| (name, level.min(LevelFilter::WARN)));
    let targets =
        Targets::new().with_default(level).with_targets(quiet).with_target(SILENT, LevelFilter::OFF);
    // Without a collector spans are disabled, so that they cost nothing.
    let filter = targets.and(filter_fn(|about| about.is_event()));
    let traced = traces.map(Traces::layer).with_filter(trace::wanted(traces.is_some()));
    let rejected = traces.map(Traces::rejected).with_filter(trace::rejections());
    let subscriber =
        tracing_subscriber::registry().with(traced).with(rejected).with(layer.with_filter(filter));
    Ok((subscriber, LogGuard { sink, _stderr: drain }))
}

/// Turns events into lines.
struct LogLayer(Arc<Sink>);

/// The destinations of lines.
struct Sink {
    format: LogFormat,
    file: Option<Mutex<RotatingFile>>,
    stderr: Option<Stderr>,
    throttle: Throttle,
    metrics: Arc<Metrics>,
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (sink, line) = (&self.0, LogLine::of(event));
        sink.metrics.program.log_messages.with_label_values(&[level_name(line.level())]).inc();
        // Lines below INFO were requested explicitly, so they are not throttled.
        if line.level() <= Level::INFO {
            let verdict = sink.throttle.judge(&event.metadata().callsite(), &line, Instant::now());
            verdict.before.iter().for_each(|line| sink.write(line));
            if !verdict.is_written {
                sink.metrics.traces.lines_left_out.inc();
                return;
            }
        }
        sink.write(&line);
    }
}

impl Sink {
    fn write(&self, line: &LogLine) {
        let line = line.text(self.format, now());
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

    /// Counted, not logged: a log line about it would be lost too.
    fn dropped(&self, queue: &str) {
        self.metrics.program.queue_dropped.with_label_values(&[queue]).inc();
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
            tracing::info!(target: "opentelemetry_sdk", "exported");
            tracing::debug!(target: "reqwest::connect", "connected");
            tracing::info!(target: "h2::codec", "framed");
            tracing::trace!("ours");
        });

        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect::<Vec<_>>(),
            ["broken", "ours"]
        );
    }

    #[test]
    fn a_flood_is_one_line_more_than_its_limit_and_every_line_of_it_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dccd.log");
        let metrics = Arc::new(Metrics::new());

        logged(&path, LogFormat::Text, LevelFilter::DEBUG, &metrics, || {
            (0..1_000).for_each(|number| tracing::warn!(exchange = "binance", number, "request failed"));
            (0..100).for_each(|number| tracing::debug!(number, "routine"));
        });

        let text = std::fs::read_to_string(&path).unwrap();
        let of = |word: &str| text.lines().filter(|line| line.contains(word)).count();
        assert_eq!((of("request failed exchange=binance number="), of("routine")), (20, 100));
        let last = text.lines().last().unwrap();
        assert!(last.ends_with("WARN  request failed: 980 like it were left out exchange=binance"), "{last}");
        let exposed = exposition::text(&metrics).unwrap();
        assert!(exposed.contains("dccd_log_messages_total{level=\"warn\"} 1000\n"), "{exposed}");
        assert!(exposed.contains("dccd_log_lines_left_out_total 980\n"), "{exposed}");
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

        let error = subscriber(settings, None, Arc::default()).err().unwrap();

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
        let (subscriber, _guard) = subscriber(settings, None, Arc::clone(metrics)).unwrap();
        tracing::subscriber::with_default(subscriber, act);
    }
}
