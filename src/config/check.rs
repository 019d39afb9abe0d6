//! Turns the tree of a file into a checked configuration, or into a list of all its problems.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{SHA256, digest};

use crate::config::alerts::{self, Alerts, Telemetry, check_alerts, check_telemetry};
use crate::config::books;
use crate::config::exchanges::{self, ExchangeSettings};
use crate::config::find::Surroundings;
use crate::config::histo::{self, HistoJob};
use crate::config::http::{self, Http};
use crate::config::jobs3;
use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::problem::{ConfigError, Report};
use crate::config::section::Section;
use crate::config::settings;
use crate::config::shown_settings::{Setting, shown_settings};
use crate::config::state::{self, Store, Worker, check_store, check_worker};
use crate::config::storage::{self, Storage};
use crate::config::stream::{self, StreamJob};
use crate::model::Zone;

/// A checked configuration: nothing in it needs to be checked again.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file, as given or found.
    pub path: PathBuf,
    /// The data path; a relative one is relative to the working directory.
    pub data_path: PathBuf,
    /// The zone of dates on the command line and in tables.
    pub zone: Zone,
    /// The zone, as named in the file.
    pub zone_name: String,
    /// The name of this installation in health and queues.
    pub environment: String,
    /// How long records of runs are kept, in days; 0 keeps them forever.
    pub runs_retention_days: u32,
    /// The HTTP listeners.
    pub http: Http,
    /// The state store.
    pub store: Store,
    /// How this process takes tasks.
    pub worker: Worker,
    /// Exchanges with their own settings; see [`Config::exchange`].
    pub exchanges: BTreeMap<String, ExchangeSettings>,
    /// Publishing, and copies to remotes.
    pub storage: Storage,
    /// History to fetch, in the order of the file.
    pub histo_jobs: Vec<HistoJob>,
    /// Live channels, in the order of the file.
    pub stream_jobs: Vec<StreamJob>,
    /// When to raise alerts.
    pub alerts: Alerts,
    /// Logs, traces and files of metrics.
    pub telemetry: Telemetry,
    /// Warnings about the accepted file.
    pub notes: Vec<String>,
    /// The first 12 hexadecimal digits of the SHA-256 of the file.
    pub hash: String,
    /// Every setting but the jobs, as text without secrets.
    pub(crate) settings: Arc<[Setting]>,
}

impl Config {
    /// The settings of an exchange: its own, or the defaults.
    #[must_use]
    pub fn exchange(&self, name: &str) -> ExchangeSettings {
        self.exchanges.get(name).cloned().unwrap_or_default()
    }
}

/// The top-level keys.
pub(super) const KEYS: &[Key] = &[
    Key::new("settings", Form::Section(settings::KEYS), "Where data goes and how people see it."),
    Key::new("http", Form::Section(http::KEYS), "Metrics, health and the monitor page."),
    Key::new(
        "store",
        Form::Text,
        "Where tasks and attempts are kept: `sqlite` for `{data_path}/.dccd/state.db`, or a URL that begins with \
         `postgres://`.",
    )
    .otherwise("`sqlite`")
    .secret(),
    Key::new(
        "store_file",
        Form::Text,
        "A file that holds the URL of the store, so that no password stands here; not together with `store`.",
    ),
    Key::new("worker", Form::Section(state::WORKER_KEYS), "How this process takes work."),
    Key::new(
        "exchanges",
        Form::Named(crate::exchange::names, exchanges::KEYS),
        "How exchanges are spoken to, by their names. Their own limits are known and always kept.",
    ),
    Key::new("storage", Form::Section(storage::KEYS), "How rows reach the disk and other places."),
    Key::new("histo_jobs", Form::Each(histo::KEYS), "History, fetched and then kept up to date."),
    Key::new("stream_jobs", Form::Each(stream::KEYS), "Live channels."),
    Key::new("jobs", Form::Each(jobs3::KEYS), "The list of jobs of the Python dccd 3.x, which loads unchanged.")
        .older("`histo_jobs`"),
    Key::new("alerts", Form::Section(alerts::ALERTS_KEYS), "When an alert is made."),
    Key::new("telemetry", Form::Section(alerts::TELEMETRY_KEYS), "Logs, traces and files of metrics."),
];

/// Checks the text of a configuration file.
///
/// # Errors
/// All problems of the file.
pub fn check(text: &str, path: &Path, around: &Surroundings) -> Result<Config, ConfigError> {
    let tree = Node::parse(text).map_err(|reason| ConfigError::Syntax { path: path.to_owned(), reason })?;
    let report = Report::default();
    let config = walk(&tree, text, path, around, &report);
    if matches!(tree, Node::Map(_) | Node::Null)
        && !has_job(&Section::open(&tree, "", KEYS, &Report::default()))
    {
        report.refuse("", "Configuration must define at least one job (histo_jobs or stream_jobs)");
    }
    let notes = report.close(text, path)?;
    Ok(Config { notes, ..config })
}

fn walk(tree: &Node, text: &str, path: &Path, around: &Surroundings, report: &Report) -> Config {
    let root = Section::open(tree, "", KEYS, report);
    let storage = storage::open(&root);
    let settings = settings::check(&root, &storage, around);
    let mut places = HashMap::new();
    let mut config = Config {
        path: path.to_owned(),
        data_path: settings.data_path,
        zone: settings.zone.clone(),
        zone_name: settings.zone_name,
        environment: settings.environment,
        runs_retention_days: settings.runs_retention_days,
        http: http::check(&root, around),
        store: check_store(&root, around),
        worker: check_worker(&root),
        exchanges: exchanges::check(&root),
        storage: storage::check(&storage),
        histo_jobs: histo::check(&root, &settings.zone, &mut places),
        stream_jobs: stream::check(&root),
        alerts: check_alerts(&root),
        telemetry: check_telemetry(&root, around),
        notes: Vec::new(),
        hash: hash(text),
        settings: shown_settings(tree, KEYS).into(),
    };
    storage::check_fleet(&config.storage, &config.store, &storage);
    let older = jobs3::check(&root, &mut places);
    config.histo_jobs.extend(older.histo);
    config.stream_jobs.extend(older.stream);
    books::check(&config.stream_jobs, &mut config.histo_jobs, report);
    config
}

/// Whether there is a job, or an invalid entry that is reported by itself.
pub(super) fn defaults(around: &Surroundings) -> Result<Config, ConfigError> {
    let (report, path) = (Report::default(), Path::new("config.yml"));
    let config = walk(&Node::Null, "", path, around, &report);
    let notes = report.close("", path)?;
    Ok(Config { notes, ..config })
}

fn has_job(root: &Section<'_>) -> bool {
    let filled = |key| !matches!(root.get(key), None | Some(Node::List(_))) || !root.list(key).is_empty();
    // The 3.x series runs even without a job.
    filled("histo_jobs") || filled("stream_jobs") || root.has("jobs")
}

/// See [`Config::hash`].
pub(crate) fn hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
