//! The dashboards: the rules of grafana/dashboard-linter and a few of our own, read from the shipped JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use promql_parser::parser::{Call, Expr, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde::Deserialize;
use tempfile::TempDir;

use crate::catalogue::families;
use crate::consistency::known;
use crate::needs;
use crate::promql::{family, names, selectors};
use crate::shipped::{alerts, path, recordings, stems, text};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dashboard {
    uid: String,
    title: String,
    description: String,
    editable: bool,
    templating: List<Variable>,
    annotations: List<Annotation>,
    pub(crate) panels: Vec<Panel>,
}

impl Dashboard {
    /// The data source that is chosen at first.
    pub(crate) fn source(&self) -> &str {
        &self.templating.list[0].current.value
    }
}

#[derive(Deserialize)]
struct List<T> {
    list: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variable {
    name: String,
    label: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    definition: String,
    #[serde(default)]
    multi: bool,
    #[serde(default)]
    include_all: bool,
    #[serde(default)]
    all_value: String,
    #[serde(default)]
    refresh: u8,
    datasource: Option<Source>,
    current: Current,
}

/// The selected value, or values.
#[derive(Deserialize)]
struct Current {
    #[serde(deserialize_with = "first")]
    value: String,
}

fn first<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Chosen {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Chosen::deserialize(deserializer)? {
        Chosen::One(value) => value,
        Chosen::Several(values) => values.concat(),
    })
}

#[derive(Deserialize)]
struct Source {
    uid: String,
}

#[derive(Deserialize)]
struct Annotation {
    name: String,
    expr: String,
    datasource: Source,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Panel {
    id: u32,
    #[serde(rename = "type")]
    kind: String,
    pub(crate) title: String,
    #[serde(default)]
    description: String,
    grid_pos: Grid,
    datasource: Option<Source>,
    field_config: Option<FieldConfig>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Grid {
    x: u32,
    y: u32,
    w: u32,
    h: u32,
}

#[derive(Deserialize)]
struct FieldConfig {
    defaults: Defaults,
}

#[derive(Deserialize)]
struct Defaults {
    unit: String,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) expr: String,
    datasource: Source,
    #[serde(default)]
    exemplar: bool,
}

/// Every shipped dashboard.
pub(crate) fn all() -> Vec<Dashboard> {
    let files = stems("dashboards", ".json");
    let read = |file: &String| {
        let name = format!("dashboards/{file}.json");
        serde_json::from_str(&text(&name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    files.iter().map(read).collect()
}

/// A query with everything Grafana fills in.
pub(crate) fn filled(query: &str) -> String {
    let mut filled =
        query.replace("$__rate_interval", "3m").replace("$__range", "1m").replace("[1d]", "[1m]");
    for variable in ["job", "instance", "exchange", "pair", "kind"] {
        filled = filled.replace(&format!("\"${variable}\""), "\".+\"");
    }
    assert!(!filled.contains('$'), "{query}: something is left to fill in");
    filled
}

/// Queries that cannot ask for the job and instance of dccd, and why.
const WITHOUT_JOB: [(&str, &str); 2] = [
    ("dccd_collect_", "node_exporter's job and instance are theirs"),
    ("alertmanager_", "Alertmanager's job and instance are theirs"),
];

/// Units of Grafana that panels use.
const UNITS: [&str; 9] =
    ["short", "none", "s", "bytes", "Bps", "percentunit", "reqps", "cps", "dateTimeFromNow"];

#[test]
fn every_dashboard_follows_the_rules_of_the_dashboard_linter() {
    let mut findings = Vec::new();
    for dashboard in all() {
        let mut complain = |what: String| findings.push(format!("{}: {what}", dashboard.title));
        lint_dashboard(&dashboard, &mut complain);
        for panel in dashboard.panels.iter().filter(|panel| panel.kind != "row") {
            lint_panel(panel, &mut |what| complain(format!("{}: {what}", panel.title)));
        }
    }
    assert!(findings.is_empty(), "{findings:#?}");
}

fn lint_dashboard(dashboard: &Dashboard, complain: &mut impl FnMut(String)) {
    if dashboard.editable {
        complain("it can be edited, and an update would take the edits away".to_owned());
    }
    if !dashboard.uid.starts_with("dccd-") || dashboard.description.is_empty() {
        complain("no uid of ours or no description".to_owned());
    }
    let variables = &dashboard.templating.list;
    let order: Vec<&str> = variables.iter().map(|one| one.name.as_str()).collect();
    if order != ["datasource", "job", "instance", "exchange", "pair", "kind"] {
        complain(format!("variables {order:?}"));
    }
    if variables[0].kind != "datasource" || variables[0].label != "Data source" {
        complain("the data source is no variable".to_owned());
    }
    for variable in &variables[1..] {
        let is_whole =
            variable.multi && variable.include_all && variable.all_value == ".+" && variable.refresh == 2;
        if !is_whole || variable.datasource.as_ref().is_none_or(|source| source.uid != "${datasource}") {
            complain(format!(
                "variable {} misses many, all, `.+`, reload on change of time, or the source",
                variable.name
            ));
        }
        let asked = variable.definition.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", "));
        let (query, label) = asked.unwrap_or_else(|| panic!("{}", variable.definition));
        assert_eq!(label, format!("{})", variable.name));
        selectors(&filled(query));
    }
    for annotation in &dashboard.annotations.list {
        if annotation.datasource.uid != "${datasource}" {
            complain(format!("annotation {} has a source of its own", annotation.name));
        }
        lint_query(&annotation.expr, &mut |what| complain(format!("annotation {}: {what}", annotation.name)));
    }
    lint_places(dashboard, complain);
}

/// No two panels share a number or a place, and none reaches over the edge.
fn lint_places(dashboard: &Dashboard, complain: &mut impl FnMut(String)) {
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in &dashboard.panels {
        let Grid { x, y, w, h } = panel.grid_pos;
        let mut is_free = ids.insert(panel.id) && x + w <= 24 && w * h > 0;
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            is_free &= taken.insert(cell);
        }
        if !is_free {
            complain(format!("{} has no place of its own", panel.title));
        }
    }
}

fn lint_panel(panel: &Panel, complain: &mut impl FnMut(String)) {
    if panel.title.is_empty() || panel.description.is_empty() {
        complain("no title or description".to_owned());
    }
    if panel.datasource.as_ref().is_none_or(|source| source.uid != "${datasource}") {
        complain("a source of its own".to_owned());
    }
    let unit = panel.field_config.as_ref().map(|config| config.defaults.unit.as_str());
    if !unit.is_some_and(|unit| UNITS.contains(&unit)) {
        complain(format!("unit {unit:?}"));
    }
    if panel.targets.is_empty() {
        complain("no query".to_owned());
    }
    for target in &panel.targets {
        if target.datasource.uid != "${datasource}" {
            complain("a query has a source of its own".to_owned());
        }
        lint_query(&target.expr, complain);
    }
}

fn lint_query(query: &str, complain: &mut impl FnMut(String)) {
    let is_excused = WITHOUT_JOB.iter().any(|(part, _)| query.contains(part));
    for (matcher, name) in [("job=~\"$job\"", "job"), ("instance=~\"$instance\"", "instance")] {
        let selectors = selectors(&filled(query)).len();
        if !is_excused && query.matches(matcher).count() < selectors {
            complain(format!("{query} does not ask for the {name}"));
        }
    }
    let rates = query.matches("rate(").count();
    if query.matches("[$__rate_interval]").count() < rates {
        complain(format!("{query} takes a rate over an interval of its own"));
    }
    let mut counters = Counters { grown: 0, all: 0 };
    let Ok(_) = walk_expr(&mut counters, &parse(&filled(query)).unwrap());
    if counters.grown < counters.all {
        complain(format!("{query} shows a counter as it stands"));
    }
}

/// How many selectors are counters, and how many of those are asked for their growth.
struct Counters {
    grown: usize,
    all: usize,
}

impl ExprVisitor for Counters {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, tree: &Expr) -> Result<bool, Self::Error> {
        let is_counter = |name: &Option<String>| name.as_ref().is_some_and(|name| name.ends_with("_total"));
        match tree {
            Expr::VectorSelector(selector) => self.all += usize::from(is_counter(&selector.name)),
            Expr::MatrixSelector(matrix) => self.all += usize::from(is_counter(&matrix.vs.name)),
            Expr::Call(Call { func, args }) if ["rate", "irate", "increase"].contains(&func.name) => {
                if let Some(Expr::MatrixSelector(matrix)) = args.args.first().map(|argument| &**argument) {
                    self.grown += usize::from(is_counter(&matrix.vs.name));
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

#[test]
fn every_metric_a_panel_asks_for_exists() {
    let known = known();
    for dashboard in all() {
        let of_panels =
            dashboard.panels.iter().flat_map(|panel| panel.targets.iter().map(|target| &target.expr));
        for query in of_panels.chain(dashboard.annotations.list.iter().map(|annotation| &annotation.expr)) {
            for name in names(&filled(query)) {
                assert!(
                    known.contains(&name) || known.contains(family(&name)),
                    "{}: {name}",
                    dashboard.title
                );
            }
        }
    }
}

/// Metrics on no dashboard, and why.
const UNSHOWN: [(&str, &str); 1] = [("dccd_job_interval_seconds", "it is what other panels divide by")];

#[test]
fn every_metric_of_the_program_is_on_a_dashboard_or_says_why_not() {
    let recorded: BTreeMap<String, String> =
        recordings().into_iter().map(|rule| (rule.record, rule.expr)).collect();
    let mut shown = BTreeSet::new();
    for target in all().iter().flat_map(|dashboard| dashboard.panels.iter().flat_map(|panel| &panel.targets))
    {
        for name in names(&filled(&target.expr)) {
            shown.extend(recorded.get(&name).map(|query| names(query)).unwrap_or_default());
            shown.insert(name);
        }
    }
    let shown: BTreeSet<&str> = shown.iter().map(|name| family(name)).collect();
    let hidden: Vec<String> = families()
        .into_iter()
        .filter(|name| !shown.contains(name.as_str()) && !UNSHOWN.iter().any(|(known, _)| known == name))
        .collect();
    assert!(hidden.is_empty(), "{hidden:#?}");
}

#[test]
fn every_alert_leads_to_a_dashboard_and_every_runbook_a_panel_names_exists() {
    let uids: BTreeSet<String> = all().into_iter().map(|dashboard| dashboard.uid).collect();
    let runbooks = stems("docs/runbooks", ".md");
    for alert in alerts() {
        let url = &alert.annotations["dashboard_url"];
        assert!(uids.contains(url.rsplit('/').next().unwrap()), "{}: {url}", alert.alert);
    }
    for panel in all().iter().flat_map(|dashboard| &dashboard.panels) {
        for word in
            panel.description.split(|c: char| !c.is_alphanumeric()).filter(|word| word.starts_with("Dccd"))
        {
            assert!(runbooks.iter().any(|page| page == word), "{}: {word}", panel.title);
        }
    }
}

#[test]
fn durations_are_shown_with_their_exemplars() {
    let panels: Vec<Panel> = all().into_iter().flat_map(|dashboard| dashboard.panels).collect();
    for panel in panels
        .iter()
        .filter(|panel| ["Duration", "Duration of runs", "Latency"].contains(&panel.title.as_str()))
    {
        assert!(panel.targets.iter().all(|target| target.exemplar), "{}", panel.title);
    }
}

#[test]
fn the_dashboards_are_what_their_generator_writes() {
    if !needs::programs(&["python3"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let written = Command::new("python3")
        .arg("-B")
        .arg(path("dashboards/generate.py"))
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    for file in stems("dashboards", ".json") {
        let name = format!("{file}.json");
        let anew = fs::read_to_string(folder.path().join(&name)).unwrap();
        assert!(anew == text(&format!("dashboards/{name}")), "{name}: run python3 dashboards/generate.py");
    }
}
