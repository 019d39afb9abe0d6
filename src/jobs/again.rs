//! Windows that are requested apart from any plan: one that is settled, to compare what is stored with the exchange, and the
//! newest time, to see whether the exchange has any row of it.

use crate::jobs::RunError;
use crate::jobs::run::Run;
use crate::jobs::scope::Contracted;
use crate::jobs::turn::Turn;
use crate::model::{Micros, Window, Windows};
use crate::net::Lane;

impl Run<'_> {
    /// Requests a window again, within the share of the limit that repairs may have. Where the answer differs from what
    /// is stored, the answer stays.
    pub(super) async fn ask_again(&mut self, window: Window) -> Result<(), RunError> {
        let offer = self.offer().ok_or_else(|| self.no_offer())?;
        let writer = self.open().await?;
        // A difference shows where an answer meets rows in files.
        self.flush(&writer).await?;
        let instrument = self.resolve_instrument().await?.now;
        let scope = self.prepare(&writer, offer, Contracted { instrument, is_first: true });
        let served = Window::new(window.from.max(scope.since), window.until.min(scope.until));
        let windows: Windows = served.into_iter().collect();
        let lane = std::mem::replace(&mut self.fetcher.lane, Lane::Repair);
        let asked = self.walk_all(&writer, &scope, &windows, Turn::First).await;
        self.fetcher.lane = lane;
        self.finish(&writer, asked).await
    }

    /// Walks once over what there is from an instant on. An answer without a row is believed by no one: a run asks again
    /// before it settles anything.
    pub(super) async fn ask_newer(&mut self, from: Micros) -> Result<(), RunError> {
        let offer = self.offer().ok_or_else(|| self.no_offer())?;
        let writer = self.open().await?;
        let instrument = self.resolve_instrument().await?.now;
        let scope = self.prepare(&writer, offer, Contracted { instrument, is_first: true });
        let windows: Windows = Window::new(from.max(scope.since), scope.until).into_iter().collect();
        let asked = self.walk_all(&writer, &scope, &windows, Turn::First).await;
        self.finish(&writer, asked).await
    }
}
