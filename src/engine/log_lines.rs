//! Questions about the log of a data path.

use std::io;

use thiserror::Error;

use crate::api::{LogsAsked, LogsLine, LogsPage};
use crate::engine::wrong::{Wrong, shown, wrong};
use crate::store::Layout;
use crate::telemetry::logs::{LogLevel, LogSearch, search};

/// Lines of an answer unless it is asked for more or fewer.
const LINES: usize = 200;
/// The most lines of an answer.
const MOST_LINES: usize = 1_000;
/// The most characters that are searched for.
const TEXT_CHARS: usize = 200;

/// Why a question about the log has no answer.
#[derive(Debug, Error)]
pub(crate) enum LogsError {
    /// A part of it is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// A file of the log cannot be read.
    #[error("the log cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// The newest lines that were asked for.
///
/// # Errors
/// If the question is wrong, or the log cannot be read.
pub(crate) fn log_lines(layout: &Layout, asked: &LogsAsked) -> Result<LogsPage, LogsError> {
    let level = asked.level.as_deref().map(level).transpose()?;
    let most = asked.limit.as_deref().map_or(Ok(LINES), limit)?;
    if asked.text.as_deref().is_some_and(|text| text.chars().count() > TEXT_CHARS) {
        return Err(wrong("text", format!("at most {TEXT_CHARS} characters")).into());
    }
    let wanted = LogSearch { series: asked.series.clone(), level, text: asked.text.clone(), most };
    let found = search(&layout.own().join("dccd.log"), &wanted)?;
    let line = |line: crate::telemetry::logs::FoundLine| LogsLine {
        level: line.level.map(LogLevel::name),
        text: line.text,
        cut_bytes: line.cut_bytes,
    };
    Ok(LogsPage { lines: found.into_iter().map(line).collect() })
}

fn level(text: &str) -> Result<LogLevel, Wrong> {
    LogLevel::of(text).ok_or_else(|| {
        let all: Vec<&str> = LogLevel::ALL.iter().map(|level| level.name()).collect();
        wrong("level", format!("`{}`; use {}", shown(text), all.join(", ")))
    })
}

fn limit(text: &str) -> Result<usize, Wrong> {
    let read = text.parse().ok().filter(|limit| (1..=MOST_LINES).contains(limit));
    read.ok_or_else(|| wrong("limit", format!("`{}`; use 1 to {MOST_LINES}", shown(text))))
}
