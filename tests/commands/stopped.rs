//! Work handed to a daemon that stops before it is done: the command ends with 1 and says what is missing.

use std::time::Duration;

use dccd::sim::{Endpoint, Fault, Rule};

use crate::home::{BTC, ETH, Home, Said, Template, end};
use crate::program::{signal, terminate, wait_for};

/// Runs a command, and stops the daemon with this signal once the exchange was asked for what it wants.
async fn stopped_amid(args: &[&str], with: &str) -> Said {
    let template = Template::new().await;
    let home = template.copy();
    for pair in ["BTC-USDT", "ETH-USDT"] {
        std::fs::remove_dir_all(home.series(pair)).unwrap();
    }
    home.run(&["jobs", "pause", "binance"]).await;
    let mut daemon = home.start().await;
    let before = template.setup.sim.requests().len();
    template.setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Hang).at(Endpoint::Ohlc)]);
    let child = home.command(args).spawn().unwrap();
    wait_for(|| async {
        template.setup.sim.requests()[before..].iter().any(|seen| seen.endpoint == Endpoint::Ohlc)
    })
    .await;

    signal(&daemon, with).await;
    let said = end(child).await;

    daemon.wait().await.unwrap();
    said
}

#[tokio::test]
async fn a_backfill_whose_daemon_stops_says_which_series_are_missing() {
    let said = stopped_amid(&["backfill"], "TERM").await;

    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("[Binance  BTC/USDT 1h] stopped \u{2014} 0 candles stored"), "{said:?}");
    assert!(said.err.contains(&format!("{BTC}: stopped before everything was fetched")), "{said:?}");
    assert!(said.err.contains(&format!("stopped before these were begun: {ETH}")), "{said:?}");
    assert!(said.err.contains("the daemon stopped before this was done"), "{said:?}");
}

#[tokio::test]
async fn so_do_a_repair_and_a_collect() {
    for (args, last) in [
        (&["repair"][..], "Repaired 0 of 2 series."),
        (&["collect"], "Done. successes=0 failures=2"),
        (&["jobs", "run", "binance"], "Done. successes=0 failures=2"),
    ] {
        let said = stopped_amid(args, "TERM").await;

        assert_eq!((said.code, said.out.lines().last()), (Some(1), Some(last)), "{args:?}: {said:?}");
        for series in [BTC, ETH] {
            assert!(format!("{}{}", said.out, said.err).contains(series), "{args:?}: {said:?}");
        }
    }
}

#[tokio::test]
async fn a_daemon_that_is_killed_is_lost_and_the_command_says_so() {
    let said = stopped_amid(&["backfill"], "KILL").await;

    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("the daemon was lost"), "{said:?}");
}

#[tokio::test]
async fn a_command_that_is_stopped_itself_names_what_it_did_not_begin() {
    let template = Template::new().await;
    let home = template.copy();
    for pair in ["BTC-USDT", "ETH-USDT"] {
        std::fs::remove_dir_all(home.series(pair)).unwrap();
    }
    template.setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Hang).at(Endpoint::Ohlc)]);
    let before = template.setup.sim.requests().len();
    let child = home.command(&["backfill"]).spawn().unwrap();
    wait_for(|| async {
        template.setup.sim.requests()[before..].iter().any(|seen| seen.endpoint == Endpoint::Ohlc)
    })
    .await;

    signal(&child, "INT").await;
    let said = end(child).await;

    assert_eq!(said.code, Some(130), "{said:?}");
    assert!(said.err.contains(&format!("stopped before these were begun: {ETH}")), "{said:?}");
}

#[tokio::test]
async fn copies_that_a_stopping_daemon_leaves_undone_are_a_failure_of_the_command() {
    for args in [&["sync"][..], &["restore"]] {
        let template = Template::new().await;
        let home = template.copy();
        let remote = Hanging::of(&home);
        home.run(&["jobs", "pause", "binance"]).await;
        let daemon = home.start_with(&[("PATH", &remote.path)]).await;
        let child = home.command(args).spawn().unwrap();
        wait_for(|| async { remote.is_asked() }).await;
        tokio::time::sleep(Duration::from_millis(300)).await;

        terminate(&daemon).await;
        let said = end(child).await;

        assert_eq!(said.code, Some(1), "{args:?}: {said:?}");
        assert!(said.err.contains("the daemon stopped before this was done"), "{args:?}: {said:?}");
        end(daemon).await;
    }
}

#[tokio::test]
async fn a_purge_that_a_stopping_daemon_leaves_undone_names_what_it_dropped() {
    let home = Template::with_remote_since("2023-12-30").await.copy();
    assert_eq!(home.run(&["sync"]).await.code, Some(0));
    home.run(&["jobs", "pause", "binance"]).await;
    let daemon = home.start().await;
    std::fs::write(home.at("hang"), "ETH-USDT").unwrap();
    let child = home.command(&["purge", "--min-free-gb", "1000000"]).spawn().unwrap();
    wait_for(|| async { home.at("asked").exists() }).await;

    terminate(&daemon).await;
    let said = end(child).await;

    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("the daemon stopped before this was done"), "{said:?}");
    assert!(
        said.out.contains(&format!("{BTC} 2023: ")) && said.out.contains("Dropped 1 file(s), "),
        "{said:?}"
    );
    assert!(!home.series("BTC-USDT").join("2023.parquet").exists());
    assert!(home.series("ETH-USDT").join("2023.parquet").exists());
    end(daemon).await;
}

/// A stand-in of rclone that answers nothing.
struct Hanging {
    path: String,
    asked: std::path::PathBuf,
}

impl Hanging {
    fn of(home: &Home) -> Hanging {
        use std::os::unix::fs::PermissionsExt;
        let (folder, asked) = (home.at("bin"), home.at("asked"));
        std::fs::create_dir(&folder).unwrap();
        let script = format!("#!/bin/sh\ntouch '{}'\nsleep 60\n", asked.display());
        std::fs::write(folder.join("rclone"), script).unwrap();
        std::fs::set_permissions(folder.join("rclone"), std::fs::Permissions::from_mode(0o755)).unwrap();
        home.configure("storage: {remotes: [{remote: 'nas:x'}], sync_interval: 0}");
        Hanging { path: format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()), asked }
    }

    fn is_asked(&self) -> bool {
        self.asked.exists()
    }
}

#[tokio::test]
async fn a_collect_that_takes_longer_than_its_timeout_ends_with_1_and_says_so() {
    let template = Template::new().await;
    let home = template.copy();
    for pair in ["BTC-USDT", "ETH-USDT"] {
        std::fs::remove_dir_all(home.series(pair)).unwrap();
    }
    let well = home.run(&["collect", "--timeout", "1m"]).await;
    assert_eq!((well.code, well.err.as_str()), (Some(0), ""), "{well:?}");
    for pair in ["BTC-USDT", "ETH-USDT"] {
        std::fs::remove_dir_all(home.series(pair)).unwrap();
    }
    template.setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Hang).at(Endpoint::Ohlc)]);

    let late = home.run(&["collect", "--timeout", "1s"]).await;

    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(late.err.contains("not every job ran within 1 s"), "{late:?}");
}
