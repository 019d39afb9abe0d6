//! The monitor page: one file per view. Each asks what the API's routes ask, and renders the answer.

mod assets;
mod configuration;
mod form;
mod history;
mod jobs;
mod logs;
mod newest;
mod one_series;
mod overview;
mod series;
mod sign_in;
mod storage;
mod streams;
mod visit;
mod workers;

use hyper::header::{self, HeaderMap};

pub(super) use self::visit::Visit;
use super::route::Route;

pub(super) fn routes() -> Vec<Route> {
    let mut all = vec![overview::route(), assets::route(), series::route()];
    all.extend(one_series::routes());
    all.extend(sign_in::routes());
    all.extend(jobs::routes());
    all.extend([streams::route(), workers::route(), history::route(), logs::route()]);
    all.extend(storage::routes());
    all.extend(configuration::routes());
    all
}

/// Whether the client is a browser that shows what it gets.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/html"))
}
