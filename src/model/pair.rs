//! A traded pair: base, quote and market.
//!
//! A name becomes a folder, a label and part of an address, so it has only letters and digits, of any script. The
//! exchange's own case is kept: if it lists `kPEPE`, that is the name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The longest asset name in characters: two of them and a market fit into a folder name.
const MOST_CHARS: usize = 24;

/// The market a pair is traded on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Market {
    /// Spot.
    #[default]
    Spot,
    /// Perpetual contract.
    Perp,
    /// The contract that expires this quarter.
    Quarter,
    /// The contract that expires next quarter.
    NextQuarter,
}

impl Market {
    /// Every market.
    pub const ALL: [Market; 4] = [Market::Spot, Market::Perp, Market::Quarter, Market::NextQuarter];

    /// `_NEXT_QUARTER` ends in `_QUARTER`, so the longer suffix is tried first.
    const DERIVED: [Market; 3] = [Market::Perp, Market::NextQuarter, Market::Quarter];

    /// The suffix after the colon in `BTC/USDT:perp`; empty for spot.
    #[must_use]
    #[doc(hidden)]
    pub fn suffix(self) -> &'static str {
        match self {
            Market::Spot => "",
            Market::Perp => "perp",
            Market::Quarter => "quarter",
            Market::NextQuarter => "next_quarter",
        }
    }

    /// The suffix, or `spot`.
    #[must_use]
    pub fn name(self) -> &'static str {
        if self == Market::Spot { "spot" } else { self.suffix() }
    }

    /// The market of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Market::ALL.into_iter().find(|market| market.name() == name)
    }
}

/// A pair such as `BTC/USDT`, `kPEPE/USD` or `BTC/USDT:perp`; XBT is written BTC.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    base: String,
    quote: String,
    market: Market,
}

impl Pair {
    /// A pair of assets as an exchange lists them, in its own case.
    ///
    /// # Errors
    /// If a name cannot be a folder name.
    #[doc(hidden)]
    pub fn listed(base: &str, quote: &str, market: Market) -> Result<Self, PairError> {
        let unreadable = || PairError { text: format!("{base}/{quote}") };
        Ok(Pair {
            base: asset(base).ok_or_else(unreadable)?,
            quote: asset(quote).ok_or_else(unreadable)?,
            market,
        })
    }

    /// The traded asset.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The asset that prices are quoted in.
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
    #[doc(hidden)]
    pub fn slug(&self) -> String {
        let mut slug = String::with_capacity(self.base.len() + self.quote.len() + 16);
        // Memory takes whatever is written.
        let _ = self.write_slug(&mut slug);
        slug
    }

    pub(super) fn write_slug(&self, to: &mut impl fmt::Write) -> fmt::Result {
        to.write_str(&self.base)?;
        to.write_str("-")?;
        to.write_str(&self.quote)?;
        if self.market == Market::Spot {
            return Ok(());
        }
        to.write_str("_")?;
        self.market.suffix().chars().try_for_each(|letter| to.write_char(letter.to_ascii_uppercase()))
    }

    /// Parses a slug: `BTC-USDT_PERP`.
    ///
    /// # Errors
    /// If it is not the slug of a pair.
    pub(crate) fn from_slug(slug: &str) -> Result<Self, PairError> {
        let (assets, market) = Market::DERIVED
            .into_iter()
            .find_map(|market| {
                let tail = format!("_{}", market.suffix().to_ascii_uppercase());
                slug.strip_suffix(&tail).map(|assets| (assets, market))
            })
            .unwrap_or((slug, Market::Spot));
        Pair::of(slug, assets, '-', market)
    }

    /// The same pair in upper case, as most exchanges list theirs; `None` if it already is.
    #[must_use]
    #[doc(hidden)]
    pub fn raised(&self) -> Option<Self> {
        let [base, quote] = [&self.base, &self.quote].map(|name| name.to_ascii_uppercase());
        let raised = Pair { base, quote, market: self.market };
        (raised != *self).then_some(raised)
    }

    /// Whether the pairs are equal, ignoring case.
    #[must_use]
    pub(crate) fn is_spelt_like(&self, other: &Pair) -> bool {
        let alike = |a: &str, b: &str| a == b || a.to_lowercase() == b.to_lowercase();
        self.market == other.market && alike(&self.base, &other.base) && alike(&self.quote, &other.quote)
    }

    /// Names without any capital are converted to upper case; others are kept as written.
    fn of(text: &str, assets: &str, separator: char, market: Market) -> Result<Self, PairError> {
        let unreadable = || PairError { text: text.to_owned() };
        let (base, quote) = assets.split_once(separator).ok_or_else(unreadable)?;
        let pair = Pair::listed(base, quote, market).map_err(|_| unreadable())?;
        let is_low = !assets.chars().any(char::is_uppercase);
        Ok(if is_low { pair.raised().unwrap_or(pair) } else { pair })
    }
}

/// Normalizes an asset's name: letters and digits, with dots in between, composed (NFC) however they were typed.
/// Path and slug separators, invisible characters and direction overrides are rejected.
fn asset(text: &str) -> Option<String> {
    // Longer than any valid name can be before normalization.
    if text.len() > 16 * MOST_CHARS {
        return None;
    }
    let name: String = text.nfc().collect();
    let fits = (1..=MOST_CHARS).contains(&name.chars().count())
        && name.chars().next().is_some_and(char::is_alphanumeric)
        && !name.ends_with('.')
        && !name.contains("..")
        && name.chars().all(is_of_a_name);
    fits.then(|| if name.eq_ignore_ascii_case("XBT") { "BTC".to_owned() } else { name })
}

pub(super) fn is_of_a_name(letter: char) -> bool {
    // Classified as letters or marks, but invisible: Hangul fillers, joiners, variation selectors.
    let is_unseen = matches!(
        letter,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}'
    );
    let is_seen = letter.is_alphanumeric() || (!letter.is_ascii() && is_combining_mark(letter));
    letter == '.' || (is_seen && !is_unseen)
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

    /// Parses `BTC/USDT` or `BTC-USDT`, with an optional `:spot`, `:perp`, `:quarter` or `:next_quarter`.
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
#[error(
    "pair `{text}` must be BASE/QUOTE, such as BTC/USDT or BTC/USDT:perp, in letters and digits, at most {MOST_CHARS} each"
)]
pub struct PairError {
    /// The text given.
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
    fn xbt_is_written_btc_and_what_has_no_capital_is_raised() {
        assert_eq!("xbt-usd".parse::<Pair>().unwrap().to_string(), "BTC/USD");
        assert_eq!("xbt-usd:spot".parse::<Pair>().unwrap().to_string(), "BTC/USD");
        assert_eq!("1inch/usdt:perp".parse::<Pair>().unwrap().to_string(), "1INCH/USDT:perp");
        assert_eq!("Xbt/USD".parse::<Pair>().unwrap().to_string(), "BTC/USD");
    }

    #[test]
    fn a_name_of_an_exchanges_own_case_or_script_stays_as_it_is() {
        for (text, slug) in [
            ("kPEPE/USD:perp", "kPEPE-USD_PERP"),
            ("luna/USD", "luna-USD"),
            ("币安人生/USDT", "币安人生-USDT"),
            ("ÉTÉ/USDT", "ÉTÉ-USDT"),
            ("ไม้/USDT", "ไม้-USDT"),
            ("ETH2.S/ETH", "ETH2.S-ETH"),
        ] {
            let pair: Pair = text.parse().unwrap();
            assert_eq!((pair.to_string().as_str(), pair.slug().as_str()), (text, slug));
            assert_eq!(Pair::from_slug(slug), Ok(pair));
        }
        assert_eq!("币安人生/usdt".parse::<Pair>().unwrap().to_string(), "币安人生/USDT");
        assert_eq!(Pair::listed("luna", "usd", Market::Spot).unwrap().to_string(), "luna/usd");
    }

    #[test]
    fn a_name_is_the_same_however_its_letters_are_composed() {
        let composed: Pair = "\u{c9}T\u{c9}/USDT".parse().unwrap();
        assert_eq!("E\u{301}TE\u{301}/USDT".parse(), Ok(composed.clone()));
        assert_eq!(Pair::from_slug("E\u{301}TE\u{301}-USDT"), Ok(composed));
    }

    #[test]
    fn pairs_are_spelt_alike_whatever_their_case() {
        let pair = |text: &str| text.parse::<Pair>().unwrap();
        assert!(pair("KPEPE/USD").is_spelt_like(&pair("kPEPE/USD")));
        assert!(pair("éTÉ/USD").is_spelt_like(&pair("ÉTÉ/USD")));
        assert!(!pair("KPEPE/USD").is_spelt_like(&pair("KPEPE/USD:perp")));
        assert!(!pair("KPEPE/USD").is_spelt_like(&pair("PEPE/USD")));
        assert_eq!(pair("kPEPE/USD").raised(), Some(pair("KPEPE/USD")));
        assert_eq!(pair("KPEPE/USD").raised(), None);
    }

    #[test]
    fn nothing_that_could_leave_its_folder_or_mislead_an_eye_is_a_pair() {
        for text in ["", "BTC", "BTC/", "/USDT", "BTC/US/DT", "BTC/USDT:swap", "B-T-C", "BTC/USDT/"] {
            assert!(text.parse::<Pair>().is_err(), "{text:?} was read as a pair");
        }
        let odd = [
            "..",
            ".",
            ".BTC",
            "BTC.",
            "B..C",
            "B C",
            "B\0C",
            "B\\C",
            "B/C",
            "B_C",
            "B-C",
            "B:C",
            "B*C",
            "B?C",
            "B%C",
            "B\nC",
            "B\u{7f}C",
            "B\u{85}C",
            "B\u{a0}C",
            "B\u{ad}C",
            "B\u{200b}C",
            "B\u{200d}C",
            "B\u{202e}C",
            "B\u{2066}C",
            "B\u{feff}C",
            "B\u{fe0f}C",
            "B\u{ff0f}C",
            "B\u{2044}C",
            "B\u{3164}C",
            "\u{301}B",
            "B\u{1f680}",
            "B\u{e0041}C",
            "B\u{e000}C",
            "B$C",
            "B+C",
            "B'C",
            "B\"C",
            "~B",
        ];
        for name in odd.iter().map(|name| (*name).to_owned()).chain(["B".repeat(25), "E\u{301}".repeat(400)])
        {
            assert!(format!("{name}/USDT").parse::<Pair>().is_err(), "{name:?} was read as an asset");
            assert!(Pair::from_slug(&format!("{name}-USDT")).is_err(), "{name:?} was read as a folder's");
            assert!(Pair::listed("USDT", &name, Market::Spot).is_err(), "{name:?} was taken from a listing");
        }
        assert!(format!("{}/{}", "币".repeat(24), "B".repeat(24)).parse::<Pair>().is_ok());
    }
}
