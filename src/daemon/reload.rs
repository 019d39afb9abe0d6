//! Applies a new configuration to a running daemon, and lists the settings that need a restart.

use std::fmt;

use thiserror::Error;

use crate::api::ReloadAnswer;
use crate::config::{Config, ConfigError};
use crate::daemon::Refusal;
use crate::daemon::schedule::Changes;

/// A configuration that is now in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// The hash of its file.
    pub hash: String,
    /// How the jobs changed.
    pub changes: Changes,
    /// Changed settings that take effect at the next start.
    pub waits_for_restart: Vec<String>,
    /// Warnings about the accepted configuration.
    pub notes: Vec<String>,
}

/// Why the previous configuration stays in force.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The file cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The scheduler could not switch to it.
    #[error(transparent)]
    Refused(Refusal),
    /// The thread that read it panicked.
    #[error("reading the configuration broke off: {reason}; please report this")]
    Broken {
        /// The panic message.
        reason: String,
    },
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changes { added, removed, changed } = self.changes;
        write!(
            f,
            "configuration {} is in force: {added} job(s) added, {removed} removed, {changed} changed",
            self.hash
        )?;
        self.waits_for_restart.iter().try_for_each(|what| write!(f, "; {what}"))
    }
}

impl<'a> ReloadAnswer<'a> {
    /// The JSON reply to a reload.
    #[must_use]
    pub fn of(reloaded: &'a Result<Reloaded, ReloadError>) -> Self {
        let done = reloaded.as_ref().ok();
        let changes = done.map(|done| done.changes).unwrap_or_default();
        ReloadAnswer {
            reloaded: done.is_some(),
            hash: done.map(|done| &*done.hash),
            added: changes.added,
            removed: changes.removed,
            changed: changes.changed,
            waits_for_restart: done.map_or(&[], |done| &done.waits_for_restart),
            notes: done.map_or(&[], |done| &done.notes),
            problems: reloaded.as_ref().err().map(ReloadError::lines).unwrap_or_default(),
        }
    }
}

/// Settings that differ from those at startup and cannot change while the daemon runs.
pub(super) fn waits_for_restart(started: &Config, new: &Config) -> Vec<String> {
    let known = |name: &String| started.exchange(name) != new.exchange(name);
    let exchanges = started.exchanges.keys().chain(new.exchanges.keys()).any(known);
    let worker = (&started.worker.id, started.worker.lease) != (&new.worker.id, new.worker.lease);
    let differing = [
        ("settings.data_path", started.data_path != new.data_path),
        ("settings.environment", started.environment != new.environment),
        ("http", started.http != new.http),
        ("store", started.store != new.store),
        ("worker.id or worker.lease", worker),
        ("exchanges", exchanges),
        ("storage", started.storage != new.storage),
        ("telemetry", started.telemetry != new.telemetry),
    ];
    let changed = differing.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(what, _)| format!("{what} changed, which applies at the next start")).collect()
}
