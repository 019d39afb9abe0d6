//! The events, by topic. Each defines once what it counts and what it logs.
//!
//! Results of runs are logged at INFO, routine at DEBUG, errors at WARN or ERROR.

mod alive;
mod books;
mod doubts;
mod drill;
mod feed;
mod fleet;
mod history;
mod journal;
mod odd;
mod process;
mod readers;
mod reload;
mod remotes;
mod requests;
mod rows;
mod runs;
mod server;
mod storage;
mod stream_series;
mod streams;
mod traces;
mod tracker;

use std::error::Error;
use std::fmt;

use crate::model::escaped;

pub use alive::HealthFileWritten;
pub use books::{BookAudited, BookInStep, BookOutOfStep, BookResyncsFailed, BookUpdatesWait};
pub use doubts::{ContractRolledOver, EmptyWindowsDoubted, IdHoleBelieved};
pub use drill::TestAlertSet;
pub use feed::{HealthChanged, RowsDue, RowsOffered};
pub use fleet::{
    BucketWaiting, LateRowsMerged, OwnershipChange, OwnershipChanged, OwnershipSeen, SeriesTakenOver,
    TakeoverFailed, WriteFenced, WritesOvertaken,
};
pub use history::{HistoryNotWritten, HistoryOvertaken, HistoryPruned, HistoryWritten, ObservationLost};
pub use journal::{
    JournalBroken, JournalReplayed, JournalSynced, JournalTorn, OwnershipLost, StorageChecked,
};
pub use odd::{ListingEntriesOdd, RowsSetAside};
pub use process::{DiskMeasured, JobsCounted, SchedulerTicked, StatusFileFailed};
pub use readers::{EventReaderLeft, EventReadersChanged, EventsLost, RowsRead, RowsReading};
pub use reload::{ConfigInForce, ConfigRefused, JobsPaused};
pub use remotes::{
    FileCopied, FileDropped, FileNotRestored, FileRestored, NothingToDrop, RemoteKnown, RemoteOnlyCounted,
    RoomWanted, SeriesNotCopied, SyncFailed, SyncPending, SyncSucceeded,
};
pub use requests::{
    Banned, ClockMeasured, ExchangeUp, LimitLevel, LimitWaited, Limited, RequestDone, RequestFailed,
    RequestRetried,
};
pub use rows::{
    CandlesDerived, CandlesRevised, CoverageChanged, RowsAccepted, RowsBuffered, RowsDiscarded, RowsFetched,
    RowsStored,
};
pub use runs::{HolesRepaired, JobFailed, JobStarted, JobStopped, JobSucceeded, WindowFailed};
pub use server::{
    ConnectionStalled, ConnectionsChanged, RequestRefused, ScrapeRefused, Scraped, SignedIn, WebConfigLoaded,
    WebConfigRefused,
};
pub use storage::{
    FileAdopted, FileMissing, FilePublished, FileQuarantined, FileRenamed, OpenFilesFolded, PublishFailed,
};
pub use stream_series::{
    CheckOutcome, StreamAccepted, StreamCheck, StreamCovered, StreamHole, StreamHoleClosed, StreamMismatch,
    StreamOdd, StreamRefilled, StreamRefused, StreamState, StreamUncovered,
};
pub use streams::{
    StreamConnected, StreamConnecting, StreamEnded, StreamFailed, StreamFrames, StreamUnreadable,
    StreamsWaiting,
};
pub(crate) use traces::SpanRefused;
pub use traces::{SpansLost, TracesOff};
pub use tracker::{
    AttemptEnded, AttemptsSucceeded, CountsCorrected, LeaseTaken, QueueCounted, StateStoreKnown,
    StateStoreSetAside, TasksClaimed, TasksPlanned, TasksPruned, TrackerFailed, WorkerBeat, WorkersSeen,
};

/// An error with its causes on one line, at most `CAUSES` of them.
pub struct Chain<'a>(pub &'a dyn Error);

const CAUSES: usize = 10;

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&escaped(&said))?;
        let mut next = self.0.source();
        for _ in 0..CAUSES {
            let Some(cause) = next else { break };
            let text = cause.to_string();
            // Transparent errors repeat their cause.
            if !said.ends_with(&text) {
                write!(f, ": {}", escaped(&text))?;
            }
            said = text;
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_none_of_them_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open the store")]
        struct Outer(#[source] std::io::Error);

        let error = Outer(std::io::Error::other("no such folder"));

        assert_eq!(Chain(&error).to_string(), "cannot open the store: no such folder");
        assert_eq!(Chain(&std::io::Error::other(error)).to_string(), "cannot open the store: no such folder");
    }
}
