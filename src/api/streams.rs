//! The live series: `GET /api/v1/streams`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{BooksHealth, StreamView};

/// The live series of this process.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Streams<'a> {
    pub(crate) at: String,
    /// How many are in each state.
    pub(crate) states: BTreeMap<&'a str, u64>,
    pub(crate) books: BooksHealth<'a>,
    /// The exchanges of live series that have sent something of late.
    pub(crate) exchanges: Vec<StreamRate>,
    pub(crate) streams: &'a [StreamView],
}

/// How much an exchange sends.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StreamRate {
    pub(crate) exchange: String,
    /// In the last whole minute of the metric history; null if it has none of late.
    pub(crate) messages_per_second: Option<f64>,
    /// When that minute began.
    pub(crate) minute: Option<String>,
}
