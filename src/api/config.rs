//! The result of checking a configuration.

use schemars::JsonSchema;
use serde::Serialize;

/// `dccd validate --json`.
#[derive(Serialize)]
pub(crate) struct Validation<'a> {
    pub(crate) valid: bool,
    pub(crate) config: Option<String>,
    pub(crate) data_path: Option<String>,
    pub(crate) problems: &'a [String],
    /// The line of each problem in the file; null if it has none.
    pub(crate) lines: &'a [Option<usize>],
    pub(crate) notes: &'a [String],
    /// Empty without `--online`.
    pub(crate) checks: &'a [OnlineCheck],
}

/// The result of one check of `--online`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OnlineCheck {
    /// Such as `binance BTC/USDT` or `store lock`.
    pub(crate) about: String,
    pub(crate) state: OnlineState,
    /// Details; if refused, the other side's message.
    pub(crate) said: String,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnlineState {
    Ok,
    Failed,
}

impl OnlineCheck {
    pub(crate) fn ok(about: impl Into<String>, said: impl Into<String>) -> Self {
        OnlineCheck { about: about.into(), state: OnlineState::Ok, said: said.into() }
    }

    pub(crate) fn failed(about: impl Into<String>, said: impl Into<String>) -> Self {
        OnlineCheck { about: about.into(), state: OnlineState::Failed, said: said.into() }
    }
}

/// The reply to a reload.
#[derive(Serialize, JsonSchema)]
pub struct ReloadAnswer<'a> {
    pub(crate) reloaded: bool,
    pub(crate) hash: Option<&'a str>,
    pub(crate) added: usize,
    pub(crate) removed: usize,
    pub(crate) changed: usize,
    pub(crate) waits_for_restart: &'a [String],
    pub(crate) notes: &'a [String],
    pub(crate) problems: Vec<String>,
}
