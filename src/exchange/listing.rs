//! An exchange's listing: its instruments, their contracts, and the limits it announces.

use crate::exchange::quarter;
use crate::exchange::{Budget, Count, Decimal, ParseError, Quota, Refusal, RefusalKind};
use crate::model::{Micros, Pair, Window, foreign};

/// The most characters of what is odd about an entry that are kept.
const WHY_CHARS: usize = 200;

/// The most odd entries an error names.
const NAMED: usize = 3;

/// An exchange's markets and limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// All listed instruments, including those not traded at the moment.
    pub instruments: Vec<Instrument>,
    /// The request budgets whose quotas it announces.
    pub quotas: Vec<(Budget, Quota)>,
    /// Entries of which something is not understood. One that cannot be read is not among the instruments, one whose
    /// kind is not known has no pair, and one whose state is not known counts as not traded.
    pub odd: Vec<OddEntry>,
}

/// An entry of a listing of which something is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddEntry {
    /// The exchange's own name of it, or how it begins.
    pub symbol: String,
    /// The reason.
    pub why: String,
}

impl OddEntry {
    /// An entry and what is odd about it, which is cut where it is long.
    pub(crate) fn new(symbol: &str, why: impl ToString) -> Self {
        let short = |text: &str| foreign(&text.chars().take(WHY_CHARS).collect::<String>());
        OddEntry { symbol: short(symbol), why: short(&why.to_string()) }
    }
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
    /// The size of one contract, where amounts are counted in contracts.
    pub contract: Option<Contract>,
}

/// The size of one contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contract {
    /// So much of the base asset.
    Base(Decimal),
    /// So much of the quote asset: the base amount depends on the price.
    Quote(Decimal),
}

impl Contract {
    /// The amount of the base asset in so many contracts at a price: the double nearest to the product of decimals,
    /// which is divided once where contracts count the quote asset. None where it is no number.
    #[must_use]
    pub(crate) fn base_amount<'a>(self, contracts: impl Into<Count<'a>>, price: f64) -> Option<f64> {
        let amount = match self {
            Contract::Base(size) => size.many(contracts)?,
            Contract::Quote(size) => size.many(contracts)? / price,
        };
        amount.is_finite().then_some(amount)
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
    pub(crate) fn tenure(&self) -> Option<Window> {
        quarter::tenure(self.pair.as_ref()?.market(), self.ends?)
    }

    /// Until when its pair names it: then another has its name, or it has expired. `None` where that does not end.
    #[must_use]
    pub(crate) fn named_until(&self) -> Option<Micros> {
        self.tenure().map(|tenure| tenure.until).or(self.ends)
    }

    /// The base amount of a row that counts contracts.
    ///
    /// # Errors
    /// When the listing did not say what a contract is, or the amount is no number.
    pub(crate) fn base_amount<'a>(
        &self,
        row: usize,
        contracts: impl Into<Count<'a>>,
        price: f64,
    ) -> Result<f64, ParseError> {
        let contract = self.contract.ok_or_else(|| self.sizeless())?;
        contract.base_amount(contracts, price).ok_or_else(|| no_amount(row))
    }

    /// The quote amount of so many contracts of a fixed size in it.
    ///
    /// # Errors
    /// When the listing did not say that size, or the amount is no number.
    pub(crate) fn quote_amount<'a>(
        &self,
        row: usize,
        contracts: impl Into<Count<'a>>,
    ) -> Result<f64, ParseError> {
        match self.contract {
            Some(Contract::Quote(size)) => size.many(contracts).ok_or_else(|| no_amount(row)),
            _ => Err(self.sizeless()),
        }
    }

    /// No row can be counted then, and asking again does not help.
    fn sizeless(&self) -> ParseError {
        ParseError::Refused(Refusal {
            kind: RefusalKind::Permanent,
            code: "contract".to_owned(),
            message: format!("the listing of {} does not say what a contract is", self.symbol),
        })
    }
}

fn no_amount(row: usize) -> ParseError {
    ParseError::Impossible { row, reason: "its contracts come to no amount".to_owned() }
}

impl Listing {
    /// The instrument that a pair is: the one that is written like it, else the only one that differs in the case of
    /// letters alone.
    ///
    /// # Errors
    /// [`RefusalKind::UnknownSymbol`] when none is, or several are.
    pub fn find(&self, pair: &Pair) -> Result<&Instrument, ParseError> {
        if let Some(found) = self.of(pair) {
            return Ok(found);
        }
        let own_pairs = self.instruments.iter().filter_map(|instrument| instrument.pair.as_ref());
        let mut alike: Vec<&Pair> = own_pairs.filter(|own| own.is_spelt_like(pair)).collect();
        alike.sort_unstable();
        alike.dedup();
        match alike[..] {
            [own] => self.of(own).ok_or_else(|| self.unlisted(pair)),
            [] => Err(self.unlisted(pair)),
            _ => {
                let names: Vec<String> = alike.iter().map(ToString::to_string).collect();
                Err(unknown(format!(
                    "{pair} may be any of {}; write the one that is meant",
                    names.join(", ")
                )))
            }
        }
    }

    /// Of several with one name, the one that is traded.
    fn of(&self, pair: &Pair) -> Option<&Instrument> {
        let own = |instrument: &&Instrument| instrument.pair.as_ref() == Some(pair);
        let open = self.instruments.iter().filter(own).find(|instrument| instrument.is_open);
        open.or_else(|| self.instruments.iter().find(own))
    }

    /// Names what may have been the pair, had it been understood.
    fn unlisted(&self, pair: &Pair) -> ParseError {
        let [base, quote] = [pair.base(), pair.quote()].map(str::to_uppercase);
        let is_near = |odd: &&OddEntry| {
            let symbol = odd.symbol.to_uppercase();
            symbol.contains(&base) && symbol.contains(&quote)
        };
        let near = self.odd.iter().filter(is_near).take(NAMED);
        let near: String =
            near.map(|odd| format!("; {} is not understood: {}", odd.symbol, odd.why)).collect();
        unknown(format!("{pair} is not listed{near}"))
    }
}

fn unknown(message: String) -> ParseError {
    ParseError::Refused(Refusal { kind: RefusalKind::UnknownSymbol, code: "unlisted".to_owned(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn listed(symbol: &str, pair: &Pair, is_open: bool) -> Instrument {
        Instrument { pair: Some(pair.clone()), is_open, ..Instrument::named(symbol.to_owned()) }
    }

    #[test]
    fn contracts_become_base_amounts_by_their_size_and_inverse_ones_by_the_price_too() {
        let mut swap = Instrument::named("BTC-USDT-SWAP".to_owned());
        assert!(swap.base_amount(3, 7.0, 50_000.0).is_err(), "its size is not known");
        swap.contract = Some(Contract::Base(size("0.01")));
        assert_eq!(swap.base_amount(0, 7.0, 50_000.0), Ok(0.07));
        assert_eq!(swap.base_amount(0, "35", 50_000.0), Ok(0.35), "a product of doubles is another");
        assert!(swap.base_amount(0, "-35", 50_000.0).is_err());
        swap.contract = Some(Contract::Quote(size("100")));
        assert_eq!(swap.base_amount(0, 7.0, 50_000.0), Ok(0.014));
        assert_eq!(swap.quote_amount(0, "7"), Ok(700.0));
        assert!(swap.base_amount(0, 7.0, 0.0).is_err());
    }

    #[test]
    fn a_pair_is_found_among_what_is_listed_the_traded_one_first() {
        let pair: Pair = "BTC/USDT:quarter".parse().unwrap();
        let instruments = vec![listed("OLD", &pair, false), listed("NEW", &pair, true)];
        let listing = Listing { instruments, ..Listing::default() };
        assert_eq!(listing.find(&pair).unwrap().symbol, "NEW");
        let refused = listing.find(&"ETH/USDT".parse().unwrap()).unwrap_err();
        assert!(refused.to_string().contains("ETH/USDT is not listed"), "{refused}");
    }

    #[test]
    fn a_pair_is_what_is_written_like_it_and_else_the_one_that_differs_in_case_alone() {
        let pair = |text: &str| text.parse::<Pair>().unwrap();
        let own = |text: &str| listed(text, &pair(text), true);
        let low = listed("luna", &Pair::listed("luna", "usd", crate::model::Market::Spot).unwrap(), true);
        let all = [own("kPEPE/USD"), own("LUNA/USD"), own("Luna/USD"), low];
        let listing = Listing { instruments: all.to_vec(), ..Listing::default() };
        let found = |text: &str| listing.find(&pair(text)).map(|found| found.symbol.clone());

        for (text, symbol) in
            [("kPEPE/USD", "kPEPE/USD"), ("KPEPE/USD", "kPEPE/USD"), ("Luna/USD", "Luna/USD")]
        {
            assert_eq!(found(text), Ok(symbol.to_owned()), "{text}");
        }
        assert_eq!(found("luna/usd"), Ok("LUNA/USD".to_owned()), "what has no capital is meant in capitals");
        let refused = found("lUNA/USD").unwrap_err().to_string();
        assert!(refused.contains("may be any of LUNA/USD, Luna/USD, luna/usd"), "{refused}");
    }

    #[test]
    fn a_pair_that_was_not_understood_is_told_with_the_reason() {
        let odd =
            vec![OddEntry::new("XAUUSDT", "its contractType `GOLD` is not known"), OddEntry::new("X", "y")];
        let listing = Listing { odd, ..Listing::default() };
        let refused = listing.find(&"XAU/USDT:perp".parse().unwrap()).unwrap_err().to_string();
        assert!(
            refused.contains("; XAUUSDT is not understood: its contractType `GOLD` is not known"),
            "{refused}"
        );
        assert!(!refused.contains("X is not"), "{refused}");
    }
}
