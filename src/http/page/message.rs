//! The message of a page after an action: a known code in the query, never a text of its own.

/// The codes and their words.
const MESSAGES: [(&str, &str); 13] = [
    ("retried", "It is tried again now, with all its attempts left."),
    ("ignored", "It is skipped until it is retried."),
    ("cancelled", "It was asked to stop."),
    ("unlocked", "It was taken from its worker, whose results are dropped."),
    ("synced", "The sync was started; what is pending is below."),
    ("added", "Added to the file, and in force."),
    ("removed", "Removed from the file, and in force. The data stays."),
    ("reloaded", "The file was read again and is in force."),
    ("run", "The run was started."),
    ("paused", "Paused. It stays so over restarts until it is resumed."),
    ("resumed", "Resumed."),
    ("backfill", "The backfill was started; its progress is below."),
    (
        "repair",
        "The repair was started: files are checked, damaged ones set aside, and every hole is filled.",
    ),
];

/// The parameter with the code.
pub(in crate::http) const PARAMETER: &str = "done";

/// The words of a code.
pub(in crate::http) fn message(code: &str) -> Option<&'static str> {
    MESSAGES.iter().find(|(known, _)| *known == code).map(|(_, words)| *words)
}
