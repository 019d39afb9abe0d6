//! From page to page through a window of a series, and what each answer proves of it.

mod asked;
mod beginning;
mod doubt;
mod edge;
mod hole;
mod odd;
mod proof;
mod seek;
mod seen;
mod walk;

pub use beginning::Gone;
pub use edge::Edge;
pub use odd::SetAside;
pub use walk::{Step, Walk};
