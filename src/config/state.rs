//! `store`, `store_file` and `worker`: the state store, and how much work is taken.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;
use sqlx::postgres::PgConnectOptions;

use crate::config::find::{self, Surroundings};
use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::secret::{Secret, shown};
use crate::config::section::Section;
use crate::config::yaml::split_mark;

/// The state store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// The embedded database in the data path.
    Sqlite,
    /// A PostgreSQL server, by its URL.
    Postgres(Secret),
}

/// How this process takes work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its name; generated if `None`.
    pub id: Option<String>,
    /// The number of tasks run at once.
    pub slots: u32,
    /// How long a task stays claimed without a renewal.
    pub lease: Duration,
    /// Whether this worker has an address of its own towards exchanges, so that it shares no rate limit with
    /// its fleet.
    pub own_address: bool,
}

pub(super) const WORKER_KEYS: &[Key] = &[
    Key::new(
        "id",
        Form::Text,
        "The name of this process in a fleet: at most 64 letters, digits and `-_.`, stable over restarts.",
    )
    .otherwise("made from the host and the data path"),
    Key::new(
        "slots",
        Form::Whole(1, 256, Some(8)),
        "Runs side by side, over all exchanges; each exchange may have one even if the others take all.",
    ),
    Key::new(
        "lease",
        Form::Real(10.0, 86_400.0, Some(60.0)),
        "Seconds without a sign of life after which the work of a worker is given to another.",
    ),
    Key::new(
        "own_address",
        Form::Flag(false),
        "In a fleet: exchanges see an address that only this worker has, so it shares no rate limit with the others.",
    ),
];

/// Reads `store` and `store_file`.
pub(super) fn check_store(root: &Section<'_>, around: &Surroundings) -> Store {
    if root.has("store") && root.has("store_file") {
        root.refuse("store_file", "store and store_file are both set; keep one of them");
    }
    let own = root.hidden("store");
    let held = root.text("store_file").and_then(|file| url_in(root, &around.expand(Path::new(file))));
    let (key, text) = match (own, &held) {
        (Some(own), _) => ("store", own),
        (None, Some(held)) => ("store_file", held.as_str()),
        (None, None) => return Store::Sqlite,
    };
    if key == "store" && text == "sqlite" {
        return Store::Sqlite;
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        if let Some(reason) = unreadable(text) {
            root.refuse(
                key,
                format!(
                    "it is no address of PostgreSQL ({reason}); write postgres://user:password@host:5432/database \
                     (its value is not shown)"
                ),
            );
        }
        return Store::Postgres(Secret::new(text));
    }
    // Anything but a bare word may be a mistyped URL that contains a password.
    let bare = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let value = if bare { shown(text) } else { "the value".to_owned() };
    root.refuse(key, format!("{value} is not supported; use sqlite or a URL that begins with postgres://"));
    Store::Sqlite
}

/// Why a server's address is invalid, without repeating any of it.
fn unreadable(text: &str) -> Option<String> {
    match Url::parse(text) {
        Err(error) => Some(error.to_string()),
        // The driver's message may repeat part of the address.
        Ok(_) => PgConnectOptions::from_str(text).err().map(|_| "the driver cannot read it".to_owned()),
    }
}

fn url_in(root: &Section<'_>, file: &Path) -> Option<String> {
    match find::read(file) {
        Ok(text) => Some(split_mark(&text).1.trim().to_owned()),
        Err(error) => {
            root.refuse("store_file", error.to_string());
            None
        }
    }
}

/// Reads the `worker` section.
pub(super) fn check_worker(root: &Section<'_>) -> Worker {
    let section = root.child("worker");
    let id = section.text("id");
    let odd = |byte: u8| !(byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if let Some(id) = id
        && (id.len() > 64 || id.bytes().any(odd))
    {
        section.refuse("id", format!("{} must be at most 64 letters, digits and - _ .", shown(id)));
    }
    let is_sqlite = |store: &Node| store.text() == Some("sqlite");
    if !root.has("store_file") && root.get("store").is_none_or(is_sqlite) {
        section.unused(&["own_address"], "only the workers of one PostgreSQL share the limits of an address");
    }
    Worker {
        id: id.map(str::to_owned),
        slots: section.count("slots"),
        lease: section.seconds("lease"),
        own_address: section.flag("own_address"),
    }
}
