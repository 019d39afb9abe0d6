//! The server side of an exchange: its paths, its weights, its answers and its errors.

use crate::sim::asked::SimRequest;
use crate::sim::fault::Endpoint;
use crate::sim::knobs::Knobs;
use crate::sim::query::{BadRequest, Query};
use crate::sim::ws::Protocol;

/// One exchange, server side.
pub(super) trait Venue: Sync {
    /// Its name, the first part of its paths.
    fn name(&self) -> &'static str;

    /// Which operation a path names, its own part of it alone.
    fn endpoint(&self, path: &str) -> Endpoint;

    /// The weight of a request.
    fn weight(&self, endpoint: Endpoint, query: Query<'_>) -> u32;

    /// The body of the right answer.
    ///
    /// # Errors
    /// As the exchange would refuse it.
    fn answer(&self, endpoint: Endpoint, asked: &SimRequest<'_>) -> Result<Vec<u8>, BadRequest>;

    /// An error in its own status, codes and words.
    fn error(&self, status: u16, error: &BadRequest) -> (u16, String);

    /// Whether it has WebSocket paths.
    fn has_sockets(&self) -> bool {
        false
    }

    /// The protocol of a connection to a WebSocket path, its own part of it alone; none where there is no such path.
    fn socket(&self, _path: &str, _query: Query<'_>) -> Option<Box<dyn Protocol>> {
        None
    }

    /// The headers that report the weight used, by name.
    fn usage(&self, _used: u32, _knobs: &Knobs) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
