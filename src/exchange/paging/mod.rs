//! From page to page through a window of a series, and what each answer proves of it.
//!
//! Decisions:
//!
//! * **A window of candles speaks of opens.** Coverage, gaps and requests then mean the same for minutes, weeks
//!   and months.
//! * **What a page proves is decided in one pure place** (`exchange/paging`). A short answer proves only up to
//!   its last row and the rest is asked again from that row on, to the present: on an exchange that answers
//!   oldest first, any later row proves the hole between. Two answers with nothing beyond what is held confirm
//!   the rest empty, never within the last hour or three spans, and never against a row already known.
//! * **An empty answer is believed together with a row that is there.** What came empty is asked for once more
//!   at the end of a run, in one request with the nearest row known beside it; an answer without that row is a
//!   contradiction. Only a series of which nothing is known at all is called empty by empty answers alone,
//!   those of two runs, and all of that is asked again in the run that meets its first row. Where a request
//!   cannot hold both, it takes four.
//! * **Both ends of a page are shown.** Each page meets the one before in a row, or all rows of an instant.
//!   Where a window begins, a row beyond it, the last answer of the neighbouring window or a second, smaller
//!   question has to show that nothing lies before the first row; where ids are contiguous the walk steps back
//!   by id.
//! * **Asked is answered.** Rows outside the bounds a request named, or in the other order, prove nothing: the
//!   page is asked for once more, then fails by name.
//! * **The first row takes two different answers**, and so does that nothing is newer than the newest trade.
//!   Where ids show that trades existed, time is unfillable, not empty; what earlier versions called empty after one look
//!   is looked at again.
//! * **One odd row costs itself.** A row that cannot be true is believed to be so once two answers have it. Its
//!   text is durable before the rest of its page is accepted, its time is unfillable, and a page fails where
//!   most of it is odd, more rows are than a tenth of what a page holds, or more than ten and a tenth of it are
//!   so for another reason than their open (an outage shifts opens for as long as it lasts).
//! * **Order by id is not order by time.** A walk by id reads five seconds past its end where more rows follow,
//!   and a trade that ids place in a window is stored where its instant lies.
//! * **A walk goes the way its exchange answers**, oldest or newest first; what a request can name is data of
//!   the offer. A listing turns pairs into instruments; contracts become base amounts while parsing. Requests
//!   name a host and a budget; one configured address stands in for all hosts.
//! * **A hole in contiguous trade ids is asked for before it is believed.** A page that skips a number proves
//!   only up to there; the walk goes on by id from the trade before it, and only a second answer with the same
//!   hole makes it one. Offers say where ids are contiguous.
//! * **One untrue answer is tried at every place of every walk** (`tests/untrue`): well formed, of rows that
//!   exist, and not what was asked. Whatever it is, the rows are stored in the end, the run fails by name, or
//!   their time is a gap; and doubting may cost an honest backfill no more than a few requests.

mod asked;
mod beginning;
mod denied;
mod doubt;
mod edge;
mod head;
mod hole;
mod odd;
mod proof;
mod seek;
mod seen;
mod step;
mod walk;

pub use edge::Edge;
pub use head::Gone;
pub use step::{SetAside, Step};
pub use walk::Walk;
