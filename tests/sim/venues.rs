//! The quirks of the other exchanges, server side: caps, orders, stamps and the way errors are told.

use dccd::sim::Sim;

use crate::http::{body, fetch, knobs_at, sim};

const NOON: &str = "2024-06-05 12:30:30";

/// The body of an answer without white space.
async fn text(sim: &Sim, path: &str) -> String {
    String::from_utf8(body(sim, path).await).unwrap()
}

/// The text after each occurrence of another, up to the next comma or quotation mark.
fn each<'a>(body: &'a str, before: &str) -> Vec<&'a str> {
    body.split(before).skip(1).map(|rest| rest.split([',', '"']).next().unwrap()).collect()
}

#[tokio::test]
async fn coinbase_refuses_more_than_three_hundred_candles_and_answers_the_newest_first() {
    let sim = sim(knobs_at(NOON)).await;
    let path = |end: &str| {
        let bounds = format!("granularity=60&start=2024-06-01T00:00:00Z&end={end}");
        format!("/coinbase/products/BTC-USDT/candles?{bounds}")
    };

    let whole = text(&sim, &path("2024-06-01T04:59:59Z")).await;
    let opens = each(&whole, "[").into_iter().filter(|open| !open.is_empty()).collect::<Vec<_>>();
    assert_eq!((opens.len(), opens[0], opens[299]), (300, "1717217940", "1717200000"));

    let refused = fetch(&sim, &path("2024-06-01T05:00:00Z")).await.unwrap();
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("exceeds 300"));
    let unknown = fetch(&sim, "/coinbase/products/MOON-USD/candles?granularity=60").await.unwrap();
    assert_eq!((unknown.status, unknown.text()), (404, r#"{"message":"NotFound"}"#));
}

#[tokio::test]
async fn coinbase_trades_older_than_a_cursor_come_newest_first_without_it() {
    let sim = sim(knobs_at(NOON)).await;

    let page = text(&sim, "/coinbase/products/BTC-USDT/trades?limit=3&after=100").await;

    assert_eq!(each(&page, "\"trade_id\":"), ["99", "98", "97"]);
}

#[tokio::test]
async fn bybit_answers_the_newest_of_a_window_and_tells_errors_with_status_200() {
    let sim = sim(knobs_at(NOON)).await;
    let kline = "/bybit/v5/market/kline?category=spot&symbol=BTCUSDT&interval=1&start=1717200000000";

    let page = text(&sim, &format!("{kline}&end=1717203600000&limit=2")).await;
    assert_eq!(each(&page, "[\""), ["1717203600000", "1717203540000"]);

    let error = fetch(&sim, "/bybit/v5/market/kline?category=spot&symbol=MOON&interval=1").await.unwrap();
    assert_eq!(error.status, 200);
    assert!(error.text().contains("\"retCode\":10001"));
    let trades = text(&sim, "/bybit/v5/market/recent-trade?category=spot&symbol=BTCUSDT&limit=1000").await;
    assert_eq!(each(&trades, "\"execId\":\"").len(), 60, "of spot sixty trades at most");
    let trades = text(&sim, "/bybit/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000").await;
    assert_eq!(each(&trades, "\"execId\":\"").len(), 1_000);
}

#[tokio::test]
async fn bitmex_stamps_a_bucket_with_its_end_and_never_answers_the_running_one() {
    let sim = sim(knobs_at(NOON)).await;
    let bucketed = "/bitmex/api/v1/trade/bucketed?binSize=1m&symbol=XBTUSDT&reverse=false";

    let page = text(&sim, &format!("{bucketed}&count=2&startTime=2024-06-01T00:01:00.000Z")).await;
    let stamps = each(&page, "\"timestamp\":\"");
    assert_eq!(stamps, ["2024-06-01T00:01:00.000Z", "2024-06-01T00:02:00.000Z"]);
    let next = text(&sim, &format!("{bucketed}&count=1&start=1&startTime=2024-06-01T00:01:00.000Z")).await;
    assert_eq!(each(&next, "\"timestamp\":\""), ["2024-06-01T00:02:00.000Z"], "one row is left out");

    let newest = text(&sim, &format!("{bucketed}&count=9&startTime=2024-06-05T12:29:00.000Z")).await;
    assert_eq!(each(&newest, "\"timestamp\":\"").last(), Some(&"2024-06-05T12:30:00.000Z"));
}

#[tokio::test]
async fn bitmex_says_its_limit_and_what_is_left_of_it_in_headers() {
    let sim = sim(knobs_at(NOON)).await;
    sim.set(|knobs| knobs.weight_limit = 30);

    let answer = fetch(&sim, "/bitmex/api/v1").await.unwrap();

    let header = |name: &str| answer.header(name).unwrap().to_owned();
    assert_eq!(
        (header("x-ratelimit-limit"), header("x-ratelimit-remaining")),
        ("30".to_owned(), "29".to_owned())
    );
}
