//! Which rows to read.

use crate::model::{Micros, Series};

/// Which rows to read.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Series of one kind, each once.
    pub series: Vec<Series>,
    /// The first instant.
    pub from: Option<Micros>,
    /// The first instant behind.
    pub until: Option<Micros>,
    /// The columns, by their places among the [fields](crate::model::fields) of the kind.
    pub columns: Vec<usize>,
    /// The most rows.
    pub limit: Option<u64>,
}
