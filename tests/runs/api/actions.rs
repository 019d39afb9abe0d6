//! Actions on single series and tasks.

use super::{HOURLY, Running, segment};

const FAILING: &str = "binance/NONE-USDT/ohlc/1h";
const DAILY: &str = "binance/BTC-USDT/ohlc/1d";

#[tokio::test]
async fn a_job_is_run_paused_and_resumed_and_its_line_shows_it() {
    let running = Running::start().await;
    running.settled().await;
    let (own, line) = (segment(DAILY), format!("/api/v1/series/{}", segment(DAILY)));
    let runs = format!("/api/v1/runs?series={DAILY}");
    assert_eq!(running.get(&runs).await.json()["runs"].as_array().unwrap().len(), 1);

    let started = running.post(&format!("/api/v1/jobs/{own}/run"), "").await;

    assert_eq!((started.status, &started.json()["series"]), (202, &DAILY.into()), "{started:?}");
    let has_ended = |run: &serde_json::Value| run["outcome"] == "succeeded";
    let all_ended = |page: &serde_json::Value| page["runs"].as_array().unwrap().iter().all(has_ended);
    running.wait_for(&runs, |page| page["runs"].as_array().unwrap().len() == 2 && all_ended(page)).await;
    assert_eq!(running.get(&line).await.json()["held"]["rows"], 30);
    let paused = running.post(&format!("/api/v1/jobs/{own}/pause"), "").await;
    assert_eq!((paused.status, paused.json()["series"][0].as_str()), (200, Some(DAILY)), "{paused:?}");
    // A change is seen at once by the client that made it.
    assert_eq!(running.get(&line).await.json()["state"], "paused");
    running.post(&format!("/api/v1/jobs/{own}/resume"), "").await;
    assert_eq!(running.get(&line).await.json()["runs"]["paused"], false);
    running.stop().await;
}

#[tokio::test]
async fn a_task_is_ignored_retried_and_left_alone_where_its_state_forbids_it() {
    let running = Running::start().await;
    running.settled().await;
    let task = format!("/api/v1/jobs/{}", segment(FAILING));

    let ignored = running.post(&format!("{task}/ignore"), r#"{"reason": "delisted"}"#).await;
    let shown = running.get(&task).await.json();
    let retried = running.post(&format!("{task}/retry"), "").await;

    assert_eq!((ignored.status, retried.status), (200, 200), "{ignored:?} {retried:?}");
    assert_eq!((&shown["status"], &shown["reason"]), (&"ignored".into(), &"delisted".into()));
    assert_eq!(retried.json()["status"], "pending");
    // It is an action on several jobs, and no id.
    let several = running.get("/api/v1/jobs/retry").await;
    assert_eq!(several.status, 404, "{several:?}");
    let run = running.get("/api/v1/jobs/run").await;
    assert_eq!((run.status, run.header("allow")), (405, Some("POST")), "{run:?}");
    let unlocked = running.post(&format!("/api/v1/jobs/{}/unlock", segment(HOURLY)), "").await;
    assert_eq!(unlocked.status, 409, "{unlocked:?}");
    assert_eq!(unlocked.header("content-type"), Some("application/problem+json"));
    for (action, body, status) in [
        ("ignore", "", 400),
        ("ignore", "{}", 400),
        ("retry", r#"{"force": 1}"#, 400),
        ("retry?force=1", "", 400),
        ("retry", r#"{"forc": true}"#, 400),
    ] {
        let refused = running.post(&format!("{task}/{action}"), body).await;
        assert_eq!(refused.status, status, "{action} {body}: {refused:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_range_is_fetched_and_a_deleted_file_is_a_gap_until_it_is_repaired() {
    let running = Running::start().await;
    running.settled().await;
    let own = format!("/api/v1/series/{}", segment(HOURLY));

    let body = r#"{"from": "2023-12-01T00:00:00Z", "until": "2023-12-03T00:00:00Z"}"#;
    let started = running.post(&format!("{own}/backfill"), body).await;

    assert_eq!(started.status, 202, "{started:?}");
    running.wait_for(&own, |one| one["held"]["rows"] == 36 + 48).await;
    let folder = running.setup.layout().folder(&HOURLY.parse().unwrap());
    let old = std::fs::read_dir(&folder).unwrap().flatten().map(|file| file.path());
    old.filter(|path| path.to_string_lossy().contains("2023"))
        .for_each(|path| std::fs::remove_file(path).unwrap());
    let is_gone = |page: &serde_json::Value| {
        page["gaps"][0]["reason"].as_str().is_some_and(|reason| reason.contains("deleted"))
    };
    let gap = running.wait_for(&format!("{own}/gaps?state=gap"), is_gone).await;
    assert_eq!(gap["gaps"][0]["from"], "2023-12-01T00:00:00Z");
    let repaired = running.post(&format!("{own}/repair"), "").await;
    assert_eq!(repaired.status, 202, "{repaired:?}");
    running.wait_for(&own, |one| one["held"]["rows"].as_u64() >= Some(36 + 48)).await;
    let refused = running.post(&format!("{own}/backfill"), r#"{"from": "2023-12-01"}"#).await;
    assert_eq!((refused.status, &refused.json()["parameter"]), (400, &"from".into()), "{refused:?}");
    let other = running.post("/api/v1/series/mtgox%2FBTC-USDT%2Fohlc%2F1h/backfill", body).await;
    assert_eq!(other.status, 404, "{other:?}");
    let sync = running.post("/api/v1/copies/sync", "").await;
    assert!(sync.status == 409 && sync.body.contains("no remote"), "{sync:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_request_with_a_key_is_carried_out_once() {
    let running = Running::start().await;
    running.settled().await;
    let path = format!("/api/v1/jobs/{}/run", segment(DAILY));
    let key = "Idempotency-Key: 5f3a\r\n";

    let first = running.ask("POST", &path, key, "").await;
    let again = running.ask("POST", &path, key, "").await;
    let other = running.ask("POST", &path.replace("/run", "/pause"), key, "").await;
    let new = running.ask("POST", &path, "Idempotency-Key: 5f3b\r\n", "").await;

    assert_eq!((first.status, again.status), (202, 202), "{first:?} {again:?}");
    assert_eq!(first.body, again.body, "it is the same request");
    assert_ne!(first.body, new.body);
    assert_eq!((other.status, &other.json()["status"]), (422, &422.into()), "{other:?}");
    for odd in
        ["Idempotency-Key: \r\n", "Idempotency-Key: a b\r\n", "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"]
    {
        assert_eq!(running.ask("POST", &path, odd, "").await.status, 400, "{odd}");
    }
    running.stop().await;
}
