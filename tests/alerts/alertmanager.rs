//! The way from an alert to a message: routes, texts, and what happens when Slack is dead.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::needs;
use crate::overlay::{self, Timing};
use crate::post::PostBox;
use crate::process::{ask, run, wait_for};
use crate::shipped::{alerts, path};

#[test]
fn amtool_finds_nothing_wrong_with_the_configuration() {
    if needs::programs(&["amtool"]) {
        run(&path("alerts"), "amtool", &["check-config", "alertmanager.yml"]).unwrap();
    }
}

#[test]
fn every_alert_goes_to_the_receiver_of_its_severity() {
    if !needs::programs(&["amtool"]) {
        return;
    }
    for alert in alerts() {
        let severity = alert.labels["severity"].as_str();
        let receiver = match (alert.alert.as_str(), severity) {
            ("DccdWatchdog", _) => "heartbeat",
            ("DccdNotificationsFailing", _) => "second",
            (_, "info") => "nobody",
            (_, "critical" | "warning") => "slack",
            (name, severity) => panic!("{name} has severity {severity} and no receiver"),
        };
        let verify = format!("--verify.receivers={receiver}");
        let labels = [format!("alertname={}", alert.alert), format!("severity={severity}")];
        let arguments =
            ["config", "routes", "test", "--config.file=alertmanager.yml", &verify, &labels[0], &labels[1]];
        run(&path("alerts"), "amtool", &arguments).unwrap();
    }
}

#[test]
fn a_firing_alert_is_told_in_the_words_users_know_with_what_to_do_and_where_to_read_on() {
    let Some(told) = rendered(&[FIRING]) else { return };

    assert_eq!(told.title, ":warning: dccd: 3 consecutive errors on binance BTC/USDT");
    assert_eq!(
        told.text,
        ":warning: dccd: 3 consecutive errors on binance BTC/USDT\n\
         Look at the log.\n\
         *DccdConsecutiveErrors* (warning) on a:9430, since 2026-01-01 10:00:00 UTC · \
         <https://runbooks/DccdConsecutiveErrors.md|runbook> · `dccd alerts runbook DccdConsecutiveErrors`"
    );
    assert_eq!(
        (told.color.as_str(), told.runbook.as_str()),
        ("warning", "https://runbooks/DccdConsecutiveErrors.md")
    );
}

#[test]
fn a_critical_alert_looks_worse() {
    let Some(told) = rendered(&[&FIRING.replace("\"warning\"", "\"critical\"")]) else { return };

    assert_eq!(told.title, ":rotating_light: dccd: 3 consecutive errors on binance BTC/USDT");
    assert_eq!(told.color, "danger");
}

#[test]
fn an_alert_that_is_over_is_told_as_resolved_with_its_time() {
    let Some(told) = rendered(&[RESOLVED]) else { return };

    assert_eq!(told.title, ":white_check_mark: dccd: resolved: 4 consecutive errors on binance ETH/USDT");
    assert_eq!(
        told.text,
        ":white_check_mark: dccd: resolved: 4 consecutive errors on binance ETH/USDT\n\
         *DccdConsecutiveErrors* on a:9430, from 2026-01-01 10:00:00 until 2026-01-01 10:07:30 UTC"
    );
    assert_eq!(told.color, "good");
}

#[test]
fn alerts_of_one_group_are_one_message_that_counts_them_and_tells_those_that_are_over_last() {
    let Some(told) = rendered(&[RESOLVED, FIRING, &FIRING.replace("BTC", "XRP")]) else { return };

    assert_eq!(told.title, ":warning: dccd: 3 consecutive errors on binance BTC/USDT (and 1 more)");
    let lines: Vec<&str> = told.text.lines().filter(|line| line.contains("consecutive errors")).collect();
    assert_eq!(
        lines,
        [
            ":warning: dccd: 3 consecutive errors on binance BTC/USDT",
            ":warning: dccd: 3 consecutive errors on binance XRP/USDT",
            ":white_check_mark: dccd: resolved: 4 consecutive errors on binance ETH/USDT",
        ]
    );
}

#[tokio::test]
async fn alertmanager_starts_without_the_address_of_slack_and_tells_of_its_absence_by_the_second_receiver() {
    if !needs::programs(&["prometheus-alertmanager"]) {
        return;
    }
    let (folder, second) = (TempDir::new().unwrap(), PostBox::open().await);
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/second_url"), second.url("second")).unwrap();
    let server = overlay::alertmanager(folder.path(), Timing::Quick).await;

    post(&server, "DccdConsecutiveErrors", "warning").await;
    wait_for("a notification that failed", async || {
        let metrics = server.get("/metrics").await;
        let failed = r#"alertmanager_notifications_failed_total{integration="slack"} "#;
        metrics.lines().any(|line| line.strip_prefix(failed).is_some_and(|count| count != "0")).then_some(())
    })
    .await;
    post(&server, "DccdNotificationsFailing", "critical").await;

    let message = wait_for("the second receiver", async || second.messages().first().cloned()).await;
    assert_eq!(message.path, "/second");
    assert_eq!(message.attachment().title, ":rotating_light: dccd: told");
}

async fn post(server: &crate::process::Server, alert: &str, severity: &str) {
    let body = format!(
        r#"[{{"labels": {{"alertname": "{alert}", "severity": "{severity}", "exchange": "binance"}}, "annotations": {{"summary": "told", "runbook_url": "https://r/x.md", "dashboard_url": "https://d/x"}}}}]"#
    );
    ask(server.address, "POST", "/api/v2/alerts", &body).await.unwrap();
}

const FIRING: &str = r#"{"status": "firing", "startsAt": "2026-01-01T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
    "labels": {"alertname": "DccdConsecutiveErrors", "severity": "warning", "instance": "a:9430"},
    "annotations": {"summary": "3 consecutive errors on binance BTC/USDT", "description": "Look at the log.",
        "runbook_url": "https://runbooks/DccdConsecutiveErrors.md", "dashboard_url": "http://grafana/d/x"}}"#;

const RESOLVED: &str = r#"{"status": "resolved", "startsAt": "2026-01-01T10:00:00Z", "endsAt": "2026-01-01T10:07:30Z",
    "labels": {"alertname": "DccdConsecutiveErrors", "severity": "warning", "instance": "a:9430"},
    "annotations": {"summary": "4 consecutive errors on binance ETH/USDT", "description": "Look at the log.",
        "runbook_url": "https://runbooks/DccdConsecutiveErrors.md", "dashboard_url": "http://grafana/d/x"}}"#;

struct Rendered {
    title: String,
    text: String,
    color: String,
    runbook: String,
}

/// The notification for these alerts as the templates render it; `None` if amtool is missing.
fn rendered(alerts: &[&str]) -> Option<Rendered> {
    if !needs::programs(&["amtool"]) {
        return None;
    }
    let folder = TempDir::new().unwrap();
    let status = if alerts.iter().any(|alert| alert.contains(r#""status": "firing""#)) {
        "firing"
    } else {
        "resolved"
    };
    let severity = if alerts.iter().any(|alert| alert.contains("critical")) { "critical" } else { "warning" };
    let data = format!(
        r#"{{"receiver": "slack", "status": "{status}", "alerts": [{}], "groupLabels": {{}}, "commonLabels": {{"severity": "{severity}"}}, "commonAnnotations": {{}}, "externalURL": ""}}"#,
        alerts.join(", ")
    );
    fs::write(folder.path().join("data.json"), data).unwrap();
    let [title, text, color, runbook] =
        ["title", "text", "color", "runbook"].map(|name| render(folder.path(), name));
    Some(Rendered { title, text, color, runbook })
}

/// The template as a receiver of Alertmanager would use it, without the empty lines around it.
fn render(folder: &Path, name: &str) -> String {
    let templates = format!("--template.glob={}", path("alerts/templates").join("*.tmpl").display());
    let text = format!("--template.text={{{{ template \"dccd.{name}\" . }}}}");
    let arguments = ["template", "render", &templates, &text, "--template.data=data.json"];
    run(folder, "amtool", &arguments).unwrap().trim().to_owned()
}
