//! Candles: bounds, limits, anchors, the running candle, holes, and agreement with the oracle.

use dccd::model::{Batch, Micros, Span, Window};
use dccd::sim::{Clock, Knobs, Sim};

use crate::http::{at, body, knobs_at, ms, rows, sim, window};

const NOON: &str = "2024-06-05 12:30:30";

/// The opens of an answer, in milliseconds.
async fn opens(sim: &Sim, query: &str) -> Vec<i64> {
    let path = format!("/api/v3/klines?symbol=BTCUSDT&{query}");
    millis(&rows(sim, "binance/BTC-USDT/ohlc/1m", &path).await)
}

fn millis(batch: &Batch) -> Vec<i64> {
    batch.ts().iter().map(|ts| ts / 1_000).collect()
}

fn minutes(from: &str, count: i64) -> Vec<i64> {
    (0..count).map(|minute| ms(from) + minute * 60_000).collect()
}

#[tokio::test]
async fn both_bounds_are_inclusive_and_between_two_opens_the_next_one_counts() {
    let sim = sim(knobs_at(NOON)).await;
    let (from, until) = (ms("2024-06-01"), ms("2024-06-01 00:03:00"));
    let bounds = |from, until| format!("interval=1m&startTime={from}&endTime={until}");

    assert_eq!(opens(&sim, &bounds(from, until)).await, minutes("2024-06-01", 4));
    assert_eq!(opens(&sim, &bounds(from + 1, until - 1)).await, minutes("2024-06-01 00:01:00", 2));
    assert!(opens(&sim, &bounds(from + 1, from + 59_999)).await.is_empty());
    assert!(opens(&sim, &bounds(until, from)).await.is_empty());
}

#[tokio::test]
async fn a_page_holds_500_rows_unless_asked_and_1000_at_most() {
    let sim = sim(knobs_at(NOON)).await;
    let from = format!("interval=1m&startTime={}", ms("2024-06-01"));

    assert_eq!(opens(&sim, &from).await, minutes("2024-06-01", 500));
    assert_eq!(opens(&sim, &format!("{from}&limit=3")).await, minutes("2024-06-01", 3));
    assert_eq!(opens(&sim, &format!("{from}&limit=5000")).await, minutes("2024-06-01", 1_000));

    sim.set(|knobs| knobs.page_limit = 7);
    assert_eq!(opens(&sim, &format!("{from}&limit=1000")).await, minutes("2024-06-01", 7));
}

#[tokio::test]
async fn without_a_start_the_newest_rows_up_to_the_end_are_answered_oldest_first() {
    let sim = sim(knobs_at(NOON)).await;
    let until = format!("interval=1m&endTime={}&limit=3", ms("2024-06-01 00:10:00"));

    assert_eq!(opens(&sim, &until).await, minutes("2024-06-01 00:08:00", 3));
    assert_eq!(opens(&sim, "interval=1m&limit=3").await, minutes("2024-06-05 12:28:00", 3));
}

#[tokio::test]
async fn weeks_open_on_monday_and_months_on_their_first_day() {
    let sim = sim(knobs_at(NOON)).await;
    let from = ms("2024-01-15");
    let days = |days: [&str; 3]| days.map(ms).to_vec();

    let weeks = opens(&sim, &format!("interval=1w&startTime={from}&limit=3")).await;
    assert_eq!(weeks, days(["2024-01-15", "2024-01-22", "2024-01-29"]));
    let months = opens(&sim, &format!("interval=1M&startTime={from}&limit=3")).await;
    assert_eq!(months, days(["2024-02-01", "2024-03-01", "2024-04-01"]));
}

#[tokio::test]
async fn a_candle_closes_one_millisecond_before_the_next_opens() {
    let sim = sim(knobs_at(NOON)).await;
    for (interval, from, closed) in [
        ("1m", "2024-06-01", ms("2024-06-01 00:01:00")),
        ("1w", "2024-06-03", ms("2024-06-10")),
        ("1M", "2024-02-01", ms("2024-03-01")),
    ] {
        let path =
            format!("/api/v3/klines?symbol=BTCUSDT&interval={interval}&startTime={}&limit=1", ms(from));
        let text = String::from_utf8(body(&sim, &path).await).unwrap();
        let fields: Vec<&str> = text.trim_matches(['[', ']']).split(',').collect();
        assert_eq!(fields.len(), 12);
        assert_eq!(fields[6], (closed - 1).to_string(), "{interval}");
    }
}

#[tokio::test]
async fn the_running_candle_is_answered_when_asked_for_and_is_not_what_it_ends_as() {
    let sim = sim(knobs_at("2024-06-05 12:30:30")).await;
    let asked = format!(
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}&endTime={}",
        ms("2024-06-05 12:29:00"),
        ms("2024-06-05 12:40:00")
    );
    let running = rows(&sim, "binance/BTC-USDT/ohlc/1m", &asked).await;
    sim.set(|knobs| knobs.clock = Clock::fixed(at("2024-06-05 12:31:00")));
    let closed = rows(&sim, "binance/BTC-USDT/ohlc/1m", &asked).await;

    assert_eq!(millis(&running), minutes("2024-06-05 12:29:00", 2));
    assert!(running.same_row(0, &closed, 0), "a closed candle stays as it is");
    assert!(!running.same_row(1, &closed, 1), "the running candle changes until it closes");
    assert!(running.candles().get(1).volume < closed.candles().get(1).volume);
}

#[tokio::test]
async fn with_revisions_a_closed_candle_changes_until_so_many_spans_have_passed() {
    let sim = sim(Knobs { revise_spans: 2, ..knobs_at("2024-06-05 12:30:00") }).await;
    let asked = window("2024-06-05 12:26:00", "2024-06-05 12:30:00");
    let truth = sim.market("BTCUSDT").unwrap().candles(Span::MINUTE.grid(), asked);
    let final_rows = async |sim: &Sim| {
        let path = format!(
            "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}&limit=4",
            asked.from.millis_floor()
        );
        let got = rows(sim, "binance/BTC-USDT/ohlc/1m", &path).await;
        (0..4).filter(|row| got.same_row(*row, &truth, *row)).collect::<Vec<_>>()
    };

    assert_eq!(final_rows(&sim).await, [0, 1]);
    sim.set(|knobs| knobs.clock = Clock::fixed(at("2024-06-05 12:31:00")));
    assert_eq!(final_rows(&sim).await, [0, 1, 2]);
    sim.set(|knobs| knobs.revise_spans = 0);
    assert_eq!(final_rows(&sim).await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_candle_is_the_same_on_whatever_page_and_at_whatever_time_it_is_answered() {
    let first = sim(knobs_at(NOON)).await;
    let other = sim(Knobs { seed: 99, ..knobs_at("2025-01-01") }).await;
    let page = |from: &str, limit: u32| {
        format!("/api/v3/klines?symbol=ETHUSDT&interval=5m&startTime={}&limit={limit}", ms(from))
    };
    let series = "binance/ETH-USDT/ohlc/5m";
    let whole = rows(&first, series, &page("2024-03-01", 100)).await;
    let part = rows(&other, series, &page("2024-03-01 01:00:00", 10)).await;

    assert_eq!(body(&first, &page("2024-03-01", 100)).await, body(&first, &page("2024-03-01", 100)).await);
    assert_eq!(part, whole.slice(12..22));
    let btc = rows(&first, series, &page("2024-03-01", 100).replace("ETH", "BTC")).await;
    assert!(!btc.same_row(0, &whole, 0), "another symbol has other candles");
}

#[tokio::test]
async fn before_the_listing_there_is_nothing_and_the_first_candle_holds_it() {
    let listed_from = at("2022-03-10 17:45:20");
    let sim = sim(Knobs { listed_from, ..knobs_at(NOON) }).await;
    let first = async |interval: &str| opens(&sim, &format!("interval={interval}&startTime=0&limit=1")).await;

    assert_eq!(first("1m").await, [ms("2022-03-10 17:45:00")]);
    assert_eq!(first("1w").await, [ms("2022-03-07")]);
    assert_eq!(first("1M").await, [ms("2022-03-01")]);
    let before = format!("interval=1m&startTime=0&endTime={}", ms("2022-03-10 17:44:00"));
    assert!(opens(&sim, &before).await.is_empty());
    assert_eq!(opens(&sim, "interval=1M&limit=1000").await.len(), 28);
}

#[tokio::test]
async fn a_candle_is_absent_only_where_a_hole_covers_all_of_it() {
    let holes = [window("2024-06-01 00:02:30", "2024-06-01 00:05:00"), window("2024-05-01", "2024-05-20")];
    let sim = sim(Knobs { holes: holes.into_iter().collect(), ..knobs_at(NOON) }).await;

    let around = format!("interval=1m&startTime={}&limit=5", ms("2024-06-01"));
    let present = [0, 1, 2, 5, 6].map(|minute| ms("2024-06-01") + minute * 60_000);
    assert_eq!(opens(&sim, &around).await, present);

    let inside = format!("interval=1m&startTime={}&endTime={}", ms("2024-05-02"), ms("2024-05-03"));
    assert!(opens(&sim, &inside).await.is_empty());
    let newest = format!("interval=1m&endTime={}&limit=2", ms("2024-05-19"));
    assert_eq!(opens(&sim, &newest).await, minutes("2024-04-30 23:58:00", 2));
}

#[tokio::test]
async fn every_interval_reads_back_as_exactly_the_rows_of_the_oracle() {
    let holes = [window("2024-02-10 12:00:00", "2024-02-12 06:30:00")];
    let sim = sim(Knobs { holes: holes.into_iter().collect(), ..knobs_at(NOON) }).await;
    let market = sim.market("BTCUSDT").unwrap();
    for (word, label) in [
        ("1m", "1m"),
        ("3m", "3m"),
        ("5m", "5m"),
        ("15m", "15m"),
        ("30m", "30m"),
        ("1h", "1h"),
        ("2h", "2h"),
        ("4h", "4h"),
        ("6h", "6h"),
        ("8h", "8h"),
        ("12h", "12h"),
        ("1d", "1d"),
        ("3d", "3d"),
        ("1w", "1w"),
        ("1M", "1mo"),
    ] {
        let grid = label.parse::<Span>().unwrap().grid();
        let from = grid.floor(at("2024-02-10"));
        let asked = Window::new(from, grid.step(from, 30).min(grid.floor(at(NOON)))).unwrap();
        let path = format!(
            "/api/v3/klines?symbol=BTCUSDT&interval={word}&startTime={}&endTime={}&limit=1000",
            asked.from.millis_floor(),
            asked.until.millis_ceil() - 1
        );
        let got = rows(&sim, &format!("binance/BTC-USDT/ohlc/{label}"), &path).await;
        assert!(!got.is_empty(), "{label}");
        assert_eq!(got, market.candles(grid, asked), "{label}");
    }
}

#[tokio::test]
async fn a_walk_over_pages_gives_a_week_of_minutes_as_the_oracle_has_it() {
    let sim = sim(knobs_at(NOON)).await;
    let asked = window("2024-02-01", "2024-02-08");
    let mut got = Batch::of(dccd::model::Kind::Ohlc);
    let mut from = asked.from;
    while from < asked.until {
        let path = format!(
            "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}&endTime={}&limit=1000",
            from.millis_ceil(),
            asked.until.millis_ceil() - 1
        );
        let page = rows(&sim, "binance/BTC-USDT/ohlc/1m", &path).await;
        from = Micros(page.ends().unwrap().1.0 + 60_000_000);
        got.take_all(&page);
    }
    assert_eq!(got.len(), 7 * 1_440);
    assert_eq!(got, sim.market("BTCUSDT").unwrap().candles(Span::MINUTE.grid(), asked));
}
