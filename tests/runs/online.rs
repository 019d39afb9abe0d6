//! `validate --online`: what it asks, what it says of each answer, and how it ends.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use dccd::store::DataLock;
use serde::Deserialize;
use tokio::time::Instant;

use crate::program::{Ended, command, configure, dccd, end};
use crate::test_daemon::TestDaemon;

const TWO_PAIRS: &str = "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600}";

/// A setup whose exchange keeps this machine's time.
async fn setup(jobs: &str) -> TestDaemon {
    let setup = TestDaemon::keeping_time(jobs, Knobs::default()).await;
    configure(&setup, &setup.text());
    setup
}

async fn online(setup: &TestDaemon) -> Ended {
    dccd(setup, &["validate", "--online"]).await
}

/// The line about something, with its mark.
fn line<'a>(ended: &'a Ended, about: &str) -> &'a str {
    let about = format!(" {about}: ");
    ended.out.lines().find(|line| line.contains(&about)).unwrap_or_else(|| panic!("no {about}in {ended:?}"))
}

#[tokio::test]
async fn everything_that_answers_is_ticked_and_nothing_is_created() {
    let setup = setup(TWO_PAIRS).await;

    let ended = online(&setup).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(line(&ended, "binance clock").starts_with("✓ binance clock: the exchange is "), "{ended:?}");
    assert_eq!(line(&ended, "binance BTC/USDT"), "✓ binance BTC/USDT: listed as BTCUSDT and traded");
    assert_eq!(line(&ended, "binance ETH/USDT"), "✓ binance ETH/USDT: listed as ETHUSDT and traded");
    assert!(line(&ended, "store data_path").ends_with("is not there yet and can be created"), "{ended:?}");
    assert!(line(&ended, "store space").starts_with("✓") && ended.out.contains("GiB free"), "{ended:?}");
    assert_eq!(line(&ended, "store lock"), "✓ store lock: no process works on it");
    assert_eq!(line(&ended, "store state.db"), "✓ store state.db: is not there yet; the first run makes it");
    assert!(!setup.data_path().exists(), "looking creates nothing");
    assert_eq!((setup.asked(Endpoint::Time).len(), setup.asked(Endpoint::Instruments).len()), (1, 2));
    assert_eq!(setup.sim.requests().len(), 3, "no rows are asked for");
}

#[tokio::test]
async fn a_used_data_path_is_probed_and_left_as_it_was() {
    let setup = setup(TWO_PAIRS).await;
    assert_eq!(dccd(&setup, &["collect"]).await.code, Some(0));
    let names = || {
        let folders = [setup.data_path(), setup.layout().own()];
        let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
        entries.map(|entry| entry.unwrap().path()).collect::<std::collections::BTreeSet<_>>()
    };
    let before = names();

    let ended = online(&setup).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(line(&ended, "store data_path").ends_with("can be written"), "{ended:?}");
    assert_eq!(line(&ended, "store state.db"), "✓ store state.db: opens");
    assert_eq!(names(), before);

    let lock = DataLock::take(&setup.layout(), "start").unwrap();
    let held = online(&setup).await;
    let holder = format!("✓ store lock: dccd start (process {}) works on it", std::process::id());
    assert_eq!((held.code, line(&held, "store lock").starts_with(&holder)), (Some(0), true), "{held:?}");
    drop(lock);

    std::fs::write(setup.layout().own().join("state.db"), b"not a database, but long enough to look")
        .unwrap();
    let broken = online(&setup).await;
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(line(&broken, "store state.db").starts_with("✗ store state.db: the state store"), "{broken:?}");
}

#[tokio::test]
async fn a_pair_that_is_not_listed_is_crossed_with_the_exchanges_words_and_the_others_are_ticked() {
    let setup = setup("{exchange: binance, pairs: [MOON/USDT, BTC/USDT], span: 60}").await;

    let ended = online(&setup).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let moon = line(&ended, "binance MOON/USDT");
    assert!(moon.starts_with("✗") && moon.contains("Invalid symbol. (code -1121)"), "{moon}");
    assert!(line(&ended, "binance BTC/USDT").starts_with("✓"), "{ended:?}");
}

#[tokio::test]
async fn an_exchange_that_is_down_fails_once_and_its_pairs_are_not_asked() {
    let setup = setup(TWO_PAIRS).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    configure(&setup, &setup.text().replace(&setup.sim.url(), &format!("http://{closed}")));

    let ended = online(&setup).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let clock = line(&ended, "binance clock");
    assert!(clock.starts_with("✗") && clock.contains("cannot connect to binance"), "{clock}");
    let pair = "✗ binance ETH/USDT: not asked, as the exchange did not answer";
    assert_eq!(line(&ended, "binance ETH/USDT"), pair);
    assert!(line(&ended, "store data_path").starts_with("✓"), "the store is looked at all the same");
}

#[tokio::test]
async fn a_clock_far_from_the_exchanges_is_crossed_with_the_offset() {
    let setup = setup(TWO_PAIRS).await;
    setup.sim.set(|knobs| knobs.skew_ms = -3_600_000);

    let ended = online(&setup).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let clock = line(&ended, "binance clock");
    let told = ["3599.", "3600."]
        .iter()
        .any(|secs| clock.starts_with(&format!("✗ binance clock: the exchange is {secs}")));
    assert!(told, "{clock}");
    assert!(clock.ends_with("s behind this machine; set this machine's clock by NTP"), "{clock}");
    assert!(line(&ended, "binance BTC/USDT").starts_with("✓"), "{ended:?}");
}

#[tokio::test]
async fn a_geo_block_is_crossed_with_the_way_round() {
    for (fault, status) in [(Fault::Status451, "HTTP 451"), (Fault::Status403, "HTTP 403")] {
        let setup = setup(TWO_PAIRS).await;
        setup.sim.set(|knobs| knobs.faults = vec![Rule::always(fault)]);

        let ended = online(&setup).await;

        assert_eq!(ended.code, Some(1), "{ended:?}");
        let clock = line(&ended, "binance clock");
        assert!(clock.starts_with("✗") && clock.contains(status), "{clock}");
        assert!(clock.contains("exchanges.binance.rest_url` to https://data-api.binance.vision"), "{clock}");
        assert_eq!(setup.sim.requests().len(), 1, "a block is not asked again");
    }
}

#[tokio::test]
async fn an_exchange_that_never_answers_costs_its_time_out_and_no_more() {
    let setup = setup(TWO_PAIRS).await;
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Silent)]);
    configure(&setup, &setup.text().replace("\"}\n", "\", timeout: 1}\n"));

    let started = Instant::now();
    let ended = online(&setup).await;

    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(line(&ended, "binance clock").contains("did not answer in time"), "{ended:?}");
    assert_eq!(ended.code, Some(1));
}

#[derive(Deserialize)]
struct Verdict {
    valid: bool,
    problems: Vec<String>,
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    about: String,
    state: String,
}

#[tokio::test]
async fn programs_read_the_same_as_people() {
    let setup = setup("{exchange: binance, pairs: [MOON/USDT], span: 60}").await;
    let text = setup.text() + "  - {exchange: kraken, pairs: [BTC/USD], span: 60}\n";
    configure(&setup, &text);

    let ended = dccd(&setup, &["validate", "--online", "--json"]).await;
    let verdict: Verdict = serde_json::from_str(&ended.out).unwrap();
    let states: Vec<_> = verdict.checks.iter().map(|c| (c.about.as_str(), c.state.as_str())).collect();
    assert_eq!((ended.code, verdict.valid), (Some(1), true));
    assert_eq!(
        states[..3],
        [("binance clock", "ok"), ("binance MOON/USDT", "failed"), ("kraken clock", "ok")]
    );

    configure(&setup, &text.replace("{exchange: kraken,", "{exchange: krakn,"));
    let refused = dccd(&setup, &["validate", "--online", "--json"]).await;
    let verdict: Verdict = serde_json::from_str(&refused.out).unwrap();
    assert_eq!((refused.code, verdict.valid, verdict.checks.len()), (Some(1), false, 0));
    assert!(verdict.problems[0].starts_with("histo_jobs[1].exchange: `krakn`"), "{:?}", verdict.problems);
}

/// Runs the check with one remote and an `rclone` that is this script.
async fn with_rclone(script: Option<&str>, remote: &str) -> Ended {
    let setup = setup(TWO_PAIRS).await;
    let bin = setup.folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    if let Some(script) = script {
        let path = bin.join("rclone");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    configure(&setup, &format!("storage: {{remotes: [{remote}]}}\n{}", setup.text()));
    let mut command = command(&setup, &["validate", "--online"]);
    command.env("AWS_ACCESS_KEY_ID", "us").env("AWS_SECRET_ACCESS_KEY", "s3cret");
    command.env("PATH", &bin).env("SECRET_TOKEN", "s3cret").env("RCLONE_CONFIG", "/nowhere/rclone.conf");
    end(command.spawn().unwrap()).await
}

const NAS: &str = "{provider: rclone, remote: 'mynas:crypto/'}";

#[tokio::test]
async fn a_remote_that_answers_is_ticked_whether_its_folder_exists_or_not() {
    let script = "case $1 in version) echo rclone v1.60.1; echo more;; lsd) exit CODE;; esac";
    for (code, said) in
        [("0", "answers (rclone v1.60.1)"), ("3", "answers (rclone v1.60.1); its folder is not there yet")]
    {
        let ended = with_rclone(Some(&script.replace("CODE", code)), NAS).await;

        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(line(&ended, "storage.remotes[0]"), format!("✓ storage.remotes[0]: {said}"));
    }
}

#[tokio::test]
async fn rclone_is_given_its_arguments_as_they_are_and_only_the_environment_it_needs() {
    let script = "case $1 in version) echo v;; *) echo \"$# $6 ${SECRET_TOKEN:-no token} $RCLONE_CONFIG\" >&2; exit 1;; esac";

    let ended = with_rclone(Some(script), "{remote: '-V; $(touch x)'}").await;

    let said =
        "✗ storage.remotes[0]: rclone lsd ended with code 1: 6 -V; $(touch x) no token /nowhere/rclone.conf";
    assert_eq!((ended.code, line(&ended, "storage.remotes[0]")), (Some(1), said), "{ended:?}");
}

#[tokio::test]
async fn a_refusal_of_rclone_never_repeats_credentials() {
    let script = "case $1 in version) echo v;; *) echo \"cannot reach $6 at sftp://ann:pw1@host/x\" >&2; exit 1;; esac";

    let plain = with_rclone(Some(script), NAS).await;
    assert!(line(&plain, "storage.remotes[0]").contains("cannot reach mynas:crypto/ at sftp://***@host/x"));
    let connection = with_rclone(Some(script), "{remote: ':sftp,host=h,pass=pw2:x'}").await;

    let said = line(&connection, "storage.remotes[0]");
    assert!(said.contains("ended with code 1; run it by hand"), "{said}");
    for ended in [plain, connection] {
        assert!(!ended.out.contains("pw1") && !ended.out.contains("pw2"), "{ended:?}");
    }
}

#[tokio::test]
async fn without_rclone_its_remote_fails_and_so_does_an_s3_one_that_nobody_serves() {
    let s3 = "{provider: s3, remote: 's3://b/p', endpoint: 'http://127.0.0.1:9'}";
    let ended = with_rclone(None, &format!("{NAS}, {s3}")).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(line(&ended, "storage.remotes[0]").contains("rclone is not installed"), "{ended:?}");
    let said = line(&ended, "storage.remotes[1]");
    assert!(said.starts_with("✗ storage.remotes[1]: s3://b/p at 127.0.0.1:9 could not be reached"), "{said}");
    assert!(!ended.out.contains("s3cret"), "{ended:?}");
}
