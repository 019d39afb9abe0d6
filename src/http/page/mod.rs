//! The monitor page: plain HTML that loads nothing, runs no scripts, and refreshes every few seconds. One file per
//! view.

mod cards;
mod jobs;
mod overview;
mod streams;
mod text;
mod view;

pub(super) use overview::landing;
pub(super) use view::View;
