//! The configuration: located, parsed, checked as a whole, and edited in place.
//!
//! [`load`] returns checked values, or all problems at once. Only `engine` and the rooms above use this room.
//!
//! **A 3.x job becomes a checked job immediately**; nothing beyond `config` knows the older style. A stream that
//! 3.x ran as a backfill is rejected rather than guessed at.

mod alerts;
mod books;
mod check;
mod cron;
#[doc(hidden)]
pub mod edit;
mod exchanges;
mod find;
mod histo;
mod http;
mod installation;
mod job;
mod jobs3;
mod key;
mod lines;
mod node;
mod offered;
mod problem;
#[doc(hidden)]
pub mod reference;
mod replace;
mod secret;
mod section;
mod settings;
mod shown_settings;
mod state;
mod storage;
mod stream;
mod template;
mod yaml;

use std::path::Path;

pub use alerts::{Alerts, Telemetry};
pub(crate) use check::hash;
pub use check::{Config, check};
pub use cron::Cron;
pub use exchanges::ExchangeSettings;
#[doc(hidden)]
pub use find::{Surroundings, read};
pub use histo::{ConfiguredTrigger, HistoJob, Start};
pub use http::Http;
#[doc(hidden)]
pub use installation::Installation;
pub(crate) use installation::installation;
#[doc(hidden)]
pub use node::Node;
#[doc(hidden)]
pub(crate) use offered::candles_fault;
pub use problem::{ConfigError, Problem};
#[doc(hidden)]
pub use replace::{create, put, replace};
pub use secret::Secret;
#[doc(hidden)]
pub use secret::shown;
pub(crate) use shown_settings::Setting;
pub use state::{Store, Worker};
pub use storage::{Provider, Remote, Storage};
pub use stream::{Channel, StreamJob};
#[doc(hidden)]
pub use template::first;

/// Loads the configuration: the file given, else `./config.yml`, else the user's own.
///
/// # Errors
/// If there is none, or all problems of the file.
pub fn load(explicit: Option<&Path>) -> Result<Config, ConfigError> {
    load_in(explicit, &Surroundings::of_process())
}

/// Like [`load`], in a given environment.
///
/// # Errors
/// Like [`load`].
#[doc(hidden)]
pub fn load_in(explicit: Option<&Path>, around: &Surroundings) -> Result<Config, ConfigError> {
    let path = around.locate(explicit)?;
    check(&read(&path)?, &path, around)
}

/// As [`load`]; where no file is named and none is found, the defaults without a job.
///
/// # Errors
/// As [`load`], but for a file that is not found.
pub fn load_or_defaults(explicit: Option<&Path>) -> Result<Config, ConfigError> {
    let around = Surroundings::of_process();
    match around.locate(explicit) {
        Err(error) if error.is_missing() => check::defaults(&around),
        found => {
            let path = found?;
            check(&read(&path)?, &path, &around)
        }
    }
}
