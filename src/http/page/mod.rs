//! The monitor page: plain HTML without scripts that loads nothing and asks for itself again every few seconds. One
//! file a view.

mod cards;
mod jobs;
mod overview;
mod text;
mod view;

pub(super) use overview::landing;
pub(super) use view::View;
