//! The content of the page of one series.

use super::html::segment;
use crate::api::{BookAnswer, Coverage, FilesPage, GapsPage, LogsPage, RunsPage, SeriesLine};
use crate::model::Kind;

/// The content of the page. Parts that cannot be read have their reason.
pub(in crate::http) struct OneSeries {
    pub(in crate::http) line: SeriesLine,
    pub(in crate::http) coverage: Result<Coverage, String>,
    pub(in crate::http) gaps: Result<GapsPage, String>,
    pub(in crate::http) files: Result<FilesPage, String>,
    pub(in crate::http) runs: Result<RunsPage, String>,
    pub(in crate::http) logs: Result<LogsPage, String>,
    pub(in crate::http) rows: Shown,
}

/// The newest of a series.
pub(in crate::http) enum Shown {
    Rows(Result<NewestRows, String>),
    Book(Result<BookAnswer, String>),
    /// Nothing is stored.
    Nothing,
}

impl OneSeries {
    /// The path of the page.
    pub(super) fn path(&self) -> String {
        format!("/series/{}", segment(&self.line.series))
    }
}

/// The newest rows as texts, the newest last.
pub(in crate::http) struct NewestRows {
    pub(in crate::http) kind: Kind,
    pub(in crate::http) columns: Vec<String>,
    pub(in crate::http) rows: Vec<Vec<String>>,
    /// The question to the API whose answer ends with them.
    pub(in crate::http) from: String,
}

impl NewestRows {
    pub(super) fn has_candles(&self) -> bool {
        self.kind == Kind::Ohlc && !self.rows.is_empty()
    }
}
