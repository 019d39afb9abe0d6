//! When a fault strikes: rules decided by a seeded draw on a request counter, so that a run can be repeated.

use std::str::FromStr;

use thiserror::Error;

use super::fault::{Endpoint, Fault};
use super::hash::draw;

/// How often a rule strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// This many requests in a million, drawn.
    PerMillion(u32),
    /// Each request whose number, from 1, divides by this.
    EveryNth(u64),
    /// The request of this number, from 1, and no other.
    Nth(u64),
}

impl Rate {
    /// A share of them, from 0.0 to 1.0.
    #[must_use]
    pub fn share(share: f64) -> Self {
        Rate::PerMillion((share.clamp(0.0, 1.0) * 1e6).round() as u32)
    }

    /// Whether the one of a number, from 1, is struck under a seed.
    pub(super) fn strikes(self, seed: u64, number: u64) -> bool {
        match self {
            Rate::EveryNth(nth) => nth > 0 && number.is_multiple_of(nth),
            Rate::Nth(only) => number == only,
            Rate::PerMillion(share) => draw(seed, number) % 1_000_000 < u64::from(share),
        }
    }

    /// Reads `2%`, `0.02`, `1/50` or `#3`.
    pub(super) fn parse(text: &str) -> Option<Rate> {
        if let Some(nth) = text.strip_prefix("1/") {
            return nth.parse().ok().filter(|nth| *nth > 0).map(Rate::EveryNth);
        }
        if let Some(number) = text.strip_prefix('#') {
            return number.parse().ok().filter(|number| *number > 0).map(Rate::Nth);
        }
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().ok()? / 100.0,
            None => text.parse().ok()?,
        };
        (0.0..=1.0).contains(&share).then(|| Rate::share(share))
    }
}

/// A fault and when it strikes; written `FAULT[@ENDPOINT]=RATE`, such as `500=2%`, `short@ohlc=1/7` or `empty@trades=#3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The fault.
    pub fault: Fault,
    /// Where alone it does; everywhere when none.
    pub endpoint: Option<Endpoint>,
    /// How often.
    pub rate: Rate,
}

impl Rule {
    /// A fault at every request.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Rule::every(fault, 1)
    }

    /// A fault at each `nth` request.
    #[must_use]
    pub fn every(fault: Fault, nth: u64) -> Self {
        Rule { fault, endpoint: None, rate: Rate::EveryNth(nth) }
    }

    /// A fault at the request of a number, counted from 1, and at no other.
    #[must_use]
    pub fn nth(fault: Fault, number: u64) -> Self {
        Rule { fault, endpoint: None, rate: Rate::Nth(number) }
    }

    /// A fault at a share of the requests, from 0.0 to 1.0.
    #[must_use]
    pub fn share(fault: Fault, share: f64) -> Self {
        Rule { fault, endpoint: None, rate: Rate::share(share) }
    }

    /// The same rule at one endpoint alone.
    #[must_use]
    pub fn at(self, endpoint: Endpoint) -> Self {
        Rule { endpoint: Some(endpoint), ..self }
    }
}

/// Where a request stands: its number among all, and among those of its endpoint, both from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) endpoint: Endpoint,
    pub(super) among_all: u64,
    pub(super) at_endpoint: u64,
}

/// The fault that strikes a request: that of the first rule that applies.
pub(super) fn strike(rules: &[Rule], seed: u64, turn: Turn) -> Option<Fault> {
    let strikes = |&(place, rule): &(usize, &Rule)| {
        let number = match rule.endpoint {
            None => turn.among_all,
            Some(endpoint) if endpoint == turn.endpoint => turn.at_endpoint,
            Some(_) => return false,
        };
        rule.rate.strikes(seed ^ ((place as u64) << 56), number)
    };
    rules.iter().enumerate().find(strikes).map(|(_, rule)| rule.fault)
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let unreadable = || RuleError { text: text.to_owned() };
        let (what, rate) = text.split_once('=').ok_or_else(unreadable)?;
        let (fault, endpoint) = match what.split_once('@') {
            None => (what, None),
            Some((fault, name)) => {
                let known = Endpoint::ALL.into_iter().find(|endpoint| endpoint.name() == name);
                (fault, Some(known.ok_or_else(unreadable)?))
            }
        };
        let (fault, _) = Fault::ALL.into_iter().find(|(_, name)| *name == fault).ok_or_else(unreadable)?;
        Ok(Rule { fault, endpoint, rate: Rate::parse(rate).ok_or_else(unreadable)? })
    }
}

/// Why a rule was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{text}` is no fault; write FAULT=RATE or FAULT@ENDPOINT=RATE, such as 500=2%, reset=1/50, short@ohlc=5% or empty@trades=#3; faults are {}; endpoints are {}",
    faults(),
    endpoints()
)]
pub struct RuleError {
    /// The value given.
    pub text: String,
}

fn faults() -> String {
    Fault::ALL.map(|(_, name)| name).join(", ")
}

fn endpoints() -> String {
    Endpoint::ALL.map(Endpoint::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(rules: &[Rule], seed: u64, requests: u64) -> Vec<Option<Fault>> {
        let turn = |number| Turn { endpoint: Endpoint::Ohlc, among_all: number, at_endpoint: number };
        (1..=requests).map(|number| strike(rules, seed, turn(number))).collect()
    }

    #[test]
    fn a_rule_is_read_as_it_is_documented() {
        let read = |text: &str| text.parse::<Rule>();
        assert_eq!(read("500=2%"), Ok(Rule::share(Fault::Status500, 0.02)));
        assert_eq!(read("short@ohlc=1/7"), Ok(Rule::every(Fault::Short, 7).at(Endpoint::Ohlc)));
        assert_eq!(read("huge=0.5"), Ok(Rule::share(Fault::Huge, 0.5)));
        assert_eq!(read("empty@trades=#3"), Ok(Rule::nth(Fault::Empty, 3).at(Endpoint::Trades)));
        for wrong in ["500", "teapot=1%", "500@moon=1%", "500=101%", "500=1/0", "500=#0", "500=often"] {
            assert!(read(wrong).unwrap_err().to_string().contains(wrong));
        }
    }

    #[test]
    fn a_share_of_requests_is_struck_and_the_same_ones_each_time() {
        let rules = [Rule::share(Fault::Status500, 0.1)];
        let hits = struck(&rules, 1, 10_000).iter().flatten().count();
        assert!((850..1_150).contains(&hits), "{hits} of 10000");
        assert_eq!(struck(&rules, 1, 500), struck(&rules, 1, 500));
        assert_ne!(struck(&rules, 1, 500), struck(&rules, 2, 500));
    }

    #[test]
    fn every_nth_request_is_struck_and_the_first_rule_wins() {
        let rules = [Rule::every(Fault::Reset, 4), Rule::every(Fault::Html, 2)];
        let (html, reset) = (Some(Fault::Html), Some(Fault::Reset));
        assert_eq!(struck(&rules, 0, 8), [None, html, None, reset, None, html, None, reset]);
    }

    #[test]
    fn a_numbered_request_alone_is_struck() {
        let rules = [Rule::nth(Fault::Empty, 3)];
        assert_eq!(struck(&rules, 0, 6), [None, None, Some(Fault::Empty), None, None, None]);
    }

    #[test]
    fn a_rule_of_one_endpoint_leaves_the_others_alone() {
        let rules = [Rule::always(Fault::Empty).at(Endpoint::Trades)];
        assert_eq!(struck(&rules, 0, 3), [None; 3]);
    }
}
