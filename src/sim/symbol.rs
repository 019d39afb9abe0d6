//! Symbols as in the knobs: both assets in capitals without a separator.

/// Splits a symbol at the quote asset it ends in.
pub(super) fn assets(symbol: &str) -> (&str, &str) {
    ["USDT", "USDC", "FDUSD", "EUR", "USD", "BTC", "ETH", "BNB"]
        .into_iter()
        .find_map(|quote| {
            symbol.strip_suffix(quote).filter(|base| !base.is_empty()).map(|base| (base, quote))
        })
        .unwrap_or((symbol, ""))
}
