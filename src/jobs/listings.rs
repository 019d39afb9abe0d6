//! Many pairs of a market resolved with one listing, where one request for each would take minutes.

use std::sync::Arc;

use crate::jobs::run::Run;
use crate::jobs::{FetchError, Instruments};
use crate::model::{Market, Pair};
use crate::net::Received;

impl Run<'_> {
    /// Asks for everything that the exchange lists of a market, and remembers what it calls these pairs. A pair that is
    /// not listed is left out. Returns how many are known now.
    pub(super) async fn resolve_all(&self, market: Market, pairs: &[Pair]) -> Result<usize, FetchError> {
        let (context, mut known) = (self.context, 0);
        let names = self.names().await?;
        for request in context.client.exchange().market_listing(market) {
            let read = |received: &Received| self.read_listing(received, &names);
            let listing = self.fetcher.ask(&request, read).await.map_err(|(_, error)| error)?;
            listing.quotas.iter().for_each(|(budget, quota)| context.client.set_quota(*budget, *quota));
            let mut instruments = context.instruments();
            for pair in pairs {
                if let Ok(own) = listing.find(pair) {
                    let now = Instruments { now: Arc::new(own.clone()), before: None };
                    instruments.entry(pair.clone()).or_insert(now);
                    known += 1;
                }
            }
        }
        Ok(known)
    }
}
