//! Output that cannot be written is an error; a reader that closes the pipe early is not.

use crate::home::{BTC, Template, closed, full};

/// Commands that only read, each with something to print.
const READING: &[&[&str]] = &[
    &["validate"],
    &["validate", "--json"],
    &["status"],
    &["status", "--json"],
    &["status", "--wide"],
    &["inventory"],
    &["inventory", "--json"],
    &["gaps"],
    &["gaps", "--json"],
    &["verify"],
    &["verify", "--json"],
    &["export", BTC, "--output", "-"],
    &["export", BTC, "--output", "out.csv", "--force"],
    &["read", BTC],
    &["read", BTC, "--format", "parquet"],
    &["jobs", "ls"],
    &["jobs", "ls", "--json"],
    &["jobs", "show", BTC],
    &["jobs", "why", BTC],
    &["jobs", "prune"],
    &["logs"],
    &["exchanges"],
    &["exchanges", "--json"],
    &["metrics"],
    &["metrics", "--json"],
    &["alerts", "runbook"],
    &["completions", "bash"],
    &["--help"],
    &["--version"],
    &["gaps", "--help"],
];

#[tokio::test]
async fn a_result_that_could_not_be_printed_is_an_error_in_every_command() {
    let template = Template::new().await;
    let home = template.copy();
    for args in READING {
        assert_eq!(home.run(args).await.code, Some(0), "{args:?}");
        let said = home.run_into(args, full()).await;
        assert_eq!(said.code, Some(74), "{args:?}: {said:?}");
        assert!(
            said.err.contains("standard output took no more (No space left on device"),
            "{args:?}: {said:?}"
        );
    }
}

#[tokio::test]
async fn a_reader_that_went_away_ends_a_command_as_its_signal_would_and_without_a_word() {
    let template = Template::new().await;
    let home = template.copy();
    for args in READING {
        let said = home.run_into(args, closed()).await;
        assert_eq!((said.code, said.err.as_str()), (Some(141), ""), "{args:?}");
    }
}

#[tokio::test]
async fn work_that_was_done_stays_done_where_its_result_could_not_be_shown() {
    let template = Template::new().await;
    let home = template.copy();
    std::fs::remove_dir_all(home.series("BTC-USDT")).unwrap();

    let said = home.run_into(&["backfill"], full()).await;

    assert_eq!(said.code, Some(74), "{said:?}");
    let verified = home.run(&["verify"]).await;
    assert_eq!((verified.code, verified.out.as_str()), (Some(0), "Verified 2 series: 0 fault(s).\n"));
    assert!(home.file("BTC-USDT").exists(), "what was fetched is stored");
}
