//! The present book of a series that this process listens to.

use std::sync::Arc;

use crate::api::{BookAnswer, LevelLine};
use crate::engine::Engine;
use crate::engine::book::ask::{AskError, Asked, levels, named};
use crate::exchange::live::Level;
use crate::jobs::stream::{LiveStatus, Present};
use crate::model::{Micros, Series};
use crate::net::ws::ShownBook;
use crate::store::book::{BookError, Uncovered};
use crate::telemetry::LiveState;

impl Engine {
    /// The present book that is asked for; `None` where it is an instant that is, or no live book is named.
    ///
    /// # Errors
    /// If the question is wrong, the book is not in step, or its connection does not answer.
    pub(crate) async fn present_book(
        &self,
        asked: &Asked,
        now: Micros,
    ) -> Option<Result<BookAnswer, AskError>> {
        if asked.at.is_some() {
            return None;
        }
        let live: Vec<Arc<Series>> = self.present_books().series();
        let series = named(asked.series.as_deref(), live.iter().map(|series| &**series)).ok()?;
        let most = match asked.levels.as_deref().map_or(Ok(usize::MAX), levels) {
            Ok(most) => most,
            Err(wrong) => return Some(Err(wrong.into())),
        };
        Some(match self.present_books().of(&series, most).await? {
            Present::InStep(book) => Ok(shown(&series, &book, now)),
            Present::OutOfStep => Err(self.out_of_step(&series).into()),
            Present::NoAnswer => {
                Err(AskError::Broken { reason: why_unshown(self.live_states().of(&series)) })
            }
        })
    }

    fn out_of_step(&self, series: &Series) -> BookError {
        let status = self.live_states().of(series);
        let (from, why) = status.map_or((None, None), |own| (own.last_message, own.why));
        let reason = why.unwrap_or_else(|| "it is not in step with its exchange".to_owned());
        let uncovered = Uncovered { from, until: None, state: "gap", reason };
        BookError::NotCovered { series: series.to_string(), uncovered }
    }
}

/// Why a live book is not shown: its state, since when, and the reason where one is known.
fn why_unshown(status: Option<LiveStatus>) -> String {
    let Some(LiveStatus { state, since, why, .. }) = status else {
        return "this process does not listen to it yet; try again".to_owned();
    };
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    match state {
        LiveState::Live => {
            format!("its connection, live since {since}, does not show it in time{why}; try again")
        }
        state => format!("it is {} since {since}{why}; ask again once it is live", state.name()),
    }
}

fn shown(series: &Series, book: &ShownBook, now: Micros) -> BookAnswer {
    let line = |level: &Level| LevelLine { price: level.price, amount: level.amount, count: level.count };
    BookAnswer {
        series: series.to_string(),
        at: None,
        source: "live".to_owned(),
        covered: true,
        ts: book.ts.to_string(),
        ts_recv: book.received.to_string(),
        ord: None,
        seq: book.seq,
        age_seconds: now.since(book.ts).as_secs_f64(),
        bids: book.bids.iter().map(line).collect(),
        asks: book.asks.iter().map(line).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_that_is_not_shown_says_its_state_and_since_when() {
        let status = |state, why: Option<&str>| LiveStatus {
            state,
            since: Micros(1_747_440_000_000_000),
            why: why.map(str::to_owned),
            last_message: None,
            lag: None,
            connections: 0,
            out_of_step: None,
        };

        assert_eq!(
            why_unshown(Some(status(LiveState::Connecting, Some("no route")))),
            "it is connecting since 2025-05-17T00:00:00Z (no route); ask again once it is live"
        );
        let live = why_unshown(Some(status(LiveState::Live, None)));
        assert!(live.starts_with("its connection, live since 2025-05-17T00:00:00Z, does not"), "{live}");
        assert!(why_unshown(None).contains("does not listen to it yet"));
    }
}
