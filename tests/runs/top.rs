//! `dccd top` against a daemon: without a terminal, and in one.

use std::process::Stdio;
use std::time::Duration;

use dccd::sim::Knobs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::needs;
use crate::program::{command, configure, dccd, end, request, terminate, wait_for_exit};
use crate::test_daemon::TestDaemon;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_overview_is_printed_as_lines_and_drawn_in_a_terminal_until_q() {
    let setup = TestDaemon::at("2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &setup.text().replacen("settings: {", "settings: {environment: production, ", 1));
    let alone = dccd(&setup, &["top"]).await;
    assert_eq!((alone.code, alone.err.contains("no daemon runs on")), (Some(1), true), "{alone:?}");
    let daemon = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;

    let printed = dccd(&setup, &["top"]).await;

    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""));
    let first = printed.out.lines().next().unwrap();
    assert!(first.starts_with("dccd ") && first.contains("  production  "), "{printed:?}");
    assert!(printed.out.contains("1 jobs, "), "{printed:?}");
    assert!(printed.out.contains("\nbinance/BTC-USDT/ohlc/1m  "), "{printed:?}");
    let overview = request(&setup, "GET", "/api/v1/overview", "").await;
    assert!(overview.body.contains("\"series\":\"binance/BTC-USDT/ohlc/1m\""), "{overview:?}");

    if needs::programs(&["script", "stty"]) {
        in_a_terminal(&setup).await;
    }
    terminate(&daemon).await;
    assert_eq!(end(daemon).await.code, Some(0));
}

async fn in_a_terminal(setup: &TestDaemon) {
    let program = env!("CARGO_BIN_EXE_dccd");
    let mut child = Command::new("script")
        .args(["-qefc", &format!("stty rows 24 cols 100; exec {program} top --interval 1"), "/dev/null"])
        .current_dir(setup.folder.path())
        .env("HOME", setup.folder.path())
        .env("TERM", "xterm")
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut drawn = String::new();
    let mut until = async |what: &str| {
        let mut buffer = [0; 4_096];
        while !drawn.contains(what) {
            let read = tokio::time::timeout(PATIENCE, screen.read(&mut buffer)).await;
            let read = read.unwrap_or_else(|_| panic!("{what:?} is not in {drawn:?}")).unwrap();
            assert!(read > 0, "it ended without {what:?}: {drawn:?}");
            drawn.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        std::mem::take(&mut drawn)
    };
    until("binance/BTC-USDT/ohlc/1m").await;
    // It is drawn again by itself.
    until("binance/BTC-USDT/ohlc/1m").await;

    keys.write_all(b"q").await.unwrap();

    let left = until("\u{1b}[?1049l").await;
    assert!(left.contains("\u{1b}[?25h"), "the cursor is shown again: {left:?}");
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
}
