//! `dccd pairs`: the pairs that an exchange lists.

use clap_complete::engine::ArgValueCompleter;
use tokio_util::sync::CancellationToken;

use crate::api::PairLine;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::table::{Column, Table};
use crate::cli::{Exit, complete, listing, naming};
use crate::config::Config;
use crate::exchange::{Contract, Instrument, find};
use crate::model::{Market, Pair, PairPattern, Zone};

/// Show the pairs that an exchange lists.
///
/// The exchange is asked, at the address of the configuration if it names one; no configuration file is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd pairs kraken '*/USD'", "dccd pairs binance --market perp --json"]))]
pub struct Args {
    /// The exchange.
    #[arg(add = ArgValueCompleter::new(complete::exchanges))]
    exchange: String,
    /// Only these pairs, such as '*/USDT' or 'BTC/*:perp'; spot unless a market follows. A market alone, such as ':perp', is
    /// all pairs on it, and ':*' those on any.
    #[arg(value_name = "PATTERN", value_parser = pattern)]
    pattern: Option<PairPattern>,
    /// Only this market: spot, perp, quarter or next_quarter.
    #[arg(long, value_parser = market, add = ArgValueCompleter::new(complete::markets))]
    market: Option<Market>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A pattern; a market alone means every pair on it.
fn pattern(text: &str) -> Result<PairPattern, String> {
    if text.starts_with(':') { format!("*/*{text}").parse() } else { text.parse() }
}

fn market(text: &str) -> Result<Market, String> {
    Market::of_name(text).ok_or_else(|| format!("use one of {}", Market::ALL.map(Market::name).join(", ")))
}

/// Requests the listing and prints it.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    if let Err(reason) = naming::exchange(&args.exchange) {
        return out.fail(Exit::Usage, reason);
    }
    let market = args.market.or(args.pattern.as_ref().and_then(PairPattern::market));
    let listed = match listing::request(&config, &args.exchange, market, &stop).await {
        Ok(listed) => listed,
        Err(why) => return out.fail(Exit::Failed, why),
    };
    let pattern = args.pattern.map(|pattern| pattern.on(market));
    let is_meant = |pair: &Pair| pattern.as_ref().is_none_or(|pattern| pattern.matches(pair));
    let shown: Vec<_> = listed.instruments.iter().filter(|(pair, _)| is_meant(pair)).collect();
    if listed.odd > 0 {
        out.note(format!("{} entries of the listing are not understood and left out", listed.odd));
    }
    if args.json {
        let name = find(&args.exchange).map_or("", |exchange| exchange.name());
        let lines: Vec<PairLine> = shown.iter().map(|(pair, own)| line(name, pair, own)).collect();
        return out.json(&lines);
    }
    if shown.is_empty() {
        out.line("No pairs.");
        return Exit::Done;
    }
    let mut table = Table::new(columns(&config));
    shown.iter().for_each(|(pair, own)| table.row(row(pair, own, &config.zone)));
    table.print(out);
    Exit::Done
}

fn line(exchange: &'static str, pair: &Pair, own: &Instrument) -> PairLine {
    let contract = own.contract.map(|contract| size(contract, pair));
    PairLine {
        exchange,
        pair: pair.to_string(),
        market: pair.market().name(),
        symbol: own.symbol.clone(),
        open: own.is_open,
        listed: own.listed.map(|at| at.to_string()),
        ends: own.ends.map(|at| at.to_string()),
        contract_size: contract.map(|(size, _)| size),
        contract_asset: contract.map(|(_, asset)| asset.to_owned()),
    }
}

/// The size of a contract, and the asset that it counts.
fn size(contract: Contract, pair: &Pair) -> (f64, &str) {
    match contract {
        Contract::Base(size) => (size.nearest(), pair.base()),
        Contract::Quote(size) => (size.nearest(), pair.quote()),
    }
}

fn columns(config: &Config) -> [Column; 7] {
    let zone = &config.zone_name;
    [
        Column::left("pair", 24),
        Column::left("market", 12),
        Column::left("symbol", 20),
        Column::left("traded", 6),
        Column::time("listed", 16, zone),
        Column::time("ends", 16, zone),
        Column::left("contract", 0),
    ]
}

fn row(pair: &Pair, own: &Instrument, zone: &Zone) -> [String; 7] {
    let time = |at: Option<_>| at.map_or_else(|| "-".to_owned(), |at| zone.minute(at));
    let contract = own.contract.map(|contract| size(contract, pair));
    [
        pair.to_string(),
        pair.market().name().to_owned(),
        own.symbol.clone(),
        if own.is_open { "yes" } else { "no" }.to_owned(),
        time(own.listed),
        time(own.ends),
        contract.map_or_else(|| "-".to_owned(), |(size, asset)| format!("{size} {asset}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_market_alone_is_every_pair_on_it() {
        let read = |text: &str| pattern(text).map(|pattern| pattern.to_string());

        assert_eq!(read(":*"), Ok("*/*:*".to_owned()));
        assert_eq!(read(":perp"), Ok("*/*:perp".to_owned()));
        assert_eq!(read("btc/*:quarter"), Ok("BTC/*:quarter".to_owned()));
        assert!(read(":futures").unwrap_err().contains("*/USDT"));
    }
}
