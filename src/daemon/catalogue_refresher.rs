//! Looks at every series again and again, so that a view of them never waits for all.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::daemon::Control;
use crate::telemetry::events::Chain;

/// How long to rest between two looks, as a multiple of how long one takes.
const REST: u32 = 50;
const SHORTEST_REST: Duration = Duration::from_secs(5);
/// A look is shown for no longer than half a minute.
const LONGEST_REST: Duration = Duration::from_secs(25);

/// Keeps the catalogue of the series current until the daemon ends.
pub struct CatalogueRefresher {
    control: Control,
}

impl CatalogueRefresher {
    /// The refresher of a daemon.
    #[must_use]
    pub fn new(control: Control) -> Self {
        CatalogueRefresher { control }
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let round = async {
                let took = self.control.refresh_series().await.unwrap_or_else(|error| {
                    tracing::debug!(error = %Chain(&error), "the series were not looked at");
                    Duration::ZERO
                });
                tokio::time::sleep((took * REST).clamp(SHORTEST_REST, LONGEST_REST)).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = round => {}
            }
        }
    }
}
