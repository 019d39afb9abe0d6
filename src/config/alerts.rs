//! The `alerts` and `telemetry` sections.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;

use crate::config::exchanges::url;
use crate::config::find::Surroundings;
use crate::config::key::{Form, Key};
use crate::config::secret::Secret;
use crate::config::section::Section;
use crate::telemetry::logs::LogFormat;

/// When to raise alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    /// Consecutive failed runs that raise an alert.
    pub max_consecutive_errors: u32,
    /// The chat address older versions posted to; Alertmanager posts there now.
    pub webhook_url: Option<Secret>,
}

/// Logs, traces and files of metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// The least severe level that is logged.
    pub log_level: tracing::Level,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The traces endpoint; without it, or a variable instead, there are no traces.
    pub otlp_endpoint: Option<String>,
    /// Where `collect` writes its result for node_exporter's textfile collector: a folder, or a `.prom` file.
    pub textfile: Option<PathBuf>,
    /// The time between samples of the metrics for their history.
    pub collect_interval: Duration,
    /// The time between writes of the metric history.
    pub history_interval: Duration,
}

pub(super) const ALERTS_KEYS: &[Key] = &[
    Key::new(
        "max_consecutive_errors",
        Form::Whole(1, 1_000_000, Some(3)),
        "Failed runs of a series in a row that make an alert.",
    ),
    Key::new("webhook_url", Form::Text, "The address of a chat that the Python versions posted to.")
        .secret()
        .older("Alertmanager; `dccd alerts init` writes the receiver for this address"),
];
pub(super) const TELEMETRY_KEYS: &[Key] = &[
    Key::new(
        "log_level",
        Form::Word(|| vec!["error", "warn", "info", "debug", "trace"], Some("info")),
        "The least severe log lines that are written.",
    ),
    Key::new("log_format", Form::Word(|| vec!["text", "json"], Some("text")), "How log lines are written."),
    Key::new(
        "otlp_endpoint",
        Form::Text,
        "Where traces go over OTLP and HTTP, without credentials; wins over `OTEL_EXPORTER_OTLP_ENDPOINT`.",
    ),
    Key::new(
        "textfile",
        Form::Text,
        "Where `dccd collect` writes its outcome for node_exporter: a folder, or a file that ends in `.prom`.",
    ),
    Key::new(
        "collect_interval",
        Form::Real(1.0, 3_600.0, Some(30.0)),
        "Seconds between two samples of the metrics for their history.",
    ),
    Key::new(
        "history_interval",
        Form::Real(1.0, 3_600.0, Some(60.0)),
        "Seconds between two writes of the metric history to the state store.",
    ),
];

/// Reads the `alerts` section of the file.
pub(super) fn check_alerts(root: &Section<'_>) -> Alerts {
    let section = root.child("alerts");
    Alerts { max_consecutive_errors: section.count("max_consecutive_errors"), webhook_url: webhook(&section) }
}

fn webhook(section: &Section<'_>) -> Option<Secret> {
    let text = section.hidden("webhook_url")?;
    let parsed = Url::parse(text).ok().filter(|url| url.has_host() && url.scheme().starts_with("http"));
    if parsed.is_none() {
        section
            .refuse("webhook_url", "expected an address that begins with https:// (its value is not shown)");
    }
    section.report().note(format!(
        "{}: Alertmanager has replaced it, so nothing is posted from here; `dccd alerts init` writes a receiver \
         for it; treat the URL as a secret, since \
         whoever has it can post to your channel",
        section.place("webhook_url")
    ));
    Some(Secret::new(text))
}

/// Reads the `telemetry` section of the file.
pub(super) fn check_telemetry(root: &Section<'_>, around: &Surroundings) -> Telemetry {
    let section = root.child("telemetry");
    let otlp_endpoint = url(&section, "otlp_endpoint", &["https", "http"]);
    let log_format = match section.word("log_format") {
        "json" => LogFormat::Json,
        _ => LogFormat::Text,
    };
    Telemetry {
        log_level: log_level(section.word("log_level")),
        log_format,
        otlp_endpoint,
        textfile: section.text("textfile").map(|text| around.expand(Path::new(text))),
        collect_interval: section.seconds("collect_interval"),
        history_interval: section.seconds("history_interval"),
    }
}

fn log_level(word: &str) -> tracing::Level {
    match word {
        "error" => tracing::Level::ERROR,
        "warn" => tracing::Level::WARN,
        "debug" => tracing::Level::DEBUG,
        "trace" => tracing::Level::TRACE,
        _ => tracing::Level::INFO,
    }
}
