//! The same numbers over HTTP and on the command line.

use serde_json::Value;

use super::{HOURLY, Running, segment};

/// The parts of all pages of an answer.
async fn all(running: &Running, path: &str, part: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let answer = running.get(&format!("{path}{joint}limit=1{cursor}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        assert!(page[part].as_array().unwrap().len() <= 1);
        found.extend(page[part].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn what_the_command_line_prints_is_what_http_answers() {
    let running = Running::start().await;
    running.settled().await;
    std::fs::remove_file(running.setup.layout().folder(&HOURLY.parse().unwrap()).join("2024.open.parquet"))
        .or_else(|_| {
            let folder = running.setup.layout().folder(&HOURLY.parse().unwrap());
            let mut files = std::fs::read_dir(folder).unwrap().flatten().map(|file| file.path());
            std::fs::remove_file(
                files.find(|path| path.extension().is_some_and(|own| own == "parquet")).unwrap(),
            )
        })
        .unwrap();
    running
        .wait_for(&format!("/api/v1/series/{}", segment(HOURLY)), |one| {
            one["held"]["gone_files"].as_array().is_some_and(|gone| !gone.is_empty())
        })
        .await;

    let series = all(&running, "/api/v1/series", "series").await;

    let held: Vec<&Value> = series.iter().map(|one| &one["held"]).filter(|held| !held.is_null()).collect();
    let inventory = running.printed(&["inventory", "--json"]).await;
    // A table has the shorter span first, a list of names has not.
    let mut inventory: Vec<&Value> = inventory.as_array().unwrap().iter().collect();
    inventory.sort_by_key(|line| line["series"].as_str());
    assert_eq!(held, inventory);
    let runs: Vec<&Value> = series.iter().map(|one| &one["runs"]).filter(|runs| !runs.is_null()).collect();
    let status = running.printed(&["status", "--wide", "--json"]).await;
    assert_eq!(runs, status.as_array().unwrap().iter().collect::<Vec<_>>());
    let gaps = all(&running, &format!("/api/v1/series/{}/gaps", segment(HOURLY)), "gaps").await;
    assert!(gaps.iter().any(|gap| gap["reason"].as_str().unwrap().contains("deleted")), "{gaps:?}");
    assert_eq!(Value::from(gaps), running.printed(&["gaps", HOURLY, "--json"]).await);
    let tasks = all(&running, "/api/v1/jobs", "jobs").await;
    assert_eq!(Value::from(tasks.clone()), running.printed(&["jobs", "ls", "--json"]).await);
    for task in &tasks {
        let id = task["id"].as_str().unwrap();
        let one = running.get(&format!("/api/v1/jobs/{}", segment(id))).await.json();
        assert_eq!(one, running.printed(&["jobs", "show", id, "--json"]).await);
        let own = all(
            &running,
            &format!("/api/v1/runs?series={}", segment(task["series"].as_str().unwrap())),
            "runs",
        )
        .await;
        assert!(own.len() >= one["attempts_kept"].as_array().unwrap().len(), "{own:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_run_has_its_error_with_the_causes_and_its_task() {
    let running = Running::start().await;
    running.settled().await;

    let failed = running.get("/api/v1/runs?outcome=failed").await.json();

    let run = &failed["runs"][0];
    assert_eq!(run["series"], "binance/NONE-USDT/ohlc/1h");
    assert_eq!((&run["outcome"], &run["kind"]), (&"failed".into(), &"job".into()));
    assert!(run["error"].as_str().unwrap().contains("NONE"), "{run}");
    let one = running.get(&format!("/api/v1/runs/{}", segment(run["id"].as_str().unwrap()))).await;
    assert_eq!(&one.json(), run);
    let task = running.get(&format!("/api/v1/jobs/{}", segment(run["task"].as_str().unwrap()))).await.json();
    let last = task["attempts_kept"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["number"], &last["causes"]), (&run["number"], &run["causes"]));
    let other = running.get("/api/v1/runs?outcome=failed&series=binance/BTC-USDT/ohlc/1h").await.json();
    assert_eq!(other["runs"].as_array().unwrap().len(), 0);
    running.stop().await;
}

#[tokio::test]
async fn an_answer_is_sent_once_and_a_head_has_none() {
    let running = Running::start().await;
    running.settled().await;
    for path in ["/api/v1/series?exchange=binance", "/api/v1/jobs", "/api/v1/runs", "/api/openapi.json"] {
        let first = running.get(path).await;
        let tag = first.header("etag").unwrap();

        let again = running.ask("GET", path, &format!("If-None-Match: {tag}\r\n"), "").await;
        let head = running.ask("HEAD", path, "", "").await;

        assert_eq!((first.status, again.status, again.body.as_str()), (200, 304, ""), "{path}");
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), first.header("content-length"), "{path}");
        let foreign = running.ask("GET", path, "Origin: https://evil.example\r\n", "").await;
        assert!(!foreign.head.to_ascii_lowercase().contains("access-control"), "{path}");
        let options = running.ask("OPTIONS", path, "Origin: https://evil.example\r\n", "").await;
        assert_eq!((options.status, options.header("allow")), (405, Some("GET, HEAD")), "{path}");
        assert_eq!(options.header("content-type"), Some("application/problem+json"), "{path}");
    }
    running.stop().await;
}
