//! Writes the points of this process to the state store.

use thiserror::Error;

use crate::db::{Database, DbError, HistoryWriter, WriteEnd};
use crate::model::Micros;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{HistoryNotWritten, HistoryOvertaken, HistoryWritten, ObservationLost};
use crate::telemetry::rollup::{Kind, RollupError};

/// The one that writes.
pub(super) struct Writing {
    worker: String,
    place: String,
    run: String,
    state: State,
}

enum State {
    /// Nothing was written yet.
    New,
    Writer(HistoryWriter),
    /// Another process writes for the same data path.
    Overtaken,
}

/// Why nothing was written.
#[derive(Debug, Error)]
enum WriteError {
    #[error("the state store is away")]
    Away,
    #[error(transparent)]
    Store(#[from] DbError),
}

impl Writing {
    pub(super) fn new(worker: &str, place: &str, run: &str) -> Self {
        let [worker, place, run] = [worker, place, run].map(str::to_owned);
        Writing { worker, place, run, state: State::New }
    }

    /// Writes what waits. Returns whether the store has everything that was recorded before.
    pub(super) async fn write(&mut self, db: &Database, telemetry: &Telemetry, at: Micros) -> bool {
        let began = tokio::time::Instant::now();
        let written =
            if db.is_away() { Err(WriteError::Away) } else { self.try_write(db, telemetry, at).await };
        let waiting = {
            let mut fold = telemetry.history().fold();
            fold.forget(at);
            fold.waiting()
        };
        match written {
            Ok(points) => {
                telemetry.emit(HistoryWritten { points, waiting, at, took: began.elapsed() });
                true
            }
            Err(error) => {
                telemetry.emit(HistoryNotWritten { error: &error, waiting });
                false
            }
        }
    }

    async fn try_write(
        &mut self,
        db: &Database,
        telemetry: &Telemetry,
        at: Micros,
    ) -> Result<usize, WriteError> {
        let Some(writer) = self.claimed(db, at).await? else {
            overtaken(telemetry);
            return Ok(0);
        };
        let baseless = telemetry.history().fold().baseless();
        for (resolution, range) in baseless {
            let stored = db.stored_history(writer.id(), resolution, range.clone()).await?;
            telemetry.history().fold().rebase(resolution, &range, &stored);
        }
        let points = telemetry.history().fold().unwritten();
        if points.is_empty() {
            return Ok(0);
        }
        match db.write_history(writer, &points, at).await? {
            WriteEnd::Overtaken => {
                self.state = State::Overtaken;
                overtaken(telemetry);
                Ok(0)
            }
            WriteEnd::Written { refused } => {
                telemetry.history().fold().wrote(&points);
                for key in &refused {
                    let of = points.iter().find(|one| one.key == *key);
                    let given = of.map_or(Kind::Counter, |one| one.kind);
                    telemetry.history().fold().refuse(key);
                    let error = RollupError::StoredOtherwise { key: key.to_string(), given };
                    telemetry.emit(ObservationLost { error: &error });
                }
                Ok(points.iter().filter(|one| !refused.contains(&one.key)).count())
            }
        }
    }

    /// The writer; `None` if another process has taken over.
    async fn claimed(&mut self, db: &Database, at: Micros) -> Result<Option<&mut HistoryWriter>, DbError> {
        if matches!(self.state, State::New) {
            let whose = (self.worker.as_str(), self.place.as_str());
            self.state = State::Writer(db.claim_history(whose, &self.run, at).await?);
        }
        match &mut self.state {
            State::Writer(writer) => Ok(Some(writer)),
            State::New | State::Overtaken => Ok(None),
        }
    }
}

fn overtaken(telemetry: &Telemetry) {
    let points = telemetry.history().fold().clear();
    telemetry.emit(HistoryOvertaken { points });
}
