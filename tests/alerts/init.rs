//! `dccd alerts init`: what it writes is valid, fits the configuration, and replaces nothing by itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::needs;
use crate::process::run;
use crate::shipped::text;

const SLACK: &str = "https://hooks.slack.com/services/T000/B000/secretsecretsecret";
const MATTERMOST: &str = "https://chat.example.org/hooks/xkd8z3o9ti8uzg4tadp9w1xjge";
const DISCORD: &str = "https://discord.com/api/webhooks/1/secretsecretsecret";
const OTHER: &str = "https://example.org/secretsecretsecret";

#[test]
fn without_a_webhook_the_shipped_files_are_written_for_the_address_of_the_configuration() {
    let home = Home::new("http: {listen: ['127.0.0.1:9555']}");

    let said = home.init(&[]).unwrap();

    for name in ["alerts.yml", "recording.yml", "templates/slack.tmpl"] {
        assert!(home.read(name) == text(&format!("alerts/{name}")), "{name} is not what is shipped");
    }
    let prometheus = home.read("prometheus.yml");
    assert!(
        prometheus.contains("'127.0.0.1:9555'") && prometheus.contains("'localhost:9093'"),
        "{prometheus}"
    );
    assert!(
        home.read("alertmanager.yml")
            .contains(&format!("api_url_file: {}/slack_url", home.path("secrets").display()))
    );
    assert!(said.contains("secrets/slack_url"), "{said}");
    home.assert_valid();
}

#[test]
fn a_webhook_becomes_the_receiver_that_fits_its_host_and_its_address_is_its_owners_alone() {
    for (url, receiver, posted) in [
        (SLACK, "slack", SLACK.to_owned()),
        (DISCORD, "discord", format!("{DISCORD}/slack")),
        (MATTERMOST, "mattermost", MATTERMOST.to_owned()),
    ] {
        let home = Home::new(&format!("alerts: {{webhook_url: '{url}'}}"));

        let said = home.init(&[]).unwrap();

        assert_eq!(home.read("secrets/slack_url"), posted);
        assert_eq!(
            (home.mode("secrets/slack_url"), home.mode("alertmanager.yml")),
            (0o600, 0o644),
            "{receiver}"
        );
        let config = home.read("alertmanager.yml");
        assert!(config.contains(&format!("  receiver: {receiver}\n")), "{config}");
        assert!(config.contains(&format!("- name: {receiver}\n    slack_configs:\n")), "{config}");
        assert!(!config.contains(url) && !said.contains(url), "the address is shown");
        home.assert_valid();
    }
}

#[test]
fn any_other_webhook_gets_alertmanagers_own_json_from_a_file_of_its_owner() {
    let home = Home::new(&format!("alerts: {{webhook_url: '{OTHER}'}}"));

    let said = home.init(&[]).unwrap();

    let config = home.read("alertmanager.yml");
    assert!(
        config.contains(&format!("- name: webhook\n    webhook_configs:\n      - url: '{OTHER}'\n")),
        "{config}"
    );
    assert_eq!(home.mode("alertmanager.yml"), 0o600);
    assert!(!home.path("secrets/slack_url").exists() && !said.contains(OTHER), "{said}");
    home.assert_valid();
}

#[test]
fn nothing_that_is_there_is_replaced_unless_it_is_asked_for() {
    let home = Home::new("");
    fs::create_dir_all(home.path("")).unwrap();
    fs::write(home.path("prometheus.yml"), "mine").unwrap();

    let refused = home.init(&[]).unwrap_err();

    assert!(refused.contains("prometheus.yml exist") && refused.contains("--force"), "{refused}");
    assert_eq!(home.read("prometheus.yml"), "mine");
    assert!(!home.path("alerts.yml").exists(), "something was written all the same");
    home.init(&["--force"]).unwrap();
    assert!(home.read("prometheus.yml").contains("job_name: dccd"));
}

#[test]
fn the_address_of_a_monitor_is_taken_from_a_file_and_becomes_the_dead_man_switch() {
    let home = Home::new("");
    let file = home.folder.path().join("heartbeat");
    fs::write(&file, "https://hc.example.org/ping/secretsecretsecret\n").unwrap();

    let said = home.init(&["--heartbeat-file", file.to_str().unwrap()]).unwrap();

    let config = home.read("alertmanager.yml");
    let receiver = "- name: heartbeat\n    webhook_configs:\n      - url: 'https://hc.example.org/ping/secretsecretsecret'\n";
    assert!(config.contains(receiver), "{config}");
    assert!(!said.contains("secretsecretsecret"), "{said}");
    assert_eq!(home.mode("alertmanager.yml"), 0o600);
    home.assert_valid();
}

#[test]
fn the_limits_of_the_scrape_grow_with_the_configuration() {
    let pairs: Vec<String> = (0..900).map(|number| format!("A{number}/USDT")).collect();
    let home = Home::with(
        "",
        &format!("- {{exchange: binance, pairs: [{}], span: 3600, every: 3600}}", pairs.join(", ")),
    );

    home.init(&[]).unwrap();

    let prometheus = home.read("prometheus.yml");
    assert!(
        prometheus.contains("sample_limit: 100000\n") && prometheus.contains("body_size_limit: 30MB\n"),
        "{prometheus}"
    );
    home.assert_valid();
}

#[test]
fn links_lead_where_one_says() {
    let home = Home::new("");

    home.init(&["--runbooks", "https://wiki.example.org/dccd/", "--grafana", "https://grafana.example.org"])
        .unwrap();

    let rules = home.read("alerts.yml");
    assert!(rules.contains("runbook_url: https://wiki.example.org/dccd/DccdDown.md\n"));
    assert!(rules.contains("dashboard_url: https://grafana.example.org/d/dccd-process\n"));
    assert!(!rules.contains("github.com") && !rules.contains("localhost:3000"));
}

#[test]
fn the_page_of_an_alert_can_be_printed_and_all_of_them_listed() {
    let dccd = |arguments: &[&str]| run(&crate::shipped::path(""), env!("CARGO_BIN_EXE_dccd"), arguments);
    let listed = dccd(&["alerts", "runbook"]).unwrap();
    let alerts: Vec<String> = crate::shipped::stems("docs/runbooks", ".md");
    assert_eq!(
        listed.lines().collect::<Vec<_>>(),
        alerts.iter().filter(|page| *page != "README").collect::<Vec<_>>()
    );
    assert_eq!(dccd(&["alerts", "runbook", "DccdDown"]).unwrap(), text("docs/runbooks/DccdDown.md"));
    assert!(dccd(&["alerts", "runbook", "DccdDwon"]).unwrap_err().contains("DccdDown"));
}

/// A folder with a configuration, and where the files go.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new(sections: &str) -> Home {
        Home::with(sections, "- {exchange: binance, pairs: [BTC/USDT], span: 3600}")
    }

    fn with(sections: &str, jobs: &str) -> Home {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        let config = format!("settings: {{data_path: {data:?}}}\n{sections}\nhisto_jobs:\n  {jobs}\n");
        fs::write(folder.path().join("config.yml"), config).unwrap();
        Home { folder }
    }

    fn init(&self, arguments: &[&str]) -> Result<String, String> {
        let into = self.path("");
        let always = ["--config", "config.yml", "alerts", "init", into.to_str().unwrap()];
        let arguments: Vec<&str> = always.into_iter().chain(arguments.iter().copied()).collect();
        run(self.folder.path(), env!("CARGO_BIN_EXE_dccd"), &arguments)
    }

    /// A path below the written folder, as the program names it.
    fn path(&self, below: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join("watch").join(below)
    }

    fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
    }

    fn mode(&self, below: &str) -> u32 {
        fs::metadata(self.path(below)).unwrap().permissions().mode() & 0o777
    }

    fn assert_valid(&self) {
        if needs::programs(&["promtool", "amtool"]) {
            run(&self.path(""), "promtool", &["check", "config", "prometheus.yml"]).unwrap();
            run(&self.path(""), "amtool", &["check-config", "alertmanager.yml"]).unwrap();
        }
    }
}
