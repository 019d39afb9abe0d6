//! Everything that an exchange lists, requested as the configuration says.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exchange::{AssetNames, Instrument, find};
use crate::model::{Market, Pair};
use crate::net::{Client, ClientSettings, NetError, Silent};
use crate::telemetry::events::Chain;

/// How long all requests together may take.
const WITHIN: Duration = Duration::from_secs(60);

/// The pairs of a listing that have a name of ours, sorted, and how many entries were not understood.
pub(crate) struct Listed {
    pub(crate) instruments: Vec<(Pair, Instrument)>,
    pub(crate) odd: usize,
}

/// A client of an exchange; `None` if it is not supported.
pub(crate) fn client(config: &Config, name: &str) -> Option<Result<Client, NetError>> {
    let settings = config.exchange(name);
    let settings = ClientSettings {
        rest_url: settings.rest_url,
        requests_per_second: settings.requests_per_second,
        timeout: settings.timeout,
    };
    find(name).map(|exchange| Client::new(exchange, settings, Arc::new(Silent)))
}

/// The exchange's own names of assets, requested once.
pub(crate) async fn asset_names(
    client: &Client,
    stop: &CancellationToken,
) -> Result<Arc<AssetNames>, NamesError> {
    let exchange = client.exchange();
    let request = match client.known_names() {
        Some(known) => return Ok(known),
        None => exchange.names_request(),
    };
    let Some(request) = request else { return Ok(Arc::default()) };
    let received = client.get(&request, stop).await.map_err(NamesError::Net)?;
    let names =
        exchange.parse_names(&received.body).map_err(|error| NamesError::Unreadable(error.to_string()))?;
    Ok(client.learn_names(names))
}

/// Why names of assets are not known.
pub(crate) enum NamesError {
    /// The request failed.
    Net(NetError),
    /// The answer cannot be read.
    Unreadable(String),
}

/// Requests the listing of a market, or of all markets that the exchange offers.
///
/// # Errors
/// The reason, in words.
pub(crate) async fn request(
    config: &Config,
    name: &str,
    market: Option<Market>,
    stop: &CancellationToken,
) -> Result<Listed, String> {
    let client = client(config, name).ok_or_else(|| format!("{name} is not supported"))?;
    let client = client.map_err(|error| Chain(&error).to_string())?;
    match tokio::time::timeout(WITHIN, request_all(&client, market, stop)).await {
        Ok(listed) => listed.map_err(|why| format!("the listing of {name} cannot be requested: {why}")),
        Err(_) => Err(format!("{name} did not send its listing within {} s", WITHIN.as_secs())),
    }
}

async fn request_all(
    client: &Client,
    market: Option<Market>,
    stop: &CancellationToken,
) -> Result<Listed, String> {
    let exchange = client.exchange();
    let is_offered = |market: &Market| exchange.offers().iter().any(|offer| offer.markets.contains(market));
    let wanted = Market::ALL.into_iter().filter(|own| market.is_none_or(|market| market == *own));
    let mut requests = Vec::new();
    for request in wanted.filter(is_offered).flat_map(|market| exchange.market_listing(market)) {
        if !requests.contains(&request) {
            requests.push(request);
        }
    }
    let names = match asset_names(client, stop).await {
        Ok(names) => names,
        Err(NamesError::Net(error)) => return Err(Chain(&error).to_string()),
        Err(NamesError::Unreadable(why)) => return Err(why),
    };
    let mut listed = Listed { instruments: Vec::new(), odd: 0 };
    for request in &requests {
        let received = client.get(request, stop).await.map_err(|error| Chain(&error).to_string())?;
        let listing = exchange.parse_listing(&received.body).map_err(|error| error.to_string())?;
        let listing = listing.with_names(&names);
        listed.odd += listing.odd.len();
        let own = listing.instruments.into_iter().filter_map(|own| Some((own.pair.clone()?, own)));
        listed
            .instruments
            .extend(own.filter(|(pair, _)| market.is_none_or(|market| market == pair.market())));
    }
    listed.instruments.sort_by(|(a, one), (b, other)| (a, &one.symbol).cmp(&(b, &other.symbol)));
    listed.instruments.dedup_by(|(a, one), (b, other)| a == b && one.symbol == other.symbol);
    Ok(listed)
}
