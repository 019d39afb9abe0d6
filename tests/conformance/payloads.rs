//! Hand-written payloads keep every parser tested where there are no recordings.

use dccd::exchange::ALL;

use crate::KNOWN;
use crate::read::{What, payloads};

#[test]
fn every_parser_of_every_exchange_has_a_payload_written_by_hand() {
    for exchange in ALL {
        let pages = exchange.offers().iter().map(|offer| (offer, What::Page(offer.kind, offer.markets[0])));
        let have = payloads(exchange.name());
        for (offer, what) in pages {
            // One of its markets is enough.
            let fits = |sample: &What| match sample {
                What::Page(kind, market) => *kind == offer.kind && offer.markets.contains(market),
                _ => false,
            };
            let any = have.iter().any(|sample| fits(&sample.what));
            assert!(any, "tests/fixtures/{} has no payload for {what:?}", exchange.name());
        }
        for what in [What::Clock, What::Listing, What::Error] {
            let any = have.iter().any(|sample| sample.what == what);
            assert!(any, "tests/fixtures/{} has no payload for {what:?}", exchange.name());
        }
    }
}

#[test]
fn every_payload_of_an_answer_parses_to_something() {
    for known in KNOWN {
        for sample in payloads(known.exchange).iter().filter(|sample| sample.what != What::Error) {
            let read = sample.read(known.exchange());
            assert!(read.as_ref().is_ok_and(|read| !read.is_empty()), "{}: {read:?}", sample.name);
        }
    }
}
