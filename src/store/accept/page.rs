//! A page as it is handed over to be accepted.

use crate::model::{Batch, Window};

/// Rows and what they prove, taken together.
#[derive(Debug)]
pub struct Accepted {
    /// The rows of one answer that lie in the window asked for.
    pub rows: Batch,
    /// The window the answer proves to be covered.
    pub covered: Option<Window>,
    /// The window the answer proves to be empty.
    pub empty: Option<Window>,
    /// The rows were computed by us: they stand back behind rows the exchange itself sent.
    pub derived: bool,
}
