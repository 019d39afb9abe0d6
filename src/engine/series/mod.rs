//! Series as resources: what is held of them, what is missing, and how their runs went.
//!
//! The command line prints these lines with `--json`, and HTTP answers with them.

mod account;
mod aside;
mod catalogue;
mod coverage;
mod files;
mod gaps;
mod list;
mod one;
mod orders;
mod status;
mod verify;

pub(crate) use account::Account;
pub(crate) use catalogue::{Catalogue, CatalogueError, KnownSeries};
pub(crate) use coverage::coverage;
pub(crate) use gaps::{aside, gaps, open_windows, settled_windows};
pub(crate) use list::{SelectError, list};
pub(crate) use one::{OneError, coverage_of, files_of, gaps_of, line_of};
pub(crate) use orders::{backfill_order, order_without_job, repair_order};
pub(crate) use status::{SeriesRuns, configured};
pub(crate) use verify::verified;
