//! How each live series stands: what health, the page and its task show, and what its gauges are set from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{Kind, Micros, Series, foreign};
use crate::telemetry::events::StreamState;
use crate::telemetry::{LiveState, Telemetry};

/// Why a book is out of step that never was in step.
const NOT_BEGUN: &str = "not_begun";

/// The state of a live series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveStatus {
    /// Its state.
    pub(crate) state: LiveState,
    /// Since when, by the system's clock.
    pub(crate) since: Micros,
    /// Why it is not live, if known.
    pub(crate) why: Option<String>,
    /// The exchange's time of the newest message with rows.
    pub(crate) last_message: Option<Micros>,
    /// From the exchange's time of that message to its receipt.
    pub(crate) lag: Option<Duration>,
    /// Connections that carried it since it was wanted.
    pub(crate) connections: u64,
    /// Since when it is out of step and why, of a book that is.
    pub(crate) out_of_step: Option<(Micros, &'static str)>,
}

/// The state of every live series that is wanted. Clones share it.
#[derive(Clone)]
pub(crate) struct LiveStates(Arc<Inner>);

struct Inner {
    telemetry: Telemetry,
    clock: fn() -> Micros,
    all: Mutex<BTreeMap<Arc<Series>, LiveStatus>>,
}

impl LiveStates {
    pub(crate) fn new(telemetry: &Telemetry, clock: fn() -> Micros) -> Self {
        LiveStates(Arc::new(Inner { telemetry: telemetry.clone(), clock, all: Mutex::default() }))
    }

    /// Begins to keep the state of a series, which is not listened to yet. Its metrics are declared anew each time,
    /// since another owner of the series may have had them dropped here.
    pub(crate) fn want(&self, series: &Arc<Series>) {
        self.0.telemetry.metrics().declare_stream(series);
        let at = (self.0.clock)();
        let new = LiveStatus {
            state: LiveState::Off,
            since: at,
            why: None,
            last_message: None,
            lag: None,
            connections: 0,
            out_of_step: (series.kind() == Kind::OrderBook).then_some((at, NOT_BEGUN)),
        };
        let state = self.all().entry(Arc::clone(series)).or_insert(new).state;
        self.0.telemetry.emit(StreamState { series, state });
    }

    /// Drops the state of a series that is no longer wanted, and its metrics.
    pub(crate) fn forget(&self, series: &Series) {
        self.all().remove(series);
        self.0.telemetry.metrics().forget_stream(series);
    }

    /// Shows a state, and why where that is known. A reason stays as long as the state does.
    pub(crate) fn show(&self, series: &Series, state: LiveState, why: Option<&str>) {
        let is_new = {
            let (mut all, at) = (self.all(), (self.0.clock)());
            let Some(own) = all.get_mut(series) else { return };
            let is_new = own.state != state;
            if is_new {
                (own.state, own.since, own.why) = (state, at, None);
            }
            own.why = why.map(foreign).or(own.why.take());
            is_new
        };
        if is_new {
            self.0.telemetry.emit(StreamState { series, state });
        }
    }

    /// Adds why a series is in its state.
    pub(crate) fn explain(&self, series: &Series, why: &str) {
        self.all().get_mut(series).into_iter().for_each(|own| own.why = Some(foreign(why)));
    }

    /// Whatever was said of a series is over.
    pub(crate) fn is_well(&self, series: &Series) {
        self.all().get_mut(series).into_iter().for_each(|own| own.why = None);
    }

    /// A book fell out of step, or is still out of it for another reason.
    pub(crate) fn book_fell(&self, series: &Series, reason: &'static str) {
        let at = (self.0.clock)();
        if let Some(own) = self.all().get_mut(series) {
            let since = own.out_of_step.map_or(at, |(since, _)| since);
            own.out_of_step = Some((since, reason));
        }
    }

    /// A book is in step.
    pub(crate) fn book_rose(&self, series: &Series) {
        self.all().get_mut(series).into_iter().for_each(|own| own.out_of_step = None);
    }

    /// A message with rows of it was received.
    pub(crate) fn heard(&self, series: &Series, at: Micros, lag: Option<Duration>) {
        if let Some(own) = self.all().get_mut(series) {
            own.last_message = own.last_message.max(Some(at));
            own.lag = lag;
        }
    }

    /// A connection that carries it was made.
    pub(crate) fn connected(&self, series: &Series) {
        self.all().get_mut(series).into_iter().for_each(|own| own.connections += 1);
    }

    /// The state of a series; `None` if it is not wanted.
    pub(crate) fn of(&self, series: &Series) -> Option<LiveStatus> {
        self.all().get(series).cloned()
    }

    /// Every series that is wanted, in order.
    pub(crate) fn snapshot(&self) -> Vec<(Arc<Series>, LiveStatus)> {
        self.all().iter().map(|(series, own)| (Arc::clone(series), own.clone())).collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Arc<Series>, LiveStatus>> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    static NOW: AtomicI64 = AtomicI64::new(0);

    fn series() -> Arc<Series> {
        Arc::new("binance/BTC-USDT/trades".parse().unwrap())
    }

    #[test]
    fn a_state_keeps_its_beginning_and_its_reason_until_the_next() {
        let states = LiveStates::new(&Telemetry::new(), || Micros(NOW.load(Ordering::Relaxed)));
        let series = series();
        states.show(&series, LiveState::Live, None);
        assert_eq!(states.of(&series), None, "nobody wants it");

        states.want(&series);
        for (at, why) in [(5, None), (7, Some("no route")), (9, None)] {
            NOW.store(at, Ordering::Relaxed);
            states.show(&series, LiveState::Connecting, why);
        }
        let own = states.of(&series).unwrap();
        assert_eq!((own.state, own.since), (LiveState::Connecting, Micros(5)));
        assert_eq!(own.why.as_deref(), Some("no route"));

        states.show(&series, LiveState::Live, None);
        states.heard(&series, Micros(8), None);
        states.heard(&series, Micros(6), None);
        let own = states.of(&series).unwrap();
        assert_eq!((own.since, own.why, own.last_message), (Micros(9), None, Some(Micros(8))));

        states.forget(&series);
        assert_eq!(states.of(&series), None);
    }
}
