//! What a page says after an action: a known code in the query, never a text of its own.

/// The codes, and what they say.
const MESSAGES: [(&str, &str); 5] = [
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

/// What a code says.
pub(in crate::http) fn message(code: &str) -> Option<&'static str> {
    MESSAGES.iter().find(|(known, _)| *known == code).map(|(_, words)| *words)
}
