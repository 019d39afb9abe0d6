//! Snapshots of order books.

use std::time::Duration;

use dccd::model::Side;
use dccd::sim::{Endpoint, Knobs};
use dccd::store::verify_series;

use crate::program::{command, configure, dccd, end, request, terminate, wait_for_exit};
use crate::test_daemon::{TestDaemon, at, error_of, run};

const BOOK: &str = "binance/BTC-USDT/orderbook";

#[tokio::test]
async fn each_run_stores_both_sides_to_the_depth_asked_for_and_numbers_go_on_over_a_restart() {
    let job = "{exchange: binance, pairs: [BTC/USDT], data_type: orderbook, depth: 20, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-01-01 12:00:00", Knobs::default()).await;
    let order = dccd::engine::Job::all(&setup.config()).remove(0).order;

    let engine = setup.engine().await;
    for _ in 0..2 {
        let outcome = run(&engine, &order).await;
        assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 40));
    }
    engine.close().await;
    setup.move_to("2024-01-02 12:00:00");
    assert_eq!(setup.run(&order).await.rows, 40, "a day later, in another file and another process");

    let stored = setup.stored(BOOK);
    let rows: Vec<_> = (0..stored.len()).map(|row| stored.book().get(row)).collect();
    for (ord, snapshot) in rows.chunks(40).enumerate() {
        assert!(snapshot.iter().all(|level| level.ord == ord as i64 && level.is_snapshot));
        let market = setup.sim.market("BTCUSDT").unwrap();
        let now = if ord < 2 { at("2024-01-01 12:00:00") } else { at("2024-01-02 12:00:00") };
        let book = market.book(now);
        assert!(snapshot.iter().all(|level| level.seq == Some(book.update_id)));
        for (side, levels) in [
            (Side::Bid, book.bids().take(20).collect::<Vec<_>>()),
            (Side::Ask, book.asks().take(20).collect()),
        ] {
            let mut ours: Vec<(f64, f64)> = snapshot
                .iter()
                .filter(|level| level.side == side)
                .map(|level| (level.price, level.amount))
                .collect();
            let mut theirs: Vec<(f64, f64)> =
                levels.iter().map(|(cents, e8)| (*cents as f64 / 100.0, *e8 as f64 / 1e8)).collect();
            ours.sort_by(|a, b| a.0.total_cmp(&b.0));
            theirs.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert_eq!(ours, theirs, "snapshot {ord}, {side:?}");
        }
        assert!(snapshot[0].ts.since(now) < Duration::from_secs(5), "by the exchange's clock");
    }
    assert_eq!((rows.len(), setup.asked(Endpoint::BookSnapshot).len()), (120, 3));
    assert_eq!(verify_series(&setup.layout(), &BOOK.parse().unwrap()).unwrap(), []);
}

/// A book as it is printed and answered.
#[derive(Debug, PartialEq, serde::Deserialize)]
struct Shown {
    covered: bool,
    ts: String,
    ord: i64,
    seq: Option<i64>,
    age_seconds: f64,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Level {
    price: f64,
    amount: f64,
}

/// The window in which a book is not known.
#[derive(Debug, serde::Deserialize)]
struct Refused {
    uncovered: Hole,
}

#[derive(Debug, serde::Deserialize)]
struct Hole {
    state: String,
    from: Option<String>,
}

#[tokio::test]
async fn a_stored_book_is_printed_and_answered_alike_and_refused_with_its_window() {
    let job = "{exchange: binance, pairs: [BTC/USDT], data_type: orderbook, depth: 20, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-01-01 12:00:00", Knobs::default()).await;
    configure(&setup, &setup.text());
    assert_eq!(dccd(&setup, &["collect"]).await.code, Some(0));

    let printed = dccd(&setup, &["book", "binance/BTC-USDT", "--at", "2024-01-01 12:30:00"]).await;
    let exact = dccd(&setup, &["book", BOOK, "--at", "2024-01-01T12:30:00Z", "--json"]).await;
    let before = dccd(&setup, &["book", BOOK, "--at", "2024-01-01 11:00:00", "--json"]).await;
    let several = dccd(&setup, &["book", BOOK, "--levels", "0"]).await;

    assert_eq!((printed.code, exact.code), (Some(0), Some(0)), "{printed:?} {exact:?}");
    assert!(
        printed
            .out
            .starts_with("binance/BTC-USDT/orderbook as of 2024-01-01 12:30:00.000000 (UTC)\nlast update")
    );
    assert!(printed.err.contains("a snapshot taken by itself"), "{printed:?}");
    assert_eq!(printed.out.lines().count(), 2 + 2 + 10, "{printed:?}");
    let exact: Shown = serde_json::from_str(&exact.out).unwrap();
    let book = setup.sim.market("BTCUSDT").unwrap().book(at("2024-01-01 12:00:00"));
    let best = book.bids().next().unwrap();
    assert_eq!(exact.bids[0].price, best.0 as f64 / 100.0, "{exact:?}");
    assert_eq!((exact.ord, exact.covered, exact.seq), (0, false, Some(book.update_id)), "{exact:?}");
    assert_eq!((exact.bids.len(), exact.asks.len()), (20, 20), "{exact:?}");
    let before_it: Refused = serde_json::from_str(&before.out).unwrap();
    assert_eq!((before.code, before_it.uncovered.from), (Some(1), None), "{before:?}");
    assert_eq!((several.code, several.err.contains("levels: expected")), (Some(2), true), "{several:?}");

    let daemon = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    let ask = async |series: &str, query: &str| {
        let path = format!("/api/v1/series/{series}/book?{query}");
        request(&setup, "GET", &path, "").await
    };
    // The daemon's own first snapshot may be published between the two.
    let mut looks = 0;
    loop {
        let answered = ask("binance%2FBTC-USDT", "at=2024-01-01T12:30:00Z").await;
        let printed = dccd(&setup, &["book", BOOK, "--at", "2024-01-01T12:30:00Z", "--json"]).await;
        let answer: Shown = serde_json::from_str(&answered.body).unwrap();
        looks += 1;
        if answer == serde_json::from_str(&printed.out).unwrap() {
            assert_eq!((answered.status, answer.bids == exact.bids), (200, true));
            break;
        }
        assert!(looks < 3, "{answered:?} is not {printed:?}");
    }
    let refused = ask("binance%2FBTC-USDT", "at=2024-01-01T11:00:00Z").await;
    let hole = serde_json::from_str::<Refused>(&refused.body).unwrap().uncovered;
    assert_eq!((refused.status, hole.state.as_str(), hole.from), (409, "gap", None), "{refused:?}");
    assert_eq!(ask("kraken%2FBTC-USDT", "").await.status, 404);
    for wrong in ["levels=0", "at=2024-01-01", "depth=3", "at=2024-01-01T11:00:00Z&series=binance"] {
        assert_eq!(ask("binance", wrong).await.status, 400, "{wrong}");
    }
    let newest = dccd(&setup, &["book", "binance", "--levels", "3"]).await;
    assert!(
        newest.out.starts_with("binance/BTC-USDT/orderbook, the newest book of the daemon\n"),
        "{newest:?}"
    );
    terminate(&daemon).await;
    assert_eq!(end(daemon).await.code, Some(0));
}

#[tokio::test]
async fn a_snapshot_of_every_exchange_holds_the_levels_of_the_market() {
    let books = [
        ("binance", "BTC/USDT"),
        ("kraken", "BTC/USDT"),
        ("krakenfutures", "BTC/USD:perp"),
        ("coinbase", "BTC/USDT"),
        ("bybit", "BTC/USDT"),
        ("okx", "BTC/USDT"),
        ("bitfinex", "BTC/USDT"),
    ];
    // These count contracts, which tests of their own look at.
    let counted = ["bitmex", "binancecoinm"];
    let others = dccd::exchange::names().into_iter().filter(|name| !counted.contains(name));
    assert!(others.eq(books.map(|(exchange, _)| exchange)));
    for (exchange, pair) in books {
        let job = format!(
            "{{exchange: {exchange}, pairs: ['{pair}'], data_type: orderbook, depth: 20, retry_delay: 0.01}}"
        );
        let symbols = vec!["BTCUSDT".to_owned(), "BTCUSD".to_owned()];
        let setup =
            TestDaemon::unlimited(&job, "2024-01-01 12:00:00", Knobs { symbols, ..Knobs::default() }).await;
        let order = dccd::engine::Job::all(&setup.config()).remove(0).order;

        let outcome = setup.run(&order).await;

        assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 40), "{exchange}");
        let stored = setup.stored(&order.series.to_string());
        let market = setup.sim.market(&format!("BTC{}", order.series.pair().quote())).unwrap();
        let book = market.book(at("2024-01-01 12:00:00"));
        for (side, theirs) in [
            (Side::Bid, book.bids().take(20).collect::<Vec<_>>()),
            (Side::Ask, book.asks().take(20).collect()),
        ] {
            let rows = (0..stored.len()).map(|row| stored.book().get(row));
            let ours: Vec<(f64, f64)> =
                rows.filter(|level| level.side == side).map(|level| (level.price, level.amount)).collect();
            let theirs: Vec<(f64, f64)> =
                theirs.iter().map(|(cents, e8)| (*cents as f64 / 100.0, *e8 as f64 / 1e8)).collect();
            assert_eq!(ours, theirs, "{exchange} {side:?}");
        }
        assert_eq!(verify_series(&setup.layout(), &order.series).unwrap(), [], "{exchange}");
    }
}
