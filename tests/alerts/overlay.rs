//! The shipped configurations, put beside one another with what a test must change: where things listen, where secrets
//! lie, and waits that are meant for people. Every change is made to text that must be there.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::process::Server;
use crate::shipped::{path, text};

/// A text with changes, each of which applies at least once.
pub(crate) fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not there to be changed");
        text.replace(from, to)
    })
}

/// How long everything takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// As it is shipped.
    Shipped,
    /// In seconds what is shipped as minutes.
    Quick,
}

/// Alertmanager on the shipped configuration with secrets from `folder/secrets`.
pub(crate) async fn alertmanager(folder: &Path, timing: Timing) -> Server {
    let secrets = folder.join("secrets");
    fs::create_dir_all(&secrets).unwrap();
    let mut edits = vec![("/run/secrets", secrets.to_str().unwrap())];
    if timing == Timing::Quick {
        edits.extend([
            ("group_wait: 15s", "group_wait: 2s"),
            ("group_interval: 30s", "group_interval: 1s"),
            ("group_interval: 1m", "group_interval: 1s"),
            ("group_interval: 10s", "group_interval: 1s"),
        ]);
    }
    fs::write(folder.join("alertmanager.yml"), edited(&text("alerts/alertmanager.yml"), &edits)).unwrap();
    fs::create_dir_all(folder.join("templates")).unwrap();
    fs::copy(path("alerts/templates/slack.tmpl"), folder.join("templates/slack.tmpl")).unwrap();
    let arguments = [
        "--config.file=alertmanager.yml",
        "--storage.path=alertmanager",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ];
    Server::start(folder, "prometheus-alertmanager", &arguments).await
}

/// Prometheus on the shipped configuration and rules.
///
/// Its own address, which it scrapes too, is known only once it runs: it starts without targets and reloads.
pub(crate) async fn prometheus(
    folder: &Path,
    timing: Timing,
    alertmanager: SocketAddr,
    daemons: &[SocketAddr],
) -> Server {
    fs::write(folder.join("prometheus.yml"), "{}\n").unwrap();
    fs::copy(path("alerts/recording.yml"), folder.join("recording.yml")).unwrap();
    let rules = text("alerts/alerts.yml");
    fs::write(folder.join("alerts.yml"), rules).unwrap();
    let arguments = [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=prometheus",
        "--web.listen-address=127.0.0.1:0",
        "--web.enable-lifecycle",
        "--enable-feature=exemplar-storage",
    ];
    let server = Server::start(folder, "prometheus", &arguments).await;
    let targets = daemons.iter().map(|address| format!("'{address}'")).collect::<Vec<_>>().join(", ");
    let [alertmanager, own] = [alertmanager, server.address].map(|address| address.to_string());
    let mut edits =
        vec![("'dccd:9430'", &*targets), ("alertmanager:9093", &*alertmanager), ("localhost:9090", &*own)];
    if timing == Timing::Quick {
        edits.extend([
            ("scrape_interval: 10s", "scrape_interval: 1s"),
            ("evaluation_interval: 10s", "evaluation_interval: 1s"),
        ]);
    }
    fs::write(folder.join("prometheus.yml"), edited(&text("alerts/prometheus.yml"), &edits)).unwrap();
    crate::process::ask(server.address, "POST", "/-/reload", "").await.unwrap();
    server
}
