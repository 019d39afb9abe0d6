//! The configuration of a running daemon: as it is in force, as its file is now, and edits of the file.
//!
//! An edit is checked as a whole before the file is replaced, and then reloaded. What is wrong is said in the words of
//! `dccd validate`.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::api::{
    Configuration, ConfiguredJob, HistoryJobAsked, RemovePairAsked, SettingLine, StreamJobAsked,
};
use crate::config::edit::{self, EditError, Entry};
use crate::config::{self, Config, ConfigError, Surroundings};
use crate::daemon::Control;
use crate::daemon::reload::{ReloadError, Reloaded, waits_for_restart};
use crate::model::{Pair, PairError};

/// Why the file was not changed, or not taken over.
#[derive(Debug, Error)]
pub(crate) enum ConfigEditError {
    /// It cannot be used, or could not after the edit.
    #[error("{}", .0.lines().join("\n"))]
    Config(#[from] ConfigError),
    /// The exchange does not have what is wanted.
    #[error("{0}")]
    NotOffered(String),
    /// The text could not be edited.
    #[error("{}: {error}", path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        error: EditError,
    },
    /// The text to be removed is no pair.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The file is another than the one that was shown.
    #[error("{} was changed meanwhile; look at it again", .0.display())]
    Changed(PathBuf),
    /// The file could not be written.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        source: io::Error,
    },
    /// The file was changed and is not in force.
    #[error("the file was changed and is not in force: {}", .0.lines().join("\n"))]
    Reload(#[from] ReloadError),
    /// The thread that edited panicked.
    #[error("editing the configuration broke off: {0}; please report this")]
    Broken(String),
}

impl Control {
    /// The configuration in force, and what is to be said of the file.
    pub(crate) async fn configuration(&self) -> Configuration {
        let (in_force, started) = (self.in_force(), self.started().clone());
        let path = started.path.clone();
        let read = tokio::task::spawn_blocking(move || FileNow::read(&path, &started)).await;
        let FileNow { hash, jobs, problems, lines, waits_for_restart } = read.unwrap_or_else(FileNow::broken);
        let line = |own: &config::Setting| SettingLine {
            key: own.key.clone(),
            value: own.value.clone(),
            is_default: own.is_default,
        };
        Configuration {
            path: in_force.path.display().to_string(),
            hash: in_force.hash.clone(),
            file_hash: hash,
            valid: problems.is_empty(),
            problems,
            lines,
            notes: in_force.notes.clone(),
            waits_for_restart,
            settings: in_force.settings.iter().map(line).collect(),
            jobs,
        }
    }

    /// Adds a job to the file and reloads it.
    ///
    /// # Errors
    /// See [`ConfigEditError`].
    pub(crate) async fn add_history(&self, asked: &HistoryJobAsked) -> Result<Reloaded, ConfigEditError> {
        let kind = asked.kind.as_deref().unwrap_or("ohlc");
        self.add(Entry::history(&asked.exchange, asked.pairs.clone(), kind, asked.span.as_deref())).await
    }

    /// Adds a stream to the file and reloads it.
    ///
    /// # Errors
    /// See [`ConfigEditError`].
    pub(crate) async fn add_stream(&self, asked: &StreamJobAsked) -> Result<Reloaded, ConfigEditError> {
        self.add(Entry::stream(&asked.exchange, asked.pairs.clone(), &asked.channels, &asked.spans)).await
    }

    async fn add(&self, entry: Entry) -> Result<Reloaded, ConfigEditError> {
        let add = move |text: &str, path: &Path| {
            let failed = |error| ConfigEditError::Edit { path: path.to_owned(), error };
            edit::add_entry(text, &entry).map(|edited| (edited, entry.candles_fault())).map_err(failed)
        };
        self.edit(add).await
    }

    /// Removes a pair from the file, its job too if it was the last, and reloads it. Its data stays.
    ///
    /// # Errors
    /// See [`ConfigEditError`].
    pub(crate) async fn remove_pair(&self, asked: RemovePairAsked) -> Result<Reloaded, ConfigEditError> {
        let pair: Pair = asked.pair.parse()?;
        let remove = move |text: &str, path: &Path| {
            if config::hash(text) != asked.file_hash {
                return Err(ConfigEditError::Changed(path.to_owned()));
            }
            let failed = |error| ConfigEditError::Edit { path: path.to_owned(), error };
            let edited = edit::remove_at(text, &asked.list, asked.index as usize, &pair);
            edited.map(|edited| (edited, None)).map_err(failed)
        };
        self.edit(remove).await
    }

    /// Replaces the file by its edited text, if that can be used, and reloads it.
    async fn edit(
        &self,
        edit: impl FnOnce(&str, &Path) -> Result<(String, Option<String>), ConfigEditError> + Send + 'static,
    ) -> Result<Reloaded, ConfigEditError> {
        let path = self.started().path.clone();
        let _one = self.editing().lock().await;
        let editing = move || {
            let text = config::read(&path)?;
            let (edited, fault) = edit(&text, &path)?;
            config::check(&edited, &path, &Surroundings::of_process())?;
            if let Some(fault) = fault {
                return Err(ConfigEditError::NotOffered(fault));
            }
            let unwritten = |source| ConfigEditError::Unwritten { path: path.clone(), source };
            config::replace(&path, edited.as_bytes()).map_err(unwritten)
        };
        let edited = tokio::task::spawn_blocking(editing).await;
        edited.unwrap_or_else(|error| Err(ConfigEditError::Broken(error.to_string())))?;
        Ok(self.reload().await?)
    }
}

/// The exchanges that can be collected.
pub(crate) fn exchanges() -> Vec<&'static str> {
    crate::exchange::names()
}

/// The file as it is now.
#[derive(Default)]
struct FileNow {
    hash: Option<String>,
    jobs: Vec<ConfiguredJob>,
    problems: Vec<String>,
    lines: Vec<Option<usize>>,
    waits_for_restart: Vec<String>,
}

impl FileNow {
    fn read(path: &Path, started: &Config) -> Self {
        let text = match config::read(path) {
            Ok(text) => text,
            Err(error) => return FileNow::default().refused(&error),
        };
        let listed = edit::jobs_of(&text).unwrap_or_default().into_iter().map(|job| ConfiguredJob {
            list: job.list,
            index: job.index,
            exchange: job.exchange,
            pairs: job.pairs,
            data: job.data,
        });
        let now = FileNow { hash: Some(config::hash(&text)), jobs: listed.collect(), ..FileNow::default() };
        match config::check(&text, path, &Surroundings::of_process()) {
            Ok(config) => FileNow { waits_for_restart: waits_for_restart(started, &config), ..now },
            Err(error) => now.refused(&error),
        }
    }

    fn refused(self, error: &ConfigError) -> Self {
        let problems = error.lines();
        let mut lines: Vec<Option<usize>> = error.problems().iter().map(|problem| problem.line).collect();
        lines.resize(problems.len(), None);
        FileNow { problems, lines, ..self }
    }

    fn broken(error: tokio::task::JoinError) -> Self {
        let problems = vec![ConfigEditError::Broken(error.to_string()).to_string()];
        FileNow { problems, lines: vec![None], ..FileNow::default() }
    }
}
