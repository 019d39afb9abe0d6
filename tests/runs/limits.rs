//! Limits of the system that must not end a process by accident: the size of a file, and who waits on its socket.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dccd::sim::Knobs;
use tokio::net::UnixStream;
use tokio::process::Command;

use crate::program::{command, configure, dccd, end, request, terminate, wait_for, wait_for_exit};
use crate::test_daemon::{MINUTELY, TestDaemon, window};

/// More than the socket lets in at a time, together with all that may wait before it.
const IDLE: usize = 600;

/// A command under a limit on the size of files, in blocks of 512 bytes.
fn limited(setup: &TestDaemon, blocks: u32, args: &str) -> Command {
    let mut limited = Command::new("sh");
    limited
        .arg("-c")
        .arg(format!("ulimit -f {blocks}; exec \"$0\" {args}"))
        .arg(env!("CARGO_BIN_EXE_dccd"))
        .current_dir(setup.folder.path())
        .env("HOME", setup.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    limited
}

async fn setup() -> TestDaemon {
    let job = "{exchange: binance, pairs: [BTC/USDT], span: 60, start: 2024-01-31, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &setup.text());
    setup
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_on_the_size_of_files_is_an_error_like_a_full_disk_and_ends_nothing() {
    let setup = setup().await;
    for blocks in [1, 8, 64, 256] {
        let collected = end(limited(&setup, blocks, "collect").spawn().unwrap()).await;
        // Ended by the signal it would have no code.
        assert_eq!(collected.code, Some(74), "{blocks}: {collected:?}");
        let is_named =
            ["too large", "no file may be larger"].iter().any(|words| collected.err.contains(words));
        assert!(is_named, "{blocks}: {collected:?}");
    }
    assert_eq!(dccd(&setup, &["collect"]).await.code, Some(0));
    setup.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 12:00:00")).await;
    for name in ["rows.csv", "rows.xlsx"] {
        let exported =
            end(limited(&setup, 8, &format!("export {MINUTELY} -o {name}")).spawn().unwrap()).await;
        assert_eq!(exported.code, Some(74), "{exported:?}");
        assert!(exported.err.contains("too large"), "{exported:?}");
        assert!(!exported.err.contains("panicked"), "{exported:?}");
        let left = fs::read_dir(setup.folder.path()).unwrap().flatten();
        let left: Vec<_> =
            left.filter(|entry| entry.file_name().to_string_lossy().contains("rows")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_idle_clients_on_the_socket_hold_up_no_command() {
    let setup = setup().await;
    let daemon = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    let socket = setup.data_path().join(".dccd/daemon.sock");
    let mut idle = Vec::new();
    wait_for(|| async { UnixStream::connect(&socket).await.is_ok() }).await;
    while idle.len() < IDLE {
        match UnixStream::connect(&socket).await {
            Ok(stream) => idle.push(stream),
            Err(_) => tokio::task::yield_now().await,
        }
    }

    for args in
        [["repair"].as_slice(), &["jobs", "run", "binance"], &["jobs", "pause", "binance"], &["collect"]]
    {
        let began = Instant::now();
        let ended = dccd(&setup, args).await;
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{args:?} took {:?}", began.elapsed());
    }
    assert_eq!(request(&setup, "GET", "/-/ready", "").await.status, 200);

    drop(idle);
    terminate(&daemon).await;
    assert_eq!(end(daemon).await.code, Some(0));
}
