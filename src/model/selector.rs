//! Selects series by words from the command line: names, prefixes of names, or globs.
//!
//! A series has three names: its text `kraken/BTC-USDT/ohlc/1h`, the form in `status` `kraken/BTC/USDT` (followed
//! by `/ohlc/1h` where that is needed to tell series apart), and the folder of its files
//! `kraken/ohlc/BTC-USDT/1h`. A prefix must end at a path separator, so that `kraken/BTC-USD` never matches
//! `kraken/BTC-USDT`. In globs `*` and `?` match characters within one part, `**` any number of parts.

use thiserror::Error;

use crate::model::{Series, foreign};

/// The longest selector that may match, and as much of a longer one as errors show and compare, in bytes.
const LONGEST: usize = 400;
const SHOWN: usize = 100;

/// A selector that matches no series.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no series matches `{}`; {}", foreign(asked), self.advice())]
pub struct NoMatch {
    /// The selector.
    pub asked: String,
    /// The most similar name, cut to as many parts as the selector has; `None` if there are no series at all.
    pub nearest: Option<String>,
}

impl NoMatch {
    /// The error for a selector, with a suggestion from these series.
    #[must_use]
    pub fn among<'a>(asked: &str, known: impl IntoIterator<Item = &'a Series>) -> Self {
        let asked = &asked[..asked.floor_char_boundary(SHOWN)];
        NoMatch { asked: asked.to_owned(), nearest: nearest(asked, known) }
    }

    /// A suggestion, as the end of a sentence.
    #[must_use]
    pub(crate) fn advice(&self) -> String {
        match &self.nearest {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => "there is none yet".to_owned(),
        }
    }
}

/// Whether a selector matches a series.
#[must_use]
pub(crate) fn matches_selector(asked: &str, series: &Series) -> bool {
    matches_as(asked, series, false)
}

/// The same, with no difference between `btc` and `BTC` if wanted.
fn matches_as(asked: &str, series: &Series, ignores_case: bool) -> bool {
    // No name is that long.
    if asked.len() > LONGEST {
        return false;
    }
    let folded = if ignores_case { asked.to_ascii_lowercase() } else { asked.to_owned() };
    let asked: Vec<&str> = parts(&folded).collect();
    names(series).iter_mut().any(|name| {
        if ignores_case {
            name.parts.iter_mut().for_each(|part| part.make_ascii_lowercase());
        }
        name.is_of(&asked)
    })
}

/// The series that match any of the selectors, in their order; all if there are none. A selector that matches none as it is
/// written is tried once more without regard to case.
///
/// # Errors
/// The first selector without a match.
pub fn select<'a>(
    asked: &[String],
    known: impl IntoIterator<Item = &'a Series>,
) -> Result<Vec<&'a Series>, NoMatch> {
    let known: Vec<&Series> = known.into_iter().collect();
    if asked.is_empty() {
        return Ok(known);
    }
    let mut is_meant = vec![false; known.len()];
    for asked in asked {
        let mut mark = |ignores_case| {
            let mut is_any = false;
            for (series, is_meant) in known.iter().zip(&mut is_meant) {
                if matches_as(asked, series, ignores_case) {
                    (is_any, *is_meant) = (true, true);
                }
            }
            is_any
        };
        if !mark(false) && !mark(true) {
            return Err(NoMatch::among(asked, known));
        }
    }
    Ok(known.into_iter().zip(is_meant).filter_map(|(series, is_meant)| is_meant.then_some(series)).collect())
}

/// A name of a series, in parts.
struct Name {
    parts: Vec<String>,
    /// Selectors with fewer parts than this do not match.
    least: usize,
}

/// The names of a series: its text, its form in `status`, and its folder.
fn names(series: &Series) -> [Name; 3] {
    let pair = series.pair().to_string();
    let (base, quote) = pair.split_once('/').unwrap_or((&pair, ""));
    let (slug, kind) = (series.pair().slug(), series.kind().name());
    let span = series.span().map(|span| span.label());
    let of = |parts: &[&str], least| {
        let parts = parts.iter().copied().chain(span.as_deref());
        Name { parts: parts.map(str::to_owned).collect(), least }
    };
    let exchange = series.exchange();
    // The base of a pair alone is not a prefix: it would match other pairs too.
    [of(&[exchange, &slug, kind], 1), of(&[exchange, base, quote, kind], 3), of(&[exchange, kind, &slug], 1)]
}

impl Name {
    fn is_of(&self, asked: &[&str]) -> bool {
        let is_whole = asked.contains(&"**") || asked.len() >= self.least;
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        is_whole && !asked.is_empty() && begins(asked, &parts)
    }

    /// The first parts of the name.
    fn head(&self, parts: usize) -> String {
        self.parts[..self.parts.len().min(parts.max(self.least))].join("/")
    }
}

fn parts(asked: &str) -> impl Iterator<Item = &str> {
    asked.trim_end_matches('/').split('/')
}

/// Whether the parts begin with the pattern, in as many steps as both have parts.
fn begins(pattern: &[&str], parts: &[&str]) -> bool {
    // Whether the pattern so far stands for so many parts.
    let mut reached = vec![false; parts.len() + 1];
    reached[0] = true;
    for own in pattern {
        if *own == "**" {
            let mut is_behind = false;
            reached.iter_mut().for_each(|reached| {
                is_behind |= *reached;
                *reached = is_behind;
            });
            continue;
        }
        for place in (0..parts.len()).rev() {
            reached[place + 1] = reached[place] && is_like(own, parts[place]);
        }
        reached[0] = false;
    }
    reached.contains(&true)
}

/// Whether a part matches a glob.
pub(super) fn is_like(glob: &str, part: &str) -> bool {
    let (glob, part): (Vec<char>, Vec<char>) = (glob.chars().collect(), part.chars().collect());
    let (mut at, mut read) = (0, 0);
    // The position of the last `*`, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    while read < part.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(c) if *c == '?' || *c == part[read] => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((place, reach)) = star else { return false };
                star = Some((place, reach + 1));
                (at, read) = (place + 1, reach + 1);
            }
        }
    }
    glob[at..].iter().all(|c| *c == '*')
}

/// The name most similar to a selector, cut to as many parts.
fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a Series>) -> Option<String> {
    let asked = asked.trim_end_matches('/');
    let count = parts(asked).count();
    let heads = known.into_iter().flat_map(|series| names(series).map(|name| name.head(count)));
    let likeness =
        |name: &String| strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &asked.to_lowercase());
    // The first of several that are equally similar.
    heads
        .fold(None, |best: Option<(f64, String)>, name| {
            let like = likeness(&name);
            if best.as_ref().is_none_or(|(most, _)| like > *most) { Some((like, name)) } else { best }
        })
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str) -> Series {
        text.parse().unwrap()
    }

    #[test]
    fn a_series_is_meant_by_each_of_its_names_their_prefixes_and_globs() {
        let hourly = series("binance/BTC-USDT/ohlc/1h");
        for asked in [
            "binance",
            "binance/",
            "binance/BTC-USDT",
            "binance/BTC-USDT/ohlc",
            "binance/BTC-USDT/ohlc/1h",
            "binance/BTC/USDT",
            "binance/BTC/USDT/ohlc/1h",
            "binance/ohlc",
            "binance/ohlc/BTC-USDT/1h",
            "*",
            "*/BTC-USDT/ohlc/1h",
            "bin*/*/ohlc",
            "binance/BTC-*",
            "binance/B?C/USDT",
            "**/1h",
            "binance/**/1h",
        ] {
            assert!(matches_selector(asked, &hourly), "{asked}");
        }
        for asked in [
            "",
            "/",
            "bin",
            "binance/BTC",
            "binance/BTC-USD",
            "binance/BTC-USDT/ohlc/1",
            "kraken",
            "binance/BTC-USDT/ohlc/1h/x",
            "*/1h",
            "*BTC*",
            "binance/btc-usdt",
        ] {
            assert!(!matches_selector(asked, &hourly), "{asked}");
        }
        let perpetual = series("binance/BTC-USDT_PERP/funding");
        assert!(matches_selector("binance/BTC/USDT:perp", &perpetual));
        assert!(!matches_selector("binance/BTC/USDT", &perpetual));
    }

    #[test]
    fn a_word_that_stands_for_nothing_is_an_error_that_names_the_nearest() {
        let known =
            ["binance/BTC-USDT/ohlc/1h", "kraken/BTC-USD/trades", "kraken/ETH-USD/ohlc/1d"].map(series);
        let nearest = |asked: &str| select(&[asked.to_owned()], &known).unwrap_err().nearest.unwrap();

        assert_eq!(nearest("krakn"), "kraken");
        assert_eq!(nearest("binance/BTC-USD"), "binance/BTC-USDT");
        assert_eq!(nearest("kraken/ETH/USDT"), "kraken/ETH/USD");
        assert_eq!(nearest("kraken/ETHUSD/ohlc/1d"), "kraken/ETH-USD/ohlc/1d");
        assert_eq!(
            select(&["a\u{1b}[2J".to_owned()], []).unwrap_err().to_string(),
            "no series matches `a\\u{1b}[2J`; there is none yet"
        );
    }

    #[test]
    fn a_word_in_another_case_is_meant_where_nothing_is_written_like_that() {
        let known = ["okx/BTC-USDT/ohlc/1m", "okx/BTC-USDT/ohlc/1h", "okx/ETH-USDT/ohlc/1h"].map(series);
        let select = |asked: &str| select(&[asked.to_owned()], &known).unwrap();

        assert_eq!(select("okx/btc-usdt"), [&known[0], &known[1]]);
        assert_eq!(select("OKX/eth/usdt/OHLC/1h"), [&known[2]]);
    }

    #[test]
    fn several_words_mean_what_any_of_them_stands_for_and_each_must_stand_for_something() {
        let known = ["binance/BTC-USDT/ohlc/1h", "kraken/BTC-USD/trades", "okx/BTC-USDT/trades"].map(series);
        let asked = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();

        assert_eq!(select(&[], &known).unwrap().len(), 3);
        assert_eq!(select(&asked(&["okx", "binance/BTC/USDT"]), &known).unwrap(), [&known[0], &known[2]]);
        assert!(select(&asked(&["okx", "bybit"]), &known).is_err());
    }

    #[test]
    fn a_selector_of_any_length_and_any_number_of_stars_is_answered_at_once() {
        let known = [series("binance/BTC-USDT/ohlc/1h")];
        for asked in [format!("{}zz", "**/".repeat(120)), "**/".repeat(40_000), "a".repeat(100_000)] {
            let error = select(&[asked], &known).unwrap_err();
            assert!(error.asked.len() <= SHOWN && error.nearest.is_some());
        }
        assert!(matches_selector(&format!("{}1h", "**/".repeat(120)), &known[0]));
        assert!(
            matches_selector("**/BTC-USDT/**/1h", &known[0]) && !matches_selector("**/ohlc/ohlc", &known[0])
        );
    }

    #[test]
    fn a_glob_of_many_stars_takes_no_longer_than_its_length_times_the_names() {
        assert!(!is_like(&"*a".repeat(200), &"a".repeat(199)));
        assert!(is_like(&"*a".repeat(200), &"a".repeat(400)));
    }
}
