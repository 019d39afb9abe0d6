//! The book of an exchange that keeps no history of it, as it is now.

use std::sync::Arc;

use crate::exchange::{Ask, Instrument, Offer, Page};
use crate::jobs::RunError;
use crate::jobs::handle::Handle;
use crate::jobs::run::Run;
use crate::model::{Micros, Window};
use crate::store::Accepted;
use crate::telemetry::events::RowsFetched;

impl Run<'_> {
    /// Takes one snapshot of a book.
    pub(super) async fn snapshot(
        &mut self,
        writer: &Handle,
        offer: &Offer,
        instrument: Arc<Instrument>,
    ) -> Result<(), RunError> {
        let now = self.context.client.clock().now();
        let window = Window { from: now, until: Micros(now.0 + 1) };
        let rows = self.order.depth.min(offer.page_rows);
        let series = Arc::clone(&self.order.series);
        let page = Page { series, instrument, window, ask: Ask::Now, rows };
        self.at.planned = 1;
        let taken = self.fetcher.page(&page, |rows, _| Ok(rows)).await;
        let rows = taken.map_err(|(_, error)| self.unprepared(error))?;
        self.at.done = 1;
        self.at.rows = rows.len() as u64;
        let page = Accepted { rows, covered: None, empty: None, derived: false };
        self.take(writer, page).await?;
        self.context.telemetry.emit(RowsFetched { series: &self.order.series, rows: self.at.rows });
        (self.progress)(self.at);
        Ok(())
    }
}
