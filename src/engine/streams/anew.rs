//! Asks for topics anew that the exchange does not send.

use std::sync::Arc;

use crate::engine::streams::Streams;
use crate::engine::streams::connections::Place;
use crate::engine::streams::entry::EntryState;
use crate::model::Series;
use crate::telemetry::LiveState;

impl Streams {
    /// Asks for a topic anew.
    pub(super) fn begin_anew(&self, series: &Series, place: &Place, why: &str) {
        self.engine.live_states().show(series, LiveState::Stale, Some(why));
        self.connections.subscribe_anew(place);
    }

    /// Where one topic of a connection is not sent, others of it that are quiet for too long are taken for the same.
    pub(super) fn begin_neighbours_anew(&mut self, place: &Place) {
        let entries = &self.entries;
        let is_beside = |series: &Arc<Series>| match entries.get(series).map(|entry| &entry.state) {
            Some(EntryState::Placed { place: own, .. }) => own.connection() == place.connection(),
            _ => false,
        };
        for series in self.refills.take_checks(is_beside) {
            if let Some(own) = self.place(&series) {
                self.begin_anew(&series, own, "it is quiet, and another one of its connection is not sent");
            }
        }
    }
}
