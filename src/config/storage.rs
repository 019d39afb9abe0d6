//! The `storage` section: how often data is written, and copies on remotes.

use std::time::Duration;

use crate::config::exchanges::url;
use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::problem::Report;
use crate::config::secret::Secret;
use crate::config::section::Section;
use crate::config::state::Store;

/// Publishing, and copies to remotes.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// The configured remotes, in file order.
    pub remotes: Vec<Remote>,
    /// The time between syncs; `None` disables them.
    pub sync_interval: Option<Duration>,
    /// The time between syncs of the journal; zero syncs every batch.
    pub journal_sync: Duration,
    /// How long accepted rows may wait before they are written to Parquet.
    pub flush_interval: Duration,
    /// The shortest time between two uploads of a live series to the fleet's bucket.
    pub live_sync_interval: Duration,
    /// Free space in GiB below which verified copies are dropped; 0 never drops any.
    pub min_free_gb: f64,
}

/// A configured remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The program or service used.
    pub provider: Provider,
    /// The address; hidden, since connection strings may contain credentials.
    pub remote: Secret,
    /// A custom endpoint of the service.
    pub endpoint: Option<String>,
    /// Whether it is the fleet's shared bucket rather than a copy.
    pub fleet: bool,
}

impl Storage {
    /// The fleet's shared bucket.
    #[must_use]
    #[doc(hidden)]
    pub fn fleet(&self) -> Option<&Remote> {
        self.remotes.iter().find(|remote| remote.fleet)
    }
}

/// The program or service that copies files to a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The rclone program.
    Rclone,
    /// An S3 service.
    S3,
}

pub(super) const KEYS: &[Key] = &[
    Key::new("local_path", Form::Text, "The folder of the Parquet files in the Python dccd 2.x.")
        .older("`settings.data_path`; where both are set they must be the same"),
    Key::new("remotes", Form::Each(REMOTE_KEYS), "Places for copies of the files.").otherwise("`[]`"),
    Key::new(
        "sync_interval",
        // Older versions treat any number below 1 as "off".
        Form::Whole(-1_000_000_000, 31_536_000, Some(3_600)),
        "Seconds between two copies to the remotes; 0 or less switches them off.",
    ),
    Key::new(
        "journal_sync",
        Form::Real(0.0, 10.0, Some(1.0)),
        "Seconds between two syncs of the journal to the disk, which is what a power cut may cost; 0 syncs every batch.",
    ),
    Key::new(
        "flush_interval",
        Form::Real(1.0, 3_600.0, Some(60.0)),
        "Seconds a row may wait in the journal before it is in a Parquet file.",
    ),
    Key::new(
        "live_sync_interval",
        Form::Whole(1, 3_600, Some(300)),
        "Seconds between two uploads of a live series to the bucket of a fleet; a series that is handed over does not wait.",
    ),
    Key::new(
        "min_free_gb",
        Form::Real(0.0, 1e6, Some(0.0)),
        "Free GiB below which files that every remote holds are dropped here, oldest first; 0 drops none.",
    ),
];
const REMOTE_KEYS: &[Key] = &[
    Key::new("provider", Form::Word(|| vec!["rclone", "s3"], Some("rclone")), "What copies the files."),
    Key::new(
        "remote",
        Form::Text,
        "Where to: a remote of rclone such as `mynas:crypto/`, or `s3://bucket/prefix`. Credentials of S3 come from the \
         environment or from the files of the AWS tools.",
    )
    .required()
    .secret(),
    Key::new("endpoint", Form::Text, "The address of an S3 service other than Amazon's, without credentials."),
    Key::new(
        "fleet",
        Form::Flag(false),
        "This bucket is shared by the workers of a fleet; needs `provider: s3` and PostgreSQL as the `store`.",
    ),
];

/// The section itself, which `settings` also reads.
pub(super) fn open<'a>(root: &Section<'a>) -> Section<'a> {
    root.child("storage")
}

/// Reads the `storage` section of the file.
pub(super) fn check(section: &Section<'_>) -> Storage {
    let report = section.report();
    let remotes: Vec<Remote> =
        section.list("remotes").iter().map(|(at, node)| remote(node, at, report)).collect();
    let min_free_gb = section.real("min_free_gb");
    if min_free_gb > 0.0 && remotes.is_empty() {
        let place = section.place("min_free_gb");
        report.note(format!("{place}: without effect, as no file is dropped that is not on a remote"));
    }
    let sync_secs = section.whole("sync_interval");
    Storage {
        remotes,
        sync_interval: u64::try_from(sync_secs).ok().filter(|secs| *secs > 0).map(Duration::from_secs),
        journal_sync: section.seconds("journal_sync"),
        flush_interval: section.seconds("flush_interval"),
        live_sync_interval: Duration::from_secs(u64::from(section.count("live_sync_interval"))),
        min_free_gb,
    }
}

fn remote(node: &Node, at: &str, report: &Report) -> Remote {
    let section = Section::open(node, at, REMOTE_KEYS, report);
    let provider = match section.word("provider") {
        "s3" => Provider::S3,
        _ => Provider::Rclone,
    };
    if !section.has("remote") {
        section.refuse("remote", "is required, such as \"mynas:crypto/\" or \"s3://bucket/prefix\"");
    }
    let address = section.hidden("remote").unwrap_or_default();
    if let Some(what) = is_off(provider, address).filter(|_| section.has("remote")) {
        section.refuse("remote", what);
    }
    let fleet = section.flag("fleet");
    if fleet && provider != Provider::S3 {
        section.refuse("fleet", "needs `provider: s3`: only there writes can be conditional");
    }
    let endpoint = url(&section, "endpoint", &["https", "http"]);
    Remote { provider, remote: Secret::new(address), endpoint, fleet }
}

/// A fleet needs PostgreSQL and one bucket; without either, data of a lost worker would be lost.
pub(super) fn check_fleet(storage: &Storage, store: &Store, section: &Section<'_>) {
    let places = section.list("remotes");
    let of_fleet = places.iter().zip(&storage.remotes).filter(|(_, remote)| remote.fleet);
    for (number, ((place, _), _)) in of_fleet.enumerate() {
        let what = match store {
            _ if number > 0 => {
                "a fleet has one bucket; keep `fleet: true` at one remote, the others are copies"
            }
            Store::Sqlite => {
                "the workers of a fleet share their state in PostgreSQL: set `store` or `store_file` to its URL"
            }
            Store::Postgres(_) => continue,
        };
        section.report().refuse(&format!("{place}.fleet"), what);
    }
}

/// The problem with an address, without repeating it, since it may contain credentials.
fn is_off(provider: Provider, address: &str) -> Option<&'static str> {
    let is_odd = address.chars().any(char::is_control);
    let bucket = address.strip_prefix("s3://").map(|rest| rest.split('/').next().unwrap_or(rest));
    match provider {
        _ if address.is_empty() => None,
        _ if is_odd => Some("must not hold control characters"),
        Provider::S3 if bucket.is_none_or(str::is_empty) => Some("must be written as s3://bucket/prefix"),
        Provider::Rclone if bucket.is_some() => Some(
            "is an S3 address: write `provider: s3`, or name a remote of rclone such as \"mynas:crypto/\"",
        ),
        Provider::Rclone | Provider::S3 => None,
    }
}
