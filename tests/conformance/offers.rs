//! The offers of every exchange are sane, and its names fit paths and labels.

use std::collections::HashSet;
use std::time::Duration;

use dccd::exchange::{ALL, Bounds, Direction, Exchange, History, Offer, Probe};
use dccd::model::{Kind, Pair, Series, Span};

use crate::needs;
use crate::read::{files, pair};

fn each_offer(check: impl Fn(&'static dyn Exchange, &'static Offer, String)) {
    for exchange in ALL {
        assert!(!exchange.offers().is_empty(), "{} offers nothing", exchange.name());
        for offer in exchange.offers() {
            check(exchange, offer, format!("{} {}", exchange.name(), offer.kind));
        }
    }
}

#[test]
fn names_are_unique_and_fit_paths_and_addresses() {
    let names: HashSet<_> = ALL.iter().map(|exchange| exchange.name()).collect();
    assert_eq!(names.len(), ALL.len());
    for exchange in ALL {
        let name = exchange.name();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        assert!(exchange.rest_url().starts_with("https://"), "{name}");
        assert!(!exchange.rest_url().ends_with('/'), "{name}");
    }
}

#[test]
fn spans_are_valid_and_each_has_a_word_of_its_own() {
    each_offer(|_, offer, who| {
        assert_eq!(offer.spans.is_empty(), !offer.kind.has_span(), "{who}");
        let spans: HashSet<_> = offer.spans.iter().map(|own| own.secs).collect();
        let words: HashSet<_> = offer.spans.iter().map(|own| own.word).collect();
        assert_eq!((spans.len(), words.len()), (offer.spans.len(), offer.spans.len()), "{who}");
        assert!(offer.spans.is_sorted_by_key(|own| own.secs), "{who}");
        for own in offer.spans {
            let span = Span::of_secs(u64::from(own.secs));
            assert_eq!(span, Ok(own.span()), "{who} {}", own.word);
            assert_eq!(offer.span(own.span()), Some(own), "{who}");
        }
    });
}

#[test]
fn pages_depths_and_weights_are_positive_and_within_the_quota() {
    each_offer(|exchange, offer, who| {
        let quotas = exchange.quotas();
        assert!(quotas.iter().any(|(own, _)| *own == offer.budget), "{who}");
        let quota = exchange.quota(offer.budget);
        assert!(offer.page_rows > 0 && !offer.markets.is_empty(), "{who}");
        assert!(offer.grace <= Duration::from_secs(3_600), "{who}");
        assert!(offer.depths.is_sorted_by(|a, b| a.0 < b.0), "{who}");
        for other in [exchange.clock_request(), exchange.listing_request(None)] {
            assert!((1..=exchange.quota(other.budget).weight).contains(&other.weight), "{who}: {other:?}");
        }
        for weight in offer.depths.iter().map(|(_, weight)| *weight).chain([offer.weight]) {
            assert!((1..=quota.weight).contains(&weight), "{who}: {weight}");
        }
        if let Some((deepest, _)) = offer.depths.last() {
            assert_eq!(*deepest, offer.page_rows, "{who}");
        }
        assert!(!quota.per.is_zero(), "{who}");
    });
}

#[test]
fn each_budget_of_an_exchange_has_a_name_of_its_own() {
    for exchange in ALL {
        let names: Vec<String> = exchange.quotas().iter().map(|(budget, _)| budget.to_string()).collect();
        let distinct: HashSet<&String> = names.iter().collect();
        assert!(!names.is_empty() && distinct.len() == names.len(), "{}: {names:?}", exchange.name());
    }
}

#[test]
fn a_kind_is_offered_once_for_a_market_and_found_for_a_series() {
    each_offer(|exchange, offer, who| {
        for market in offer.markets {
            let pair = pair("BTC/USDT", *market);
            let span = offer.spans.first().map(|own| own.span());
            let series = Series::new(exchange.name(), pair, offer.kind, span).unwrap();
            assert_eq!(exchange.offer_for(&series), Some(offer), "{who}");
            let same =
                exchange.offers().iter().filter(|o| o.kind == offer.kind && o.markets.contains(market));
            assert_eq!(same.count(), 1, "{who}");
        }
    });
}

#[test]
fn the_clock_and_the_listing_are_asked_with_whole_requests() {
    let pair: Pair = "BTC/USDT".parse().unwrap();
    for exchange in ALL {
        let one = exchange.listing_request(Some(&pair));
        let all = exchange.listing_request(None);
        for request in [&one, &all, &exchange.clock_request()] {
            assert!(request.path.starts_with('/'), "{request:?}");
            assert!(request.path.bytes().all(|byte| byte.is_ascii_graphic()), "{request:?}");
            assert!(exchange.quotas().iter().any(|(own, _)| *own == request.budget), "{request:?}");
            assert!(request.host.is_none_or(|host| host.starts_with("https://")), "{request:?}");
        }
        assert_eq!([one.endpoint, all.endpoint], ["instruments"; 2]);
        assert_eq!(exchange.clock_request().endpoint, "time");
    }
}

#[test]
fn directions_bounds_and_probes_fit_one_another() {
    each_offer(|exchange, offer, who| {
        let by_span = offer.kind.has_span();
        assert!(offer.bounds != Bounds::Page || by_span, "{who}: a page of opens needs a span");
        assert!(offer.probe != Probe::Longest || by_span, "{who}: the longest of no spans");
        if offer.probe == Probe::ByTime {
            assert_eq!(
                offer.direction,
                Direction::OldestFirst,
                "{who}: one row from the epoch on is the oldest"
            );
        }
        let trades = exchange.offer(Kind::Trades, offer.markets[0]);
        let by_id = offer.probe == Probe::FirstTrade;
        assert!(!by_id || trades.is_some_and(|trades| trades.probe == Probe::ById), "{who}");
        assert!(!by_span || offer.walk.is_zero(), "{who}: walks of candles are pages");
        assert_eq!(offer.history == History::Now, offer.kind == Kind::OrderBook, "{who}");
    });
}

#[test]
fn a_recorded_offer_has_a_folder_of_recordings() {
    let Some(folder) = needs::recordings() else { return };
    each_offer(|exchange, offer, who| {
        if offer.recorded {
            let any = exchange.recordings().iter().any(|own| !files(&folder.join(own)).is_empty());
            assert!(any, "{who}");
        }
    });
}
