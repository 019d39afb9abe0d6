//! A traded pair: base, quote and market.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which market a pair is traded on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Market {
    /// Spot.
    #[default]
    Spot,
    /// Perpetual contract.
    Perp,
    /// The contract that ends this quarter.
    Quarter,
    /// The contract that ends next quarter.
    NextQuarter,
}

impl Market {
    /// `_NEXT_QUARTER` ends in `_QUARTER`, so the longer suffix is tried first.
    const DERIVED: [Market; 3] = [Market::Perp, Market::NextQuarter, Market::Quarter];

    /// The suffix after the colon in `BTC/USDT:perp`; empty for spot.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Market::Spot => "",
            Market::Perp => "perp",
            Market::Quarter => "quarter",
            Market::NextQuarter => "next_quarter",
        }
    }
}

/// A pair such as `BTC/USDT` or `BTC/USDT:perp`; assets are upper case, XBT is written BTC.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    base: String,
    quote: String,
    market: Market,
}

impl Pair {
    /// The asset that is bought and sold.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The asset it is paid in.
    #[must_use]
    pub fn quote(&self) -> &str {
        &self.quote
    }

    /// The market it is traded on.
    #[must_use]
    pub fn market(&self) -> Market {
        self.market
    }

    /// The name in paths and series: `BTC-USDT`, `BTC-USDT_PERP`.
    #[must_use]
    pub fn slug(&self) -> String {
        let mut slug = format!("{}-{}", self.base, self.quote);
        if self.market != Market::Spot {
            slug.push('_');
            slug.push_str(&self.market.suffix().to_ascii_uppercase());
        }
        slug
    }

    /// Reads a slug back: `BTC-USDT_PERP`.
    ///
    /// # Errors
    /// When it is no slug of a pair.
    pub fn from_slug(slug: &str) -> Result<Self, PairError> {
        let (assets, market) = Market::DERIVED
            .into_iter()
            .find_map(|market| {
                let tail = format!("_{}", market.suffix().to_ascii_uppercase());
                slug.strip_suffix(&tail).map(|assets| (assets, market))
            })
            .unwrap_or((slug, Market::Spot));
        Pair::of(slug, assets, '-', market)
    }

    fn of(text: &str, assets: &str, separator: char, market: Market) -> Result<Self, PairError> {
        let unreadable = || PairError { text: text.to_owned() };
        let (base, quote) = assets.split_once(separator).ok_or_else(unreadable)?;
        Ok(Pair {
            base: asset(base).ok_or_else(unreadable)?,
            quote: asset(quote).ok_or_else(unreadable)?,
            market,
        })
    }
}

/// An asset's name as every room writes it. Only letters and digits: it becomes part of a path.
fn asset(text: &str) -> Option<String> {
    let fits = (1..=24).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let upper = text.to_ascii_uppercase();
    fits.then(|| if upper == "XBT" { "BTC".to_owned() } else { upper })
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.quote)?;
        if self.market != Market::Spot {
            write!(f, ":{}", self.market.suffix())?;
        }
        Ok(())
    }
}

impl FromStr for Pair {
    type Err = PairError;

    /// Reads `BTC/USDT` or `BTC-USDT`, with an optional `:spot`, `:perp`, `:quarter` or `:next_quarter`.
    fn from_str(text: &str) -> Result<Self, PairError> {
        let (assets, market) = match text.split_once(':') {
            None => (text, Market::Spot),
            Some((assets, "spot")) => (assets, Market::Spot),
            Some((assets, suffix)) => {
                let market = Market::DERIVED.into_iter().find(|market| market.suffix() == suffix);
                (assets, market.ok_or_else(|| PairError { text: text.to_owned() })?)
            }
        };
        let separator = if assets.contains('/') { '/' } else { '-' };
        Pair::of(text, assets, separator, market)
    }
}

/// Why a pair was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("pair `{text}` must be BASE/QUOTE, such as BTC/USDT or BTC/USDT:perp")]
pub struct PairError {
    /// What was given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_slug_come_back_to_the_same_pair() {
        for (text, slug) in [
            ("BTC/USDT", "BTC-USDT"),
            ("BTC/USDT:perp", "BTC-USDT_PERP"),
            ("ETH/USD:quarter", "ETH-USD_QUARTER"),
            ("ETH/USD:next_quarter", "ETH-USD_NEXT_QUARTER"),
        ] {
            let pair: Pair = text.parse().unwrap();
            assert_eq!((pair.to_string().as_str(), pair.slug().as_str()), (text, slug));
            assert_eq!(Pair::from_slug(slug).unwrap(), pair);
        }
    }

    #[test]
    fn xbt_is_written_btc_and_lower_case_is_raised() {
        assert_eq!("xbt-usd".parse::<Pair>().unwrap().to_string(), "BTC/USD");
        assert_eq!("xbt-usd:spot".parse::<Pair>().unwrap().to_string(), "BTC/USD");
    }

    #[test]
    fn nothing_that_could_leave_its_folder_is_a_pair() {
        for text in
            ["", "BTC", "BTC/", "/USDT", "../USDT", "BTC/US/DT", "BTC/USDT:swap", "B C/USDT", "BTC/\u{441}"]
        {
            assert!(text.parse::<Pair>().is_err(), "{text:?} was read as a pair");
        }
    }
}
