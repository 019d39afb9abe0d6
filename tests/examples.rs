//! The examples do what they show.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write its own configuration.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use dccd::sim::{Knobs, Sim};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/collect.rs"]
mod collect;
#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/health_monitor.rs"]
mod health_monitor;
#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/load_config.rs"]
mod load_config;
#[path = "needs/mod.rs"]
mod needs;
#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/own_exchange.rs"]
mod own_exchange;
#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/run_once.rs"]
mod run_once;
#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/scheduler.rs"]
mod scheduler;
#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/service.rs"]
mod service;
#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/wiring.rs"]
mod wiring;

#[test]
fn the_example_configuration_is_valid_and_leaves_nothing_to_remark() {
    let said = Command::new(env!("CARGO_BIN_EXE_dccd"))
        .arg("--config")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/config.yml"))
        .arg("validate")
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}{err}");
    assert!(out.contains("Config is valid.") && !out.contains("Note:"), "{out}{err}");
}

#[test]
fn the_example_of_a_fleet_is_valid_and_has_three_workers_each_with_a_disk_of_its_own() {
    #[derive(serde::Deserialize)]
    struct Compose {
        services: std::collections::BTreeMap<String, Service>,
    }
    #[derive(serde::Deserialize)]
    struct Service {
        #[serde(default)]
        volumes: Vec<String>,
        #[serde(default)]
        secrets: Vec<String>,
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet");
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("postgres_url");
    fs::write(&url, "postgres://dccd:secret@postgres:5432/dccd").unwrap();
    let text = fs::read_to_string(examples.join("config.yml")).unwrap();
    let config = folder.path().join("config.yml");
    fs::write(&config, text.replace("/run/secrets/postgres_url", url.to_str().unwrap())).unwrap();

    let said = Command::new(env!("CARGO_BIN_EXE_dccd"))
        .arg("--config")
        .arg(&config)
        .arg("validate")
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}{err}");
    assert!(
        out.contains("Config is valid.") && !out.contains("Note:") && !out.contains("secret@"),
        "{out}{err}"
    );
    let compose = fs::read_to_string(examples.join("docker-compose.yml")).unwrap();
    let compose: Compose = serde_yaml::from_value(
        serde_yaml::from_str::<serde_yaml::Value>(&compose)
            .and_then(|mut all| all.apply_merge().map(|()| all))
            .unwrap(),
    )
    .unwrap();
    let workers: Vec<&Service> =
        compose.services.iter().filter(|(name, _)| name.starts_with("worker-")).map(|(_, own)| own).collect();
    let disks: std::collections::BTreeSet<&String> =
        workers.iter().flat_map(|worker| &worker.volumes).filter(|own| own.ends_with(":/data")).collect();
    assert_eq!((workers.len(), disks.len()), (3, 3));
    let is_alike = |worker: &&Service| {
        worker.secrets == ["postgres_url"] && worker.volumes[0] == "./config.yml:/etc/dccd/config.yml:ro"
    };
    assert!(workers.iter().all(is_alike));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_example_stores_what_the_exchange_has() {
    let (_sim, folder, config) = daily_candles().await;

    let said = collect::collect(&config).await.unwrap();

    assert!(said.starts_with("binance/BTC-USDT/ohlc/1d: ") && said.contains(" new rows in "), "{said}");
    assert!(folder.path().join("data/binance/ohlc/BTC-USDT/1d/2025.parquet").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_daemon_load_run_and_end_what_they_are_given() {
    let (_sim, folder, config) = daily_candles().await;

    let loaded = load_config::load(&config).unwrap();
    assert_eq!(loaded, [format!("binance/BTC-USDT/ohlc/1d into {}", folder.path().join("data").display())]);
    assert_eq!(run_once::run_once(&config).await.unwrap(), (1, 0));

    let stop = CancellationToken::new();
    let stopping = async {
        // The job has nothing to fetch; two seconds of the scheduler are two of its rounds.
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.cancel();
    };
    let (rows, ()) = tokio::join!(scheduler::schedule(&config, &stop), stopping);
    assert!(rows.unwrap() > 365);

    fs::write(&config, "settings: {data_pth: x}").unwrap();
    let refused = load_config::load(&config).unwrap_err().to_string();
    assert!(
        refused.contains("did you mean `data_path`?") && refused.contains("at least one job"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_service_collects_serves_and_ends_when_it_is_told_to() {
    let (_sim, folder, config) = daily_candles().await;
    let listening = format!("{}http: {{listen: ['127.0.0.1:0']}}\n", fs::read_to_string(&config).unwrap());
    fs::write(&config, listening).unwrap();
    let (stop, stored) = (CancellationToken::new(), folder.path().join("data/binance/ohlc/BTC-USDT/1d"));
    let socket = folder.path().join("data/.dccd/daemon.sock");
    let stopping = async {
        let began = std::time::Instant::now();
        while !(socket.exists() && stored.join("2025.parquet").exists()) {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing was stored");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
    };

    let (ended, ()) = tokio::join!(service::serve(Some(config.into_os_string()), stop.clone()), stopping);

    let ended = ended.unwrap();
    assert_eq!((ended.unfinished, ended.is_durable, ended.broken), (0, true, None));
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_an_exchange_of_ones_own_collects_under_its_own_name() {
    let (_sim, folder, config) = daily_candles().await;
    let own = fs::read_to_string(&config).unwrap().replace("binance", "binanceus");
    fs::write(&config, own).unwrap();

    let rows = own_exchange::collect(&config).await.unwrap();

    assert!(rows > 365, "{rows}");
    assert!(folder.path().join("data/binanceus/ohlc/BTC-USDT/1d/2025.parquet").exists());
    let foreign = fs::read_to_string(&config).unwrap().replace("binanceus", "binancesu");
    fs::write(&config, foreign).unwrap();
    let refused = own_exchange::collect(&config).await.unwrap_err().to_string();
    assert!(refused.contains("binanceus"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_whole_wiring_collects_listens_copies_and_ends() {
    let (sim, folder, config) = daily_candles().await;
    let copies = folder.path().join("copies");
    let own = fs::read_to_string(&config).unwrap();
    let own = own.replace("rest_url:", &format!("ws_url: {:?}, rest_url:", sim.ws_url()));
    let remotes = format!("[{{provider: rclone, remote: {:?}}}]", copies.display().to_string());
    let storage = format!("storage: {{flush_interval: 1, sync_interval: 1, remotes: {remotes}}}\n");
    let streams = "stream_jobs: [{exchange: binance, pairs: [BTC/USDT], channels: [trades]}]\n";
    let has_rclone = needs::programs(&["rclone"]);
    let storage = if has_rclone { storage } else { "storage: {flush_interval: 1}\n".to_owned() };
    fs::write(&config, format!("{own}{storage}{streams}")).unwrap();
    let (stop, data) = (CancellationToken::new(), folder.path().join("data/binance"));
    let is_there = || {
        let trades = data.join("trades/BTC-USDT");
        let copied = copies.join("binance/ohlc/BTC-USDT/1d/2025.parquet");
        data.join("ohlc/BTC-USDT/1d/2025.parquet").exists()
            && fs::read_dir(trades).is_ok_and(|mut files| files.next().is_some())
            && (!has_rclone || copied.exists())
    };
    let stopping = async {
        let began = std::time::Instant::now();
        while !is_there() {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing was stored");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
    };

    let (health, ()) = tokio::join!(wiring::collect(&config, &stop), stopping);

    let health = health.unwrap();
    assert!(health["binance/BTC/USDT"].rows_collected > 365, "{health:?}");
    assert_eq!(health["binance/BTC/USDT"].errors_count, 0);
}

#[test]
fn the_example_of_the_health_monitor_keeps_rows_and_errors() {
    let folder = tempfile::tempdir().unwrap();
    let health = health_monitor::monitor(folder.path()).unwrap();
    assert_eq!((health.rows_collected, health.errors_count), (215, 1));
}

/// A simulated exchange, a folder, and in it a configuration for its daily candles.
async fn daily_candles() -> (Sim, TempDir, PathBuf) {
    let sim = Sim::start((Ipv4Addr::LOCALHOST, 0).into(), Knobs::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("config.yml"), folder.path().join("data"));
    let text = format!(
        "settings: {{data_path: {data:?}}}\n\
         exchanges: {{binance: {{rest_url: {:?}}}}}\n\
         histo_jobs: [{{exchange: binance, pairs: [BTC/USDT], span: 86400, start: 2025-01-01}}]\n",
        sim.url()
    );
    fs::write(&config, text).unwrap();
    (sim, folder, config)
}
