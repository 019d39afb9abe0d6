//! Hand-written payloads keep every parser tested where there are no recordings.

use dccd::exchange::ALL;

use crate::KNOWN;
use crate::read::{What, payloads};

#[test]
fn every_parser_of_every_exchange_has_a_payload_written_by_hand() {
    for exchange in ALL {
        let kinds = exchange.offers().iter().map(|offer| What::Page(offer.kind));
        let have = payloads(exchange.name());
        for what in kinds.chain([What::Clock, What::Listing, What::Error]) {
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
