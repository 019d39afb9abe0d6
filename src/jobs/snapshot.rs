//! The book of an exchange that keeps no history of it, as it is now.

use std::sync::Arc;

use crate::exchange::{Ask, History, Instrument, Offer, Page};
use crate::jobs::RunError;
use crate::jobs::handle::Handle;
use crate::jobs::run::Run;
use crate::model::{Batch, Micros, Window};
use crate::store::Accepted;
use crate::telemetry::events::RowsFetched;

impl Run<'_> {
    /// Requests the present book with so many levels a side, or as many as there are.
    pub(super) async fn whole_book(&self, levels: u32) -> Result<Batch, RunError> {
        let offer = self.offer().filter(|offer| offer.history == History::Now);
        let offer = offer.ok_or_else(|| self.no_offer())?;
        let instrument = self.resolve_instrument().await?.now;
        let deepest = offer.depths.last().map_or(offer.page_rows, |(depth, _)| *depth);
        self.present(instrument, levels.min(deepest)).await
    }

    /// Requests the book as it is now.
    async fn present(&self, instrument: Arc<Instrument>, rows: u32) -> Result<Batch, RunError> {
        let now = self.context.client.clock().now();
        let window = Window { from: now, until: Micros(now.0 + 1) };
        let series = Arc::clone(&self.order.series);
        let page = Page { series, instrument, window, ask: Ask::Now, rows };
        let taken = self.fetcher.page(&page, |rows, _| Ok(rows)).await;
        taken.map_err(|(_, error)| self.unprepared(error))
    }

    /// Takes one snapshot of a book.
    pub(super) async fn snapshot(
        &mut self,
        writer: &Handle,
        offer: &Offer,
        instrument: Arc<Instrument>,
    ) -> Result<(), RunError> {
        self.at.planned = 1;
        let rows = self.present(instrument, self.order.depth.min(offer.page_rows)).await?;
        self.at.done = 1;
        self.at.rows = rows.len() as u64;
        let page = Accepted { rows, covered: None, empty: None, derived: false };
        self.take(writer, page).await?;
        self.context.telemetry.emit(RowsFetched { series: &self.order.series, rows: self.at.rows });
        (self.progress)(self.at);
        Ok(())
    }
}
