//! Live offers are sane, and fit those over REST.

use std::collections::HashSet;
use std::time::Duration;

use dccd::exchange::ALL;
use dccd::exchange::live::{Line, LiveOffer, NotOffered};
use dccd::model::{Kind, Market, Series, Span};

use super::listener::{live_of, topic};
use crate::read::pair;

fn each(check: impl Fn(&'static str, &'static LiveOffer)) {
    let mut offers = 0;
    for exchange in ALL {
        for offer in exchange.live().map(|live| live.offers()).unwrap_or_default() {
            check(exchange.name(), offer);
            offers += 1;
        }
    }
    assert!(offers > 8, "{offers} offers");
}

#[test]
fn lines_are_addresses_with_limits_and_names_of_their_own() {
    for exchange in ALL.iter().filter_map(|exchange| exchange.live()) {
        let lines = exchange.lines();
        let names: HashSet<&str> = lines.iter().map(|line| line.name).collect();
        assert_eq!(names.len(), lines.len());
        for line in lines {
            assert!(line.host.starts_with("wss://") && !line.host.ends_with('/'), "{line:?}");
            assert!(line.path.starts_with('/') && !line.markets.is_empty(), "{line:?}");
            let limits = line.limits;
            let counts = [limits.topics, limits.topics_per_message, limits.message_bytes, limits.frame_bytes];
            assert!(counts.iter().all(|count| *count > 0), "{line:?}");
            assert!(
                [limits.messages, limits.connects].iter().all(|rate| rate.count > 0 && !rate.per.is_zero())
            );
            assert!(line.ping.within < Duration::from_secs(30) && line.ping.every >= Duration::from_secs(5));
            assert!(limits.frame_bytes <= limits.message_bytes, "{line:?}");
        }
    }
}

#[test]
fn another_host_stands_in_for_the_exchanges_own_and_the_path_stays() {
    let url = |exchange: &str, market| {
        let line: &Line = live_of(exchange).offer(Kind::Trades, market).unwrap().line;
        (line.url(None), line.url(Some("ws://127.0.0.1:9000/")))
    };
    for (exchange, market, own, path) in [
        ("binance", Market::Spot, "wss://stream.binance.com:9443/stream", "/stream"),
        ("binance", Market::Quarter, "wss://fstream.binance.com/market/stream", "/market/stream"),
        ("binancecoinm", Market::Perp, "wss://dstream.binance.com/stream", "/stream"),
        ("kraken", Market::Spot, "wss://ws.kraken.com/v2", "/v2"),
        ("bybit", Market::Spot, "wss://stream.bybit.com/v5/public/spot", "/v5/public/spot"),
        ("bybit", Market::Perp, "wss://stream.bybit.com/v5/public/linear", "/v5/public/linear"),
        ("okx", Market::Perp, "wss://ws.okx.com:8443/ws/v5/business", "/ws/v5/business"),
        ("coinbase", Market::Spot, "wss://ws-feed.exchange.coinbase.com/", "/"),
        ("krakenfutures", Market::Perp, "wss://futures.kraken.com/ws/v1", "/ws/v1"),
        ("bitfinex", Market::Spot, "wss://api-pub.bitfinex.com/ws/2", "/ws/2"),
        ("bitmex", Market::Perp, "wss://ws.bitmex.com/realtime", "/realtime"),
    ] {
        assert_eq!(url(exchange, market), (own.to_owned(), format!("ws://127.0.0.1:9000{path}")));
    }
}

#[test]
fn what_comes_live_can_be_asked_for_over_rest_too() {
    each(|name, live| {
        let exchange = dccd::exchange::find(name).unwrap();
        assert!(live.markets.iter().all(|market| live.line.markets.contains(market)), "{name}");
        assert_eq!(live.kind.has_span(), !live.spans.is_empty(), "{name}");
        assert!(live.grace >= Duration::from_secs(5) && live.grace <= Duration::from_secs(60), "{name}");
        for market in live.markets {
            let rest = exchange.offer(live.kind, *market).unwrap_or_else(|| panic!("{name} {market:?}"));
            assert!(live.spans.iter().all(|span| rest.spans.contains(span)), "{name}");
            assert!(!rest.ids_are_contiguous || live.ids_are_contiguous, "{name}");
        }
    });
}

#[test]
fn a_session_takes_every_offered_series_of_its_line_once_and_names_what_it_does_not_take() {
    each(|name, offer| {
        let live = live_of(name);
        // At some exchanges the quote asset decides over the line.
        let of = |assets: &str, market, span: Option<Span>| {
            Series::new(name, pair(assets, market), offer.kind, span).unwrap()
        };
        let first = offer.spans.first().map(|own| own.span());
        let is_of_line = |assets: &&str| live.offer_for(&of(assets, offer.markets[0], first)) == Some(offer);
        let assets = ["BTC/USDT", "BTC/USD"].into_iter().find(is_of_line).unwrap_or("BTC/USDT");
        let series = |market, span| of(assets, market, span);
        let spans: Vec<Option<Span>> = match offer.spans {
            [] => vec![None],
            spans => spans.iter().map(|own| Some(own.span())).collect(),
        };
        for market in offer.markets {
            let mut session = live.session(offer.line);
            for (number, span) in spans.iter().enumerate() {
                let own = series(*market, *span);
                assert_eq!(live.offer_for(&own), Some(offer));
                assert_eq!(session.want(topic(number, &own, None)), Ok(()), "{own}");
                assert_eq!(session.want(topic(number + 99, &own, None)), Err(NotOffered::Twice), "{own}");
            }
            let other = series(*market, Some(Span::Fixed(77)));
            if offer.kind.has_span() {
                assert_eq!(live.offer_for(&other), None);
                let refused = session.want(topic(999, &other, None)).unwrap_err().to_string();
                assert!(refused.contains("77s") && refused.contains(offer.line.name), "{refused}");
            }
        }
    });
}

#[test]
fn a_line_takes_no_more_topics_than_it_bears() {
    let live = live_of("kraken");
    let line = live.offer(Kind::Trades, Market::Spot).unwrap().line;
    let mut session = live.session(line);
    let mut want = |number: usize| {
        let series: Series = format!("kraken/A{number}-USD/trades").parse().unwrap();
        session.want(topic(number, &series, None))
    };
    (0..line.limits.topics).for_each(|number| want(number).unwrap());
    let full = NotOffered::Full { exchange: "kraken", line: "v2", topics: line.limits.topics };
    assert_eq!(want(line.limits.topics), Err(full));
}
