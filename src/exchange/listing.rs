//! What an exchange lists: its instruments, what they are made of, and the limits it announces.

use crate::exchange::quarter;
use crate::exchange::{ParseError, Quota, Refusal, RefusalKind};
use crate::model::{Micros, Pair, Window};

/// What an exchange says of its markets and its limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// What is listed, also what is not traded at the moment.
    pub instruments: Vec<Instrument>,
    /// The request budgets it announces: which of its [`quotas`](crate::exchange::Exchange::quotas), and what.
    pub quotas: Vec<(usize, Quota)>,
}

/// One listed market.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// The exchange's own name.
    pub symbol: String,
    /// The pair it is, where it is one we have a name for: the dated contract that is the nearest quarter
    /// today is `BTC/USDT:quarter` today.
    pub pair: Option<Pair>,
    /// Whether it is traded now.
    pub is_open: bool,
    /// Since when it is listed, where the exchange says it.
    pub listed: Option<Micros>,
    /// When the contract ends and another takes its name.
    pub ends: Option<Micros>,
    /// What one contract is, where amounts are counted in contracts.
    pub contract: Option<Contract>,
}

/// What one contract is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contract {
    /// So much of the base asset.
    Base(f64),
    /// So much of the quote asset: the base amount depends on the price.
    Quote(f64),
}

impl Contract {
    /// The amount of the base asset in so many contracts at a price.
    #[must_use]
    pub fn base_amount(self, contracts: f64, price: f64) -> f64 {
        match self {
            Contract::Base(size) => contracts * size,
            Contract::Quote(size) => contracts * size / price,
        }
    }
}

impl Instrument {
    /// An instrument of which nothing is known but its name.
    #[must_use]
    pub fn named(symbol: String) -> Self {
        Instrument { symbol, pair: None, is_open: true, listed: None, ends: None, contract: None }
    }

    /// When a dated contract has the name of its pair: before it another one had it, and after it another one has.
    #[must_use]
    pub fn tenure(&self) -> Option<Window> {
        quarter::tenure(self.pair.as_ref()?.market(), self.ends?)
    }

    /// The base amount of a row that counts contracts.
    ///
    /// # Errors
    /// When the listing did not say what a contract is, or the amount is no number.
    pub fn base_amount(&self, row: usize, contracts: f64, price: f64) -> Result<f64, ParseError> {
        let contract = self.contract.map(|contract| contract.base_amount(contracts, price));
        contract.filter(|amount| amount.is_finite()).ok_or_else(|| self.sizeless(row))
    }

    /// The quote amount of so many contracts of a fixed size in it.
    ///
    /// # Errors
    /// When the listing did not say that size.
    pub fn quote_amount(&self, row: usize, contracts: f64) -> Result<f64, ParseError> {
        match self.contract {
            Some(Contract::Quote(size)) if (contracts * size).is_finite() => Ok(contracts * size),
            _ => Err(self.sizeless(row)),
        }
    }

    fn sizeless(&self, row: usize) -> ParseError {
        let reason = format!("the listing of {} does not say what a contract is", self.symbol);
        ParseError::Impossible { row, reason }
    }
}

impl Listing {
    /// The instrument that a pair is.
    ///
    /// # Errors
    /// [`RefusalKind::UnknownSymbol`] when none is.
    pub fn find(&self, pair: &Pair) -> Result<&Instrument, ParseError> {
        let own = |instrument: &&Instrument| instrument.pair.as_ref() == Some(pair);
        let mut found = self.instruments.iter().filter(own);
        // Of several with one name, the one that is traded.
        let open = self.instruments.iter().filter(own).find(|instrument| instrument.is_open);
        open.or_else(|| found.next()).ok_or_else(|| {
            ParseError::Refused(Refusal {
                kind: RefusalKind::UnknownSymbol,
                code: "unlisted".to_owned(),
                message: format!("{pair} is not listed"),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_become_base_amounts_by_their_size_and_inverse_ones_by_the_price_too() {
        let mut swap = Instrument::named("BTC-USDT-SWAP".to_owned());
        assert!(swap.base_amount(3, 7.0, 50_000.0).is_err(), "its size is not known");
        swap.contract = Some(Contract::Base(0.01));
        assert_eq!(swap.base_amount(0, 7.0, 50_000.0), Ok(0.07));
        swap.contract = Some(Contract::Quote(100.0));
        assert_eq!(swap.base_amount(0, 7.0, 50_000.0), Ok(0.014));
        assert!(swap.base_amount(0, 7.0, 0.0).is_err());
    }

    #[test]
    fn a_pair_is_found_among_what_is_listed_the_traded_one_first() {
        let pair: Pair = "BTC/USDT:quarter".parse().unwrap();
        let one = |symbol: &str, is_open| Instrument {
            pair: Some(pair.clone()),
            is_open,
            ..Instrument::named(symbol.to_owned())
        };
        let listing = Listing { instruments: vec![one("OLD", false), one("NEW", true)], quotas: Vec::new() };
        assert_eq!(listing.find(&pair).unwrap().symbol, "NEW");
        let refused = listing.find(&"ETH/USDT".parse().unwrap()).unwrap_err();
        assert!(refused.to_string().contains("ETH/USDT is not listed"), "{refused}");
    }
}
