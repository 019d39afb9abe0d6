//! The `alerts` and `telemetry` sections.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;

use crate::config::exchanges::url;
use crate::config::find::Surroundings;
use crate::config::secret::Secret;
use crate::config::section::Section;
use crate::telemetry::logs::LogFormat;

/// When someone is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    /// Failed runs in a row that make an alert.
    pub max_consecutive_errors: u32,
    /// The chat address older versions posted to; Alertmanager posts there now.
    pub webhook_url: Option<Secret>,
}

/// What the program tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// The least grave log lines that are written.
    pub log_level: tracing::Level,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Where traces go; none are made without it, or a variable in its place.
    pub otlp_endpoint: Option<String>,
    /// Where `collect` leaves its outcome for node_exporter's textfile collector: a folder, or a `.prom` file.
    pub textfile: Option<PathBuf>,
    /// The time between measurements of process and disk.
    pub collect_interval: Duration,
    /// The time between points of the metric history.
    pub history_interval: Duration,
}

const TELEMETRY_KEYS: [&str; 6] =
    ["log_level", "log_format", "otlp_endpoint", "textfile", "collect_interval", "history_interval"];

/// Reads the `alerts` section of the file.
pub(super) fn check_alerts(root: &Section<'_>) -> Alerts {
    let section = root.child("alerts", &["max_consecutive_errors", "webhook_url"]);
    let errors = section.whole("max_consecutive_errors", 1..=1_000_000, 3);
    Alerts { max_consecutive_errors: u32::try_from(errors).unwrap_or(3), webhook_url: webhook(&section) }
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
    let section = root.child("telemetry", &TELEMETRY_KEYS);
    let otlp_endpoint = url(&section, "otlp_endpoint", &["https", "http"]);
    let log_format = match section.word("log_format", &["text", "json"], "text") {
        "json" => LogFormat::Json,
        _ => LogFormat::Text,
    };
    section.unused(&["collect_interval"], "process and disk are measured whenever they are asked for");
    section.unused(&["history_interval"], "this version keeps no history of its metrics");
    Telemetry {
        log_level: log_level(section.word("log_level", &["error", "warn", "info", "debug", "trace"], "info")),
        log_format,
        otlp_endpoint,
        textfile: section.text("textfile").map(|text| around.expand(Path::new(text))),
        collect_interval: Duration::from_secs_f64(section.real("collect_interval", 1.0..=3_600.0, 30.0)),
        history_interval: Duration::from_secs_f64(section.real("history_interval", 1.0..=3_600.0, 60.0)),
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
