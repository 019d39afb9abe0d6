//! The monitor page: HTML from the shapes of the API, one file per view, and the files that pages load. Reading works
//! without JavaScript. Pure: the routes bring what is shown.

mod assets;
mod attention;
mod frame;
mod html;
mod message;
mod overview;
mod overview_parts;
mod sign_in;
mod table;
mod times;

pub(super) use assets::asset;
pub(super) use frame::{Frame, View, refusal};
pub(super) use message::{PARAMETER, message};
pub(super) use overview::overview;
pub(super) use sign_in::sign_in;
