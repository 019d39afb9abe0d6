//! Reading answers: from the forms of JSON values to rows, each of which may cost itself and not its page.
//!
//! An exchange describes its rows with [`wire`] and [`shape`], what each becomes with [`rows`] and [`row`], and its
//! listing with [`entries`].

pub(crate) mod book_rows;
pub(crate) mod decode;
pub(crate) mod entries;
pub(crate) mod form;
pub(crate) mod instant;
mod plain;
pub(crate) mod record;
pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod shape;
pub(crate) mod told;
pub(crate) mod wire;
