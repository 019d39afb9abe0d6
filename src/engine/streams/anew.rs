//! Asks for topics anew that the exchange does not send.

use std::sync::Arc;

use crate::engine::streams::Streams;
use crate::engine::streams::connections::Place;
use crate::engine::streams::entry::EntryState;
use crate::model::Series;
use crate::telemetry::LiveState;
use crate::telemetry::events::{CheckOutcome, StreamCheck};

impl Streams {
    /// Asks anew for a topic of which the exchange has newer rows than it sends.
    pub(super) fn begin_anew(&mut self, series: &Series, place: &Place) {
        let why = "the exchange has newer rows than it sends";
        self.engine.live_states().show(series, LiveState::Stale, Some(why));
        self.connections.subscribe_anew(place);
        self.begin_neighbours_anew(place);
    }

    /// Others of its connection that are quiet for too long, and whose check waits for its share, are asked for anew without
    /// one. Nothing shows that they are stale, and they are not called so.
    fn begin_neighbours_anew(&mut self, place: &Place) {
        let entries = &self.entries;
        let is_beside = |series: &Arc<Series>| match entries.get(series).map(|entry| &entry.state) {
            Some(EntryState::Placed { place: own, .. }) => own.connection() == place.connection(),
            _ => false,
        };
        for series in self.refills.take_checks(is_beside) {
            if let Some(own) = self.place(&series) {
                let why = "it is quiet, and another one of its connection is not sent";
                self.engine.live_states().show(&series, LiveState::Connecting, Some(why));
                self.connections.subscribe_anew(own);
                let check = StreamCheck { series: &series, outcome: CheckOutcome::Spared };
                self.engine.telemetry().emit(check);
            }
        }
    }
}
