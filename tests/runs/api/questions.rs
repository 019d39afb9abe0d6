//! Wrong and hostile questions: each is refused by the part that is wrong, and the daemon goes on.

use std::collections::BTreeSet;

use super::{HOURLY, Running, segment};

#[tokio::test]
async fn what_is_wrong_with_a_question_is_named() {
    let running = Running::start().await;
    running.settled().await;
    let own = segment(HOURLY);
    let page = running.get("/api/v1/series?limit=1").await.json();
    let cursor = page["next"].as_str().unwrap();
    for (path, parameter, words) in [
        ("/api/v1/series?colour=red", "colour", "use cursor, exchange, kind, limit, pair, sort, state, text"),
        ("/api/v1/series?limit=1&limit=2", "limit", "given twice"),
        ("/api/v1/series?limit=501", "limit", "from 1 to 500"),
        ("/api/v1/series?limit=", "limit", "from 1 to 500"),
        ("/api/v1/series?sort=-size", "sort", "series, from, to, rows"),
        ("/api/v1/series?state=broken", "state", "unaccounted, unconfigured"),
        ("/api/v1/series?kind=candles", "kind", "ohlc"),
        ("/api/v1/series?exchange=mtgox", "exchange", "binance"),
        ("/api/v1/series?pair=BTC", "pair", "BASE-QUOTE"),
        ("/api/v1/series?cursor=abc", "cursor", "not of this query"),
        (&format!("/api/v1/series?limit=1&sort=rows&cursor={cursor}"), "cursor", "not of this query"),
        (&format!("/api/v1/jobs?cursor={cursor}"), "cursor", "not of this query"),
        (&format!("/api/v1/runs?cursor={cursor}"), "cursor", "not of this query"),
        (&format!("/api/v1/series/{own}/gaps?cursor={cursor}"), "cursor", "not of this query"),
        (&format!("/api/v1/series/{own}/gaps?state=hole"), "state", "gap, empty, unfillable, set aside"),
        (&format!("/api/v1/series/{own}/coverage?from=2024-01-01"), "from", "has no zone"),
        (
            &format!("/api/v1/series/{own}/coverage?from=2024-01-02T00:00:00Z&until=2024-01-01T00:00:00Z"),
            "until",
            "after",
        ),
        (&format!("/api/v1/series/{own}/coverage?windows=0"), "windows", "from 1 to 10000"),
        (&format!("/api/v1/series/{own}/files?limit=0"), "limit", "from 1 to 1000"),
        (&format!("/api/v1/series/{own}?at=now"), "at", "nor any other"),
        ("/api/v1/jobs?status=running", "status", "pending, in_progress"),
        ("/api/v1/jobs?series=binance", "series", "such as binance/BTC-USDT/ohlc/1h"),
        ("/api/v1/runs?outcome=won", "outcome", "succeeded, failed"),
        ("/api/openapi.json?pretty=1", "pretty", "nor any other"),
    ] {
        let answer = running.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        let problem = answer.json();
        assert_eq!(problem["parameter"], parameter, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{path}: {problem}");
    }
    running.stop().await;
}

#[tokio::test]
async fn hostile_names_are_not_found_and_touch_nothing() {
    let running = Running::start().await;
    running.settled().await;
    let long = "a".repeat(5_000);
    let names = [
        "..%2F..%2F..%2Fetc%2Fpasswd",
        "%00",
        "%2e%2e",
        "binance%2F..%2F..%2Fx%2F1h",
        "binance",
        "a%2Fb%2Fc%2Fd%2Fe",
        "'%3B%20DROP%20TABLE%20task%3B--",
        "%3Cscript%3E",
        &long,
        "binance%2FBTC-USDT%2Fohlc%2F1h%2F",
        "%E2%80%AE",
    ];
    for name in names {
        for path in
            ["series/{}", "series/{}/gaps", "series/{}/coverage", "series/{}/files", "jobs/{}", "runs/{}"]
        {
            let answer = running.get(&format!("/api/v1/{}", path.replace("{}", name))).await;
            assert_eq!(answer.status, 404, "{path} {name}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert!(answer.body.len() < 2_000, "{path}: {} bytes", answer.body.len());
        }
        for action in ["series/{}/repair", "jobs/{}/run", "jobs/{}/pause", "jobs/{}/cancel", "jobs/{}/retry"]
        {
            let answer = running.post(&format!("/api/v1/{}", action.replace("{}", name)), "").await;
            assert_eq!(answer.status, 404, "{action} {name}: {answer:?}");
        }
    }
    let odd = running.get("/api/v1/series/%ff").await;
    assert_eq!((odd.status, &odd.json()["parameter"]), (400, &"id".into()), "{odd:?}");
    assert_eq!(running.get("/api/v1/series/").await.status, 404);
    assert_eq!(running.get("/api/v2/x").await.json()["status"], 404);
    running.stop().await;
}

#[tokio::test]
async fn page_by_page_every_series_comes_once_in_every_order() {
    let bases: Vec<String> = (0..40).map(|number| format!("T{number}/USDT")).collect();
    let job = format!(
        "{{exchange: binance, pairs: ['BTC/USDT', {}], span: 3600, start: 2024-01-30, max_retries: 1, retry_delay: 0.01}}",
        bases.join(", ")
    );
    let running = Running::with(&job).await;
    let is_settled = |page: &serde_json::Value| page["states"]["ok"] == 1 && page["states"]["failing"] == 40;
    running.wait_for("/api/v1/series", is_settled).await;
    for sort in ["series", "-series", "rows", "-rows", "last_run_at", "-errors"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = running.get(&format!("/api/v1/series?limit=7&sort={sort}{cursor}")).await.json();
            assert_eq!(page["total"], 41, "{sort}");
            let names = page["series"].as_array().unwrap().iter().map(|one| one["series"].as_str().unwrap());
            seen.extend(names.map(str::to_owned));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (41, 41), "{sort}");
        // Series without a value come last, whatever the direction.
        if sort.contains("rows") {
            assert_eq!(seen[0], HOURLY, "{sort}");
        }
        if sort == "-series" {
            assert!(seen.is_sorted_by(|one, other| one > other));
        }
    }
    let found = running.get("/api/v1/series?text=t3&state=failing").await.json();
    assert_eq!((&found["total"], &found["states"]["failing"]), (&11.into(), &11.into()), "{found}");
    let pair = running.get("/api/v1/series?pair=BTC%2FUSDT&kind=ohlc&exchange=binance").await.json();
    assert_eq!(pair["total"], 1);
    running.stop().await;
}

#[tokio::test]
async fn the_coverage_of_a_hundred_years_is_bounded_and_whole() {
    let running = Running::start().await;
    running.settled().await;
    let path = format!("/api/v1/series/{}/coverage", segment(HOURLY));
    let own = running.get(&path).await.json();
    assert_eq!((&own["exact"], &own["from"]), (&true.into(), &"2024-01-30T00:00:00Z".into()), "{own}");
    assert_eq!(
        (&own["windows"][0]["state"], &own["total"]["covered"]),
        (&"covered".into(), &(36.0 * 3_600.0).into())
    );

    let years = running
        .get(&format!("{path}?from=1926-01-01T00:00:00Z&until=2126-01-01T00:00:00Z&windows=1"))
        .await
        .json();

    assert_eq!(years["total"], own["total"]);
    let window = &years["windows"][0];
    assert_eq!((years["windows"].as_array().unwrap().len(), &window["state"]), (1, &"gap".into()), "{years}");
    assert_eq!(window["mixed"], own["total"]);
    let before =
        running.get(&format!("{path}?from=1926-01-01T00:00:00Z&until=1927-01-01T00:00:00Z")).await.json();
    assert_eq!(
        before["windows"].as_array().unwrap().len(),
        0,
        "time that was never asked for is in no window"
    );
    running.stop().await;
}
