//! A window that is requested once more although it is settled, to compare what is stored with the exchange.

use crate::jobs::RunError;
use crate::jobs::run::Run;
use crate::jobs::scope::Contracted;
use crate::jobs::turn::Turn;
use crate::model::{Window, Windows};
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
}
