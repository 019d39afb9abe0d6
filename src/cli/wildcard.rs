//! Pairs by wildcard, resolved against what an exchange lists.

use tokio_util::sync::CancellationToken;

use crate::cli::listing;
use crate::config::Config;
use crate::model::{Market, Pair, PairPattern, thousands};

/// The pairs traded now that a pattern stands for.
///
/// # Errors
/// If there is none: a message that names what is near.
pub(crate) async fn resolve(
    config: &Config,
    name: &str,
    pattern: &PairPattern,
    stop: &CancellationToken,
) -> Result<Vec<Pair>, String> {
    let listed = listing::request(config, name, pattern.market(), stop).await?;
    let open = listed.instruments.iter().filter(|(_, own)| own.is_open);
    let mut pairs: Vec<Pair> =
        open.map(|(pair, _)| pair.clone()).filter(|pair| pattern.matches(pair)).collect();
    pairs.dedup();
    if !pairs.is_empty() {
        return Ok(pairs);
    }
    let all = match pattern.market() {
        None => listed,
        Some(_) => listing::request(config, name, None, stop).await?,
    };
    let known: Vec<&Pair> =
        all.instruments.iter().filter(|(_, own)| own.is_open).map(|(pair, _)| pair).collect();
    Err(format!("{name} lists no pair that matches `{pattern}`{}", near(pattern, &known)))
}

/// The same pattern on other markets, else the nearest one that matches something.
fn near(pattern: &PairPattern, known: &[&Pair]) -> String {
    let matched = |pattern: &PairPattern| known.iter().filter(|pair| pattern.matches(pair)).count();
    let elsewhere = |market| pattern.clone().on(Some(market));
    let nearest = pattern.nearest(known);
    let candidates = Market::ALL.map(elsewhere).into_iter().chain([nearest.clone()]);
    let candidates = candidates.chain(Market::ALL.map(|market| nearest.clone().on(Some(market))));
    match candidates.map(|near| (matched(&near), near)).find(|(count, _)| *count > 0) {
        Some((count, near)) => format!("; `{near}` matches {}", thousands(count as u64)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_the_same_on_another_market_else_the_assets_most_alike() {
        let known = ["BTC/USDT", "ETH/USDT", "BTC/EUR:perp"].map(|text| text.parse::<Pair>().unwrap());
        let known: Vec<&Pair> = known.iter().collect();
        let near = |text: &str| near(&text.parse().unwrap(), &known);

        assert_eq!(near("*/EUR"), "; `*/EUR:perp` matches 1");
        assert_eq!(near("*/USTD"), "; `*/USDT` matches 2");
        assert_eq!(near("BTX/*:quarter"), "; `BTC/*` matches 1");
    }
}
