//! `dccd alerts init`: rules, templates and configurations for Prometheus and Alertmanager, made for this configuration.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::receiver::Receiver;
use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::config::{Config, put};
use crate::engine::Job;

/// Write rules and configurations for Prometheus and Alertmanager that fit this configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd alerts init", "dccd alerts init /etc/prometheus/dccd --alertmanager alerts.example.com:9093"]))]
pub(super) struct Args {
    /// Folder to write into.
    #[arg(default_value = "alerts", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Replace files that are there already.
    #[arg(long)]
    force: bool,
    /// File with the address of a monitor that expects a call every five minutes and alarms when it stays away.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    heartbeat_file: Option<PathBuf>,
    /// Address of Alertmanager.
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:9093")]
    alertmanager: String,
    /// Address below which the runbooks are, if you keep them elsewhere.
    #[arg(long, value_name = "URL")]
    runbooks: Option<String>,
    /// Address of Grafana, for links in messages.
    #[arg(long, value_name = "URL", default_value = GRAFANA)]
    grafana: String,
}

const RECORDING: &str = include_str!("../../../alerts/recording.yml");
const ALERTS: &str = include_str!("../../../alerts/alerts.yml");
const PROMETHEUS: &str = include_str!("../../../alerts/prometheus.yml");
const ALERTMANAGER: &str = include_str!("../../../alerts/alertmanager.yml");
const TEMPLATE: &str = include_str!("../../../alerts/templates/slack.tmpl");

const RUNBOOKS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/runbooks");
const GRAFANA: &str = "http://localhost:3000";

/// Readable by all, and by its owner alone.
const OPEN: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// The fewest samples a scrape may hold, and how many a series and the rest make at most.
const LEAST_SAMPLES: usize = 30_000;
const SAMPLES_OF_A_SERIES: usize = 100;
const OTHER_SAMPLES: usize = 10_000;
/// A sample of the text format is no longer than this on average.
const BYTES_OF_A_SAMPLE: usize = 300;

/// A file to be written.
struct File {
    name: &'static str,
    text: String,
    mode: u32,
}

/// Writes every file, or none where one is there already.
pub(super) fn run(args: &Args, config: &Config, out: &mut Output) -> Exit {
    let Some(address) = config.http.listen.first() else {
        return out.fail(
            Exit::Failed,
            "http.listen is empty, so Prometheus has nothing to scrape; list an address",
        );
    };
    let heartbeat = match args.heartbeat_file.as_deref().map(read_url).transpose() {
        Ok(heartbeat) => heartbeat,
        Err(error) => return out.fail(Exit::Failed, error),
    };
    let folder = match fs::create_dir_all(&args.folder).and_then(|()| fs::canonicalize(&args.folder)) {
        Ok(folder) => folder,
        Err(error) => return out.fail(Exit::Storage, format!("{}: {error}", args.folder.display())),
    };
    let receiver = config.alerts.webhook_url.as_ref().map(|url| Receiver::of(url.expose()));
    let files = files(args, config, &folder, target(*address), receiver.as_ref(), heartbeat.as_deref());
    let there: Vec<&str> =
        files.iter().map(|file| file.name).filter(|name| folder.join(name).exists()).collect();
    if !there.is_empty() && !args.force {
        let there = there.join(", ");
        return out
            .fail(Exit::Failed, format!("{there} exist in {}; --force replaces them", folder.display()));
    }
    for File { name, text, mode } in &files {
        let path = folder.join(name);
        if let Err(error) = write(&path, text, *mode) {
            return out.fail(Exit::Storage, format!("{}: {error}", path.display()));
        }
        out.line(format!("Written: {}", path.display()));
    }
    tell_next(config, &folder, receiver.as_ref(), out);
    Exit::Done
}

fn files(
    args: &Args,
    config: &Config,
    folder: &Path,
    target: String,
    receiver: Option<&Receiver>,
    heartbeat: Option<&str>,
) -> Vec<File> {
    let rules = ALERTS.replace(RUNBOOKS, args.runbooks.as_deref().unwrap_or(RUNBOOKS).trim_end_matches('/'));
    let rules = rules.replace(GRAFANA, args.grafana.trim_end_matches('/'));
    let holds_secret = heartbeat.is_some() || receiver.is_some_and(|receiver| !receiver.is_by_file());
    let mut files = vec![
        File { name: "recording.yml", text: RECORDING.to_owned(), mode: OPEN },
        File { name: "alerts.yml", text: rules, mode: OPEN },
        File { name: "prometheus.yml", text: prometheus(args, config, &target), mode: OPEN },
        File {
            name: "alertmanager.yml",
            text: alertmanager(folder, receiver, heartbeat),
            mode: if holds_secret { PRIVATE } else { OPEN },
        },
        File { name: "templates/slack.tmpl", text: TEMPLATE.to_owned(), mode: OPEN },
    ];
    if let Some(receiver) = receiver.filter(|receiver| receiver.is_by_file()) {
        files.push(File { name: "secrets/slack_url", text: receiver.url.clone(), mode: PRIVATE });
    }
    files
}

/// The scrape's limits grow with the configuration, so that they never cut it off.
fn prometheus(args: &Args, config: &Config, target: &str) -> String {
    let samples = (Job::all(config).len() * SAMPLES_OF_A_SERIES + OTHER_SAMPLES).max(LEAST_SAMPLES);
    let megabytes = (samples * BYTES_OF_A_SAMPLE).div_ceil(1_000_000).max(10);
    let target = match &config.http.token_file {
        Some(file) => format!(
            "['{target}']\n    authorization: {{credentials_file: {}}}",
            quoted(&file.display().to_string())
        ),
        None => format!("['{target}']"),
    };
    PROMETHEUS
        .replace("sample_limit: 30000", &format!("sample_limit: {samples}"))
        .replace("body_size_limit: 10MB", &format!("body_size_limit: {megabytes}MB"))
        .replace("['dccd:9430']", &target)
        .replace("alertmanager:9093", &args.alertmanager)
}

fn alertmanager(folder: &Path, receiver: Option<&Receiver>, heartbeat: Option<&str>) -> String {
    let mut text = ALERTMANAGER.replace("/run/secrets", &folder.join("secrets").display().to_string());
    if let Some(url) = heartbeat {
        let with = format!(
            "  - name: heartbeat\n    webhook_configs:\n      - url: {}\n        send_resolved: false\n",
            quoted(url)
        );
        text = text.replace("  - name: heartbeat\n", &with);
    }
    let Some(receiver) = receiver else { return text };
    if !receiver.is_by_file() {
        let with = format!(
            "  - name: slack\n    webhook_configs:\n      - url: {}\n        send_resolved: true\n\n",
            quoted(&receiver.url)
        );
        text = replace_block(&text, "  - name: slack\n", "  # Any webhook", &with);
    }
    let name = receiver.service.name();
    text.replace("receiver: slack\n", &format!("receiver: {name}\n"))
        .replace("- name: slack\n", &format!("- name: {name}\n"))
}

/// Replaces the text from one line up to another.
fn replace_block(text: &str, from: &str, until: &str, with: &str) -> String {
    let parts = text.split_once(from).and_then(|(before, rest)| Some((before, rest.split_once(until)?.1)));
    parts.map_or_else(|| text.to_owned(), |(before, after)| format!("{before}{with}{until}{after}"))
}

/// A text as YAML reads it unchanged.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Where a scraper on this machine reaches an address.
fn target(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => format!("localhost:{}", address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => format!("localhost:{}", address.port()),
        _ => address.to_string(),
    }
}

fn read_url(file: &Path) -> Result<String, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let is_url = reqwest::Url::parse(text.trim()).is_ok_and(|url| url.has_host());
    if !is_url || text.trim().chars().any(char::is_control) {
        return Err(format!("{}: it holds no address (what it holds is not shown)", file.display()));
    }
    Ok(text.trim().to_owned())
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    put(path, text.as_bytes(), mode)
}

fn tell_next(config: &Config, folder: &Path, receiver: Option<&Receiver>, out: &mut Output) {
    let folder = folder.display();
    out.line(format!("Start Prometheus with --config.file={folder}/prometheus.yml"));
    out.line(format!(
        "and Alertmanager with --config.file={folder}/alertmanager.yml, as the user who owns its secrets."
    ));
    if receiver.is_none() {
        out.line(format!("Put the address of a Slack webhook into {folder}/secrets/slack_url, readable by Alertmanager alone."));
    }
    out.line("Then `dccd alerts test` tries the way an alert takes.");
    if config.http.web_config.is_some() {
        out.note("http.web_config is set: add `scheme: https` and its credentials to the job dccd in prometheus.yml");
    }
}
