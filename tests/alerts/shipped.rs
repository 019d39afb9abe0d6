//! Reads the shipped rules, dashboards and runbooks.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A path of the repository.
pub(crate) fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

pub(crate) fn text(below: &str) -> String {
    fs::read_to_string(path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
}

fn yaml<T: DeserializeOwned>(below: &str) -> T {
    serde_yaml::from_str(&text(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
}

/// The files of a folder with an extension, sorted, without it.
pub(crate) fn stems(folder: &str, extension: &str) -> Vec<String> {
    let mut stems: Vec<String> = fs::read_dir(path(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(extension)?.to_owned()))
        .collect();
    stems.sort();
    stems
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// One rule: an alert, or a recorded series.
#[derive(Clone, Deserialize)]
pub(crate) struct Rule {
    #[serde(default)]
    pub(crate) alert: String,
    #[serde(default)]
    pub(crate) record: String,
    pub(crate) expr: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

fn rules_of(file: &str) -> Vec<Rule> {
    yaml::<Groups>(file).groups.into_iter().flat_map(|group| group.rules).collect()
}

pub(crate) fn alerts() -> Vec<Rule> {
    rules_of("alerts/alerts.yml").into_iter().filter(|rule| rule.record.is_empty()).collect()
}

/// Some stand among the alerts that need them at once.
pub(crate) fn recordings() -> Vec<Rule> {
    let among_alerts = rules_of("alerts/alerts.yml").into_iter().filter(|rule| !rule.record.is_empty());
    rules_of("alerts/recording.yml").into_iter().chain(among_alerts).collect()
}

#[derive(Deserialize)]
struct Cases {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    alert_rule_test: Vec<Moment>,
}

/// The expected state of an alert at one moment.
#[derive(Deserialize)]
pub(crate) struct Moment {
    pub(crate) alertname: String,
    #[serde(default)]
    pub(crate) exp_alerts: Vec<Expected>,
}

#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) exp_labels: BTreeMap<String, String>,
    pub(crate) exp_annotations: BTreeMap<String, String>,
}

/// Every case of every alert, each test of a file in its order of time.
pub(crate) fn cases() -> Vec<Vec<Moment>> {
    let files = stems("alerts/tests", ".yml");
    let tests = files.iter().flat_map(|file| yaml::<Cases>(&format!("alerts/tests/{file}.yml")).tests);
    tests.map(|test| test.alert_rule_test).collect()
}
