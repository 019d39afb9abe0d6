//! The tracker as a command opens it, and how a command ends.

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::{Config, Store};
use crate::db::Database;
use crate::model::Zone;
use crate::store::Layout;
use crate::telemetry::Telemetry;
use crate::telemetry::events::Chain;
use crate::tracker::{Task, Tracker, TrackerError};

/// What a command works with.
pub(super) struct Asked<'o> {
    /// The tracker; none where no task was ever planned.
    pub(super) tracker: Option<Tracker>,
    database: Option<Database>,
    /// The zone of the instants that are shown.
    pub(super) zone: Zone,
    /// How long records are kept in days; 0 is for ever.
    pub(super) retention_days: u32,
    pub(super) out: &'o mut Output,
}

impl<'o> Asked<'o> {
    /// Opens the store that the configuration names; makes none.
    pub(super) async fn open(config: &Config, out: &'o mut Output) -> Result<Self, Exit> {
        let own = Layout::new(&config.data_path).own();
        let opened = match &config.store {
            Store::Postgres(url) => Some(Database::connect(url.expose()).await),
            Store::Sqlite if own.join("state.db").exists() => Some(Database::open(&own).await),
            Store::Sqlite => None,
        };
        let database = opened.transpose().map_err(|error| out.fail(Exit::Storage, Chain(&error)))?;
        let tracker = database.as_ref().map(|database| Tracker::new(database, &Telemetry::new()));
        let retention_days = config.runs_retention_days;
        Ok(Asked { tracker, database, zone: config.zone.clone(), retention_days, out })
    }

    pub(super) async fn close(self) {
        if let Some(database) = self.database {
            database.close().await;
        }
    }

    /// Complains that there is nothing of that name.
    pub(super) fn unknown(&mut self, id: &str) -> Exit {
        self.out.fail(Exit::Failed, format!("there is no task {id}; `dccd jobs ls` shows what there is"))
    }

    /// Does something to each task named and says what it is now; one refusal fails the command.
    pub(super) async fn each<F: Future<Output = Result<Task, TrackerError>>>(
        &mut self,
        ids: &[String],
        json: bool,
        act: impl Fn(Tracker, String) -> F,
    ) -> Exit {
        let (mut exit, mut changed) = (Exit::Done, Vec::new());
        for id in ids {
            let Some(tracker) = self.tracker.clone() else {
                exit = self.unknown(id);
                continue;
            };
            match act(tracker, id.clone()).await {
                Ok(task) if json => changed.push(super::table::Line::of(&task)),
                Ok(task) => self.out.line(format!("{id}: {}", super::why::state(&task, &self.zone))),
                Err(error) => exit = exit.or_worse(self.failed(&error)),
            }
        }
        if json { exit.or_worse(self.json(&changed)) } else { exit }
    }

    /// How an operation that failed ends the command.
    pub(super) fn failed(&mut self, error: &TrackerError) -> Exit {
        self.out.cause(error);
        if error.refusal().is_some() { Exit::Failed } else { Exit::Storage }
    }

    /// Prints a result for programs.
    pub(super) fn json<T: Serialize>(&mut self, result: &T) -> Exit {
        self.out.json(result)
    }
}
