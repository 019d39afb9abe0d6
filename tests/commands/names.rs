//! Names of series: one way to write them in every command, and an error with the nearest where one means nothing.

use crate::home::{BTC, ETH, Template};

/// Commands that take a SERIES, in the place of which `SERIES` stands.
const COMMANDS: &[&[&str]] = &[
    &["gaps", "SERIES"],
    &["verify", "SERIES"],
    &["repair", "SERIES"],
    &["export", "SERIES", "--output", "out/"],
    &["logs", "SERIES"],
    &["jobs", "ls", "SERIES"],
    &["jobs", "show", "SERIES"],
    &["jobs", "why", "SERIES"],
    &["jobs", "run", "SERIES"],
    &["jobs", "pause", "SERIES"],
    &["jobs", "resume", "SERIES"],
    &["jobs", "ignore", "SERIES", "--reason", "test"],
    &["jobs", "retry", "--force", "SERIES"],
];

fn of(command: &[&'static str], series: &'static str) -> Vec<&'static str> {
    command.iter().map(|word| if *word == "SERIES" { series } else { word }).collect()
}

#[tokio::test]
async fn a_series_is_written_as_in_files_as_in_status_by_prefix_or_glob_in_every_command() {
    let template = Template::new().await;
    let home = template.copy();
    std::fs::create_dir(home.at("out")).unwrap();
    for series in [
        BTC,
        "binance/BTC-USDT",
        "binance/BTC/USDT",
        "binance/BTC/USDT/ohlc/1h",
        "binance/ohlc/BTC-USDT",
        "*/BTC-USDT/ohlc/1h",
        "binance/B*",
        "**/BTC-USDT/1h",
    ] {
        for command in COMMANDS {
            let mut args = of(command, series);
            if args[0] == "export" {
                args.push("--force");
            }
            let said = home.run(&args).await;
            assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
            let whole = format!("{}{}", said.out, said.err);
            assert!(!whole.contains("ETH-USDT"), "{args:?} means more than was named: {said:?}");
        }
    }
}

#[tokio::test]
async fn a_name_that_means_nothing_is_an_error_with_the_nearest_in_every_command() {
    let template = Template::new().await;
    let home = template.copy();
    std::fs::create_dir(home.at("out")).unwrap();
    for (asked, nearest) in [
        ("binance/BTC-USD/ohlc/1h", BTC),
        ("binance/BTC-USDC", "binance/BTC-USDT"),
        ("binance/ETH/USD", "binance/ETH/USDT"),
        ("binanc", "binance"),
        ("binance/*/ohlc/1d", ETH),
    ] {
        for command in COMMANDS {
            let args = of(command, asked);
            let said = home.run(&args).await;
            assert_eq!(said.code, Some(1), "{args:?}: {said:?}");
            let is_nearest = said.err.contains(&format!("did you mean {nearest}?"))
                || (asked.contains('*') && said.err.contains("did you mean binance/"));
            assert!(said.err.contains(&format!("`{asked}`")) && is_nearest, "{args:?}: {said:?}");
            assert_eq!(said.out, "", "{args:?}");
        }
    }
    assert_eq!(std::fs::read_dir(home.at("out")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_running_daemon_understands_the_same_names() {
    let template = Template::new().await;
    let home = template.copy();
    let mut daemon = home.start().await;

    let paused = home.run(&["jobs", "pause", "binance/BTC/USDT"]).await;
    assert_eq!(
        (paused.code, paused.out.as_str()),
        (Some(0), "binance/BTC-USDT/ohlc/1h paused\n"),
        "{paused:?}"
    );
    let unknown = home.run(&["jobs", "run", "binance/BTC/USD"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.err.contains("no job matches `binance/BTC/USD`; did you mean binance/BTC/USDT?"),
        "{unknown:?}"
    );

    crate::program::terminate(&daemon).await;
    assert!(daemon.wait().await.unwrap().success());
}

#[tokio::test]
async fn several_series_are_exported_into_one_folder_and_never_into_one_file() {
    let template = Template::new().await;
    let home = template.copy();
    std::fs::create_dir(home.at("out")).unwrap();

    let both = home.run(&["export", "binance", "--output", "out"]).await;
    assert_eq!((both.code, both.out.lines().count()), (Some(0), 2), "{both:?}");
    for one in [&["--output", "-"][..], &["--output", "rows.csv"]] {
        let refused = home.run(&[&["export", "binance"][..], one].concat()).await;
        assert!(refused.code == Some(2) && refused.err.contains("name a folder"), "{refused:?}");
    }
    let reversed =
        home.run(&["export", BTC, "--from", "2024-01-31", "--until", "2024-01-30", "--output", "out"]).await;
    assert!(reversed.code == Some(2) && reversed.err.contains("is after --until"), "{reversed:?}");
}
