//! The examples do what they show.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write its own configuration.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use dccd::sim::{Knobs, Sim};

#[allow(dead_code, reason = "its main is for those who run it alone")]
#[path = "../examples/collect.rs"]
mod collect;

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

#[tokio::test(flavor = "multi_thread")]
async fn the_library_example_stores_what_the_exchange_has() {
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

    let said = collect::collect(&config).await.unwrap();

    assert!(said.starts_with("binance/BTC-USDT/ohlc/1d: ") && said.contains(" new rows in "), "{said}");
    assert!(data.join("binance/ohlc/BTC-USDT/1d/2025.parquet").exists());
}
