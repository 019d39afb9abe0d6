//! Requests made at random from the document of the API, by schemathesis: no route fails, and none answers anything
//! that the document does not say. What is excluded is in `tests/schemathesis`, with the reasons.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dccd::sim::Knobs;
use serde_json::Value;
use tokio::process::Command;

use super::{JOBS, Running};
use crate::needs;
use crate::program::{command, configure, wait_for_exit};
use crate::test_daemon::TestDaemon;

const TOKEN: &str = "a-token-of-this-test";
/// A slow machine may take so long for the long form.
const PATIENCE: Duration = Duration::from_mins(20);

#[tokio::test]
async fn random_requests_get_answers_that_the_document_says() {
    let Some(python) = needs::python() else { return };
    let (running, address) = start().await;
    running.settled().await;
    let folder = running.setup.folder.path();
    // Of each route; the requests at the bounds of each parameter come on top.
    let (each, least) = if needs::is_siege() { ("60", 2_000) } else { ("8", 300) };
    // From a file: of an address, schemathesis would leave out the route that the document comes from.
    std::fs::write(folder.join("openapi.json"), running.get("/api/openapi.json").await.body).unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis");

    let asking = Command::new(python)
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(own.join("config.toml"))
        .args(["run", "openapi.json", "--url", &format!("http://{address}")])
        .args(["--checks", "all", "--seed", "1"])
        .args(["--max-examples", each])
        .args(["--no-color", "--no-shrink", "--report", "json", "--report-json-path", "report.json"])
        .env("SCHEMATHESIS_HOOKS", own.join("hooks.py"))
        .env("DCCD_TOKEN", TOKEN)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(PATIENCE, asking).await.expect("it does not end").unwrap();

    let output = [ended.stdout, ended.stderr].concat();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&output));
    let report: Value = serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap();
    // All but `/api/v1/events` and the pages.
    let asked = dccd::http::routes().filter(|(path, ..)| !is_page(path)).count() - 1;
    assert_eq!(report["operations"]["tested"], asked, "{report}");
    let cases = report["test_cases"]["generated"].as_u64().unwrap();
    assert!(cases >= least, "only {cases} requests: {report}");
    running.stop().await;
}

/// Whether a path is that of a page, which the configuration leaves out.
fn is_page(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    let pages = [
        "",
        "assets",
        "sign-in",
        "sign-out",
        "series",
        "jobs",
        "runs",
        "streams",
        "storage",
        "workers",
        "history",
        "logs",
        "configuration",
    ];
    pages.contains(&first)
}

/// A daemon that takes actions over TCP, and its address.
async fn start() -> (Running, String) {
    let setup = TestDaemon::with(JOBS, "2024-01-31 12:00:30", Knobs::default()).await;
    let folder = setup.folder.path();
    let token = folder.join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let http = format!("http: {{listen: [\"127.0.0.1:0\"], token_file: {:?}}}", token.display().to_string());
    configure(&setup, &setup.text().replace("http: {listen: []}", &http));
    let output = folder.join("stdout");
    let child = command(&setup, &["start"])
        .stdout(File::create(&output).unwrap())
        .stderr(File::create(folder.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    let printed = std::fs::read_to_string(output).unwrap();
    let address = printed.lines().find_map(|line| line.strip_prefix("Serving http://")?.split('/').next());
    let address = address.unwrap_or_else(|| panic!("no address in {printed}")).to_owned();
    (Running { setup, child }, address)
}
