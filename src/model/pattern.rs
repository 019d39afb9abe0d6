//! Pairs by wildcard: `*/USDT`, `BTC/*:perp`.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

use super::pair::{Market, Pair, is_of_a_name};
use super::selector::is_like;

/// A glob over base and quote, on one market or, with `:*`, on any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairPattern {
    base: String,
    quote: String,
    market: Option<Market>,
}

impl PairPattern {
    /// Whether a text is a pattern and no pair.
    #[must_use]
    pub fn is_pattern(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    /// Whether it stands for a pair; the case of letters does not matter.
    #[must_use]
    pub fn matches(&self, pair: &Pair) -> bool {
        self.market.is_none_or(|market| market == pair.market())
            && is_like(&lowered(&self.base), &lowered(pair.base()))
            && is_like(&lowered(&self.quote), &lowered(pair.quote()))
    }

    /// The market; `None` for any.
    #[must_use]
    pub fn market(&self) -> Option<Market> {
        self.market
    }

    /// The same on another market.
    #[must_use]
    pub fn on(self, market: Option<Market>) -> Self {
        PairPattern { market, ..self }
    }

    /// The same with assets that `known` has in place of those that it has not, each the most alike.
    #[must_use]
    pub fn nearest(&self, known: &[&Pair]) -> Self {
        let near = |own: &str, name: fn(&Pair) -> &str| {
            let names = known.iter().map(|pair| raised(name(pair)));
            let likeness = |other: &String| strsim::jaro_winkler(&lowered(own), &lowered(other));
            if PairPattern::is_pattern(own) {
                return own.to_owned();
            }
            names.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_else(|| own.to_owned())
        };
        PairPattern {
            base: near(&self.base, Pair::base),
            quote: near(&self.quote, Pair::quote),
            ..self.clone()
        }
    }
}

impl FromStr for PairPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no pattern of pairs; write one such as */USDT or BTC/*:perp");
        let (assets, market) = match text.split_once(':') {
            None => (text, Some(Market::Spot)),
            Some((assets, "*")) => (assets, None),
            Some((assets, name)) => (assets, Some(Market::of_name(name).ok_or_else(refused)?)),
        };
        let (base, quote) = assets.split_once(['/', '-']).ok_or_else(refused)?;
        let [base, quote] = [base, quote].map(raised);
        if [&base, &quote].iter().any(|name| name.is_empty() || !name.chars().all(is_of_a_pattern)) {
            return Err(refused());
        }
        Ok(PairPattern { base, quote, market })
    }
}

impl fmt::Display for PairPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.quote)?;
        match self.market {
            None => write!(f, ":*"),
            Some(Market::Spot) => Ok(()),
            Some(market) => write!(f, ":{}", market.suffix()),
        }
    }
}

/// In capitals as assets mostly are, composed (NFC) however it was typed.
fn raised(name: &str) -> String {
    name.to_ascii_uppercase().nfc().collect()
}

/// Letter by letter, so that a part of a name is the same as in the whole.
fn lowered(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

fn is_of_a_pattern(letter: char) -> bool {
    matches!(letter, '*' | '?') || is_of_a_name(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PairPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_stands_for_pairs_of_its_market_which_is_spot_where_none_is_named() {
        let pairs = ["BTC/USDT", "ETH/USDT", "BTC/USD", "BTC/USDT:perp", "kPEPE/USDT:perp"];
        let pairs = pairs.map(|text| text.parse::<Pair>().unwrap());
        let matched = |text: &str| -> Vec<String> {
            pairs.iter().filter(|pair| pattern(text).matches(pair)).map(ToString::to_string).collect()
        };

        assert_eq!(matched("*/USDT"), ["BTC/USDT", "ETH/USDT"]);
        assert_eq!(matched("btc/usd?"), ["BTC/USDT"]);
        assert_eq!(matched("*/USDT:perp"), ["BTC/USDT:perp", "kPEPE/USDT:perp"]);
        assert_eq!(matched("BTC-*:*"), ["BTC/USDT", "BTC/USD", "BTC/USDT:perp"]);
        assert_eq!(matched("*/EUR"), [""; 0]);
    }

    #[test]
    fn what_is_no_pattern_is_refused_and_what_is_one_is_written_as_it_is_read() {
        for text in ["*", "*/", "/USDT", "*/USDT:perpetual", "*/A/B", "*/\u{7f}", "*/A B", "*/\u{202e}A"] {
            assert!(text.parse::<PairPattern>().unwrap_err().contains("*/USDT"), "{text}");
        }
        for text in ["*/USDT", "BTC/*:perp", "*/*:*", "?TC/USDT:next_quarter", "ϖ*/USDT"] {
            assert_eq!(pattern(text).to_string(), text);
        }
        let known: Pair = "ÉTÉ/USDT".parse().unwrap();
        for text in ["été/*", "E\u{301}T*/usdt", "?T?/*"] {
            assert!(pattern(text).matches(&known), "{text}");
        }
    }

    #[test]
    fn the_nearest_has_assets_that_are_known() {
        let known: Vec<Pair> = ["BTC/USDT", "ETH/EUR"].iter().map(|text| text.parse().unwrap()).collect();
        let known: Vec<&Pair> = known.iter().collect();
        assert_eq!(pattern("*/USTD").nearest(&known).to_string(), "*/USDT");
        assert_eq!(pattern("ETC/*:perp").nearest(&known).to_string(), "ETH/*:perp");
    }
}
