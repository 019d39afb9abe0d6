//! Symbols as the knobs write them: both assets in capitals, nothing between.

/// A symbol taken apart at a quote asset it ends in.
pub(super) fn assets(symbol: &str) -> (&str, &str) {
    ["USDT", "USDC", "FDUSD", "EUR", "USD", "BTC", "ETH", "BNB"]
        .into_iter()
        .find_map(|quote| {
            symbol.strip_suffix(quote).filter(|base| !base.is_empty()).map(|base| (base, quote))
        })
        .unwrap_or((symbol, ""))
}
