//! The present book of a series that this process listens to.

use std::sync::Arc;

use crate::api::{BookAnswer, LevelLine};
use crate::engine::Engine;
use crate::engine::book::ask::{AskError, Asked, levels, named};
use crate::exchange::live::Level;
use crate::jobs::stream::Present;
use crate::model::{Micros, Series};
use crate::net::ws::ShownBook;
use crate::store::book::{BookError, Uncovered};

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
                let reason = "its connection does not show it in time; try again".to_owned();
                Err(AskError::Broken { reason })
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
