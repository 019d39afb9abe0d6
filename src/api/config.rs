//! The result of checking a configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// The configuration: `GET /api/v1/config`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Configuration {
    /// The file.
    pub(crate) path: String,
    /// The hash of what is in force.
    pub(crate) hash: String,
    /// The hash of the file as it is now; null if it cannot be read.
    pub(crate) file_hash: Option<String>,
    /// Whether the file can be used as it is now.
    pub(crate) valid: bool,
    /// The problems of the file, as `dccd validate` says them.
    pub(crate) problems: Vec<String>,
    /// The line of each problem in the file; null if it has none.
    pub(crate) lines: Vec<Option<usize>>,
    /// Warnings about what is in force.
    pub(crate) notes: Vec<String>,
    /// Settings of the file that differ from those in force and take effect at the next start.
    pub(crate) waits_for_restart: Vec<String>,
    /// The settings in force, defaults too; secrets are `***`.
    pub(crate) settings: Vec<SettingLine>,
    /// The jobs and streams of the file.
    pub(crate) jobs: Vec<ConfiguredJob>,
}

/// A setting in force.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SettingLine {
    /// Its place, such as `worker.slots`.
    pub(crate) key: String,
    /// Empty if it has none.
    pub(crate) value: String,
    /// Whether the file does not set it.
    pub(crate) is_default: bool,
}

/// A job or a stream of the file.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ConfiguredJob {
    /// `histo_jobs`, `jobs` or `stream_jobs`.
    pub(crate) list: &'static str,
    /// Its place in the list, from 0.
    pub(crate) index: usize,
    pub(crate) exchange: String,
    pub(crate) pairs: Vec<String>,
    /// The kinds of data, such as `ohlc/1h` or `trades, book`.
    pub(crate) data: String,
}

/// A job to add to the file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryJobAsked {
    pub(crate) exchange: String,
    /// Such as `BTC/USDT`.
    pub(crate) pairs: Vec<String>,
    /// `ohlc` by default.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// The length of candles, in seconds or as a label such as `1h`.
    #[serde(default)]
    pub(crate) span: Option<String>,
}

/// A stream to add to the file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamJobAsked {
    pub(crate) exchange: String,
    /// Such as `BTC/USDT`.
    pub(crate) pairs: Vec<String>,
    /// `trades`, `book` and `ohlc`.
    pub(crate) channels: Vec<String>,
    /// The lengths of candles, in seconds or as labels such as `1m`.
    #[serde(default)]
    pub(crate) spans: Vec<String>,
}

/// A pair to remove from the file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemovePairAsked {
    /// `histo_jobs`, `jobs` or `stream_jobs`.
    pub(crate) list: String,
    /// The place of its job in the list, from 0.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) index: u32,
    /// Such as `BTC/USDT`.
    pub(crate) pair: String,
    /// `file_hash` of the configuration in which it has this place.
    pub(crate) file_hash: String,
}
