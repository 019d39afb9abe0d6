//! Alerts, their cases, runbooks and metrics name one another, and nothing that is not there.

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory;

use crate::catalogue::{OF_COLLECT, OF_OTHERS, families};
use crate::promql::{family, names};
use crate::shipped::{alerts, cases, recordings, stems, text};

#[test]
fn every_metric_a_rule_asks_for_exists() {
    let known = known();
    let mut unknown = BTreeSet::new();
    for rule in recordings().iter().chain(&alerts()) {
        for name in names(&rule.expr) {
            if !known.contains(name.as_str()) && !known.contains(family(&name)) {
                unknown.insert(format!("{}{}: {name}", rule.alert, rule.record));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_alert_has_a_severity_a_summary_a_runbook_and_a_dashboard() {
    let runbooks = stems("docs/runbooks", ".md");
    for alert in alerts() {
        let name = &alert.alert;
        assert!(name.starts_with("Dccd"), "{name}");
        let severity = alert.labels["severity"].as_str();
        assert!(["critical", "warning", "info", "none"].contains(&severity), "{name}: {severity}");
        assert_eq!(alert.labels.len(), 1, "{name} has labels beside its severity");
        let keys: Vec<&str> = alert.annotations.keys().map(String::as_str).collect();
        assert_eq!(keys, ["dashboard_url", "description", "runbook_url", "summary"], "{name}");
        let runbook = alert.annotations["runbook_url"].rsplit_once("/docs/runbooks/").unwrap().1;
        assert_eq!(runbook, format!("{name}.md"));
        assert!(runbooks.contains(name), "{name} has no runbook");
    }
}

#[test]
fn every_runbook_is_of_an_alert_is_listed_and_has_its_three_parts() {
    let names: BTreeSet<String> = alerts().into_iter().map(|alert| alert.alert).collect();
    let index = text("docs/runbooks/README.md");
    for page in stems("docs/runbooks", ".md").into_iter().filter(|page| page != "README") {
        assert!(names.contains(&page), "{page} is the runbook of no alert");
        assert!(index.contains(&format!("[{page}]({page}.md)")), "{page} is not listed");
        let body = text(&format!("docs/runbooks/{page}.md"));
        assert!(body.starts_with(&format!("# {page}\n")), "{page}");
        for part in ["\n## What it means\n", "\n## What to look at\n", "\n## What to do\n"] {
            assert!(body.contains(part), "{page}: no{part}");
        }
    }
}

#[test]
fn runbooks_and_descriptions_name_only_commands_and_alerts_that_exist() {
    let program = dccd::cli::Cli::command();
    let commands: BTreeSet<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
    let names: BTreeSet<String> = alerts().into_iter().map(|alert| alert.alert).collect();
    let mut texts: BTreeMap<String, String> = stems("docs/runbooks", ".md")
        .into_iter()
        .map(|page| (page.clone(), text(&format!("docs/runbooks/{page}.md"))))
        .collect();
    texts.insert("alerts.yml".to_owned(), text("alerts/alerts.yml"));
    let mut wrong = BTreeSet::new();
    for (page, body) in &texts {
        let flat = body.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in flat.split("`dccd ").skip(1) {
            let command = said.split(['`', ' ']).next().unwrap();
            if !commands.contains(command) {
                wrong.insert(format!("{page}: dccd {command}"));
            }
        }
        for word in flat.split(|c: char| !c.is_alphanumeric()).filter(|word| word.starts_with("Dccd")) {
            if !names.contains(word) {
                wrong.insert(format!("{page}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_alert_has_a_case_in_which_it_stays_silent_fires_and_falls_silent_again() {
    let mut seen: BTreeMap<String, [bool; 3]> = BTreeMap::new();
    for test in cases() {
        let mut fired: BTreeSet<&str> = BTreeSet::new();
        for moment in &test {
            let known = seen.entry(moment.alertname.clone()).or_default();
            if !moment.exp_alerts.is_empty() {
                known[1] = true;
                fired.insert(&moment.alertname);
            } else if fired.contains(moment.alertname.as_str()) {
                known[2] = true;
            } else {
                known[0] = true;
            }
        }
    }
    let names: BTreeSet<String> = alerts().into_iter().map(|alert| alert.alert).collect();
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), names);
    // A watchdog has no moment before it: it is to fire from the first scrape on.
    seen.remove("DccdWatchdog");
    let lacking: Vec<_> = seen.iter().filter(|(_, known)| !known.iter().all(|is| *is)).collect();
    assert!(lacking.is_empty(), "silent, firing, silent again: {lacking:?}");
}

#[test]
fn every_case_compares_the_severity_and_all_annotations() {
    let severities: BTreeMap<String, String> =
        alerts().into_iter().map(|alert| (alert.alert, alert.labels["severity"].clone())).collect();
    for moment in cases().into_iter().flatten() {
        for expected in &moment.exp_alerts {
            assert_eq!(expected.exp_labels["severity"], severities[&moment.alertname]);
            assert_eq!(expected.exp_annotations.len(), 4, "{}", moment.alertname);
        }
    }
}

/// Every name a rule or a panel may ask for.
pub(crate) fn known() -> BTreeSet<String> {
    let mut known = families();
    let foreign = OF_OTHERS.iter().chain(&OF_COLLECT).copied();
    known.extend(foreign.map(str::to_owned));
    known.extend(recordings().into_iter().map(|rule| rule.record));
    known
}
