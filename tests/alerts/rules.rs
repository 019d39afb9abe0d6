//! The rules, as Prometheus itself judges them.

use crate::needs;
use crate::process::run;
use crate::shipped::{path, stems};

#[test]
fn promtool_finds_nothing_wrong_with_rules_and_configuration() {
    if !needs::programs(&["promtool"]) {
        return;
    }
    let folder = path("alerts");
    run(
        &folder,
        "promtool",
        &["check", "rules", "--lint=all", "--lint-fatal", "recording.yml", "alerts.yml"],
    )
    .unwrap();
    run(&folder, "promtool", &["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"]).unwrap();
}

/// Two at a time: each file takes seconds of one core.
#[test]
fn every_alert_does_and_does_not_fire_when_its_cases_say_so() {
    if !needs::programs(&["promtool"]) {
        return;
    }
    let mut files: Vec<String> =
        stems("alerts/tests", ".yml").iter().map(|file| format!("tests/{file}.yml")).collect();
    assert!(files.len() > 5, "{files:?}");
    // The longest one is begun first.
    files.sort_by_key(|file| (file != "tests/slow.yml", file.clone()));
    let (one, others) = files.split_at(1);
    std::thread::scope(|scope| {
        let long = scope.spawn(|| test_rules(one));
        let rest = test_rules(others);
        let failed: Vec<String> = [long.join().unwrap(), rest].into_iter().filter_map(Result::err).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    });
}

fn test_rules(files: &[String]) -> Result<String, String> {
    let arguments: Vec<&str> =
        ["test", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect();
    run(&path("alerts"), "promtool", &arguments)
}
