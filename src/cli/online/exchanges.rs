//! Asking an exchange for its clock and for each configured pair.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::OnlineCheck;
use crate::cli::listing::{NamesError, asset_names, client};
use crate::clock::now;
use crate::config::Config;
use crate::exchange::{AssetNames, Instrument};
use crate::model::Pair;
use crate::net::{Client, NetError};
use crate::telemetry::events::Chain;

/// How long all questions together may take; one still open then is a failure.
pub(super) const WITHIN: Duration = Duration::from_secs(60);

/// How far this machine's clock may be off. Candles are closed by the exchange's clock, but cron lines, log
/// lines and alerts follow this machine's.
const CLOCK_SLACK: Duration = Duration::from_secs(10);
/// Pairs asked for at once.
const AT_ONCE: usize = 8;

/// Each exchange some job names, with the pairs that run there.
pub(super) fn configured(config: &Config) -> BTreeMap<String, BTreeSet<Pair>> {
    let mut all: BTreeMap<String, BTreeSet<Pair>> = BTreeMap::new();
    for job in &config.histo_jobs {
        let pairs = all.entry(job.exchange.clone()).or_default();
        pairs.extend(job.pairs.iter().filter(|_| job.running).cloned());
    }
    for job in &config.stream_jobs {
        all.entry(job.exchange.clone()).or_default().extend(job.pairs.iter().cloned());
    }
    all
}

/// Asks one exchange: its clock first, then every pair.
pub(super) async fn ask(
    config: Arc<Config>,
    name: String,
    pairs: BTreeSet<Pair>,
    stop: CancellationToken,
) -> Vec<OnlineCheck> {
    let about = format!("{name} clock");
    let client = match client(&config, &name) {
        Some(Ok(client)) => Arc::new(client),
        Some(Err(error)) => return vec![OnlineCheck::failed(about, Chain(&error).to_string())],
        None => return Vec::new(),
    };
    let measured = client.measure_clock(&stop).await;
    let away = measured
        .as_ref()
        .err()
        .is_some_and(|error| error.speaks_of_the_exchange() && !matches!(error, NetError::Unreadable { .. }));
    let mut checks = vec![match measured {
        Ok(()) => clock(about, &client),
        Err(error) => OnlineCheck::failed(about, words(&error)),
    }];
    if away {
        let pairs = pairs.iter().map(|pair| format!("{name} {pair}"));
        checks.extend(
            pairs.map(|about| OnlineCheck::failed(about, "not asked, as the exchange did not answer")),
        );
        return checks;
    }
    for some in pairs.into_iter().collect::<Vec<_>>().chunks(AT_ONCE) {
        checks.extend(ask_pairs(&client, some, &stop).await);
    }
    checks
}

fn clock(about: String, client: &Client) -> OnlineCheck {
    let ahead = client.clock().now().0.saturating_sub(now().0);
    let secs = Duration::from_micros(ahead.unsigned_abs());
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let said = format!("the exchange is {:.3} s {side} this machine", secs.as_secs_f64());
    if secs <= CLOCK_SLACK {
        OnlineCheck::ok(about, said)
    } else {
        OnlineCheck::failed(about, format!("{said}; set this machine's clock by NTP"))
    }
}

/// Asks for some pairs side by side; the answers come in their order.
async fn ask_pairs(client: &Arc<Client>, pairs: &[Pair], stop: &CancellationToken) -> Vec<OnlineCheck> {
    let mut asking = JoinSet::new();
    for (place, pair) in pairs.iter().enumerate() {
        let (client, pair, stop) = (Arc::clone(client), pair.clone(), stop.clone());
        asking.spawn(async move { (place, ask_pair(&client, &pair, &stop).await) });
    }
    let mut checks = asking.join_all().await;
    checks.sort_unstable_by_key(|(place, _)| *place);
    checks.into_iter().map(|(_, check)| check).collect()
}

/// Asks whether a pair is listed and traded, as a run does before its first page.
async fn ask_pair(client: &Client, pair: &Pair, stop: &CancellationToken) -> OnlineCheck {
    let exchange = client.exchange();
    let about = format!("{} {pair}", exchange.name());
    let names = match asset_names(client, stop).await {
        Ok(names) => names,
        Err(NamesError::Net(error)) => return OnlineCheck::failed(about, words(&error)),
        Err(NamesError::Unreadable(why)) => return OnlineCheck::failed(about, why),
    };
    let mut found = look_up(client, pair, pair, &names, stop).await;
    if let (Err(_), Some(raised)) = (&found, pair.raised()) {
        // Some are asked by a symbol in capitals, whatever the listing calls the pair.
        found = look_up(client, pair, &raised, &names, stop).await.or(found);
    }
    match found {
        Err(error) => OnlineCheck::failed(about, error),
        Ok(listed) if listed.is_open => {
            OnlineCheck::ok(about, format!("listed as {} and traded", listed.symbol))
        }
        Ok(listed) => OnlineCheck::failed(about, format!("listed as {}, but not traded now", listed.symbol)),
    }
}

/// Looks up a pair in the listing, requested by the spelling `asked`.
async fn look_up(
    client: &Client,
    pair: &Pair,
    asked: &Pair,
    names: &AssetNames,
    stop: &CancellationToken,
) -> Result<Instrument, String> {
    let exchange = client.exchange();
    let received = client.get(&exchange.listing_request(Some(asked)), stop).await;
    let listing = exchange.parse_listing(&received.map_err(|error| words(&error))?.body);
    let listing = listing.map_err(|error| error.to_string())?.with_names(names);
    listing.find(pair).cloned().map_err(|error| error.to_string())
}

fn words(error: &NetError) -> String {
    match error {
        NetError::Stopped => format!("no answer within {} s", WITHIN.as_secs()),
        other => Chain(other).to_string(),
    }
}
