//! Commands and files of the Python dccd: they work, or are answered with what does.

use crate::home::{Home, Template};

#[tokio::test]
async fn a_backfill_of_version_3_is_understood() {
    let template = Template::new().await;
    for args in [
        &["backfill", "-e", "binance", "-s", "BTC/USDT", "-t", "ohlc", "--span", "3600", "--start", "last"][..],
        &["backfill", "-e", "binance", "--symbol", "BTC/USDT", "--type", "ohlc", "--span", "3600"],
        &["backfill", "-s", "BTC/USDT"],
        &["backfill", "-p", "BTC/USDT", "-s", "1h"],
        &["backfill", "-p", "BTC/USDT", "-p", "ETH/USDT", "-s", "3600"],
    ] {
        let said = template.copy().run(args).await;
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        assert!(said.out.contains("[Binance  BTC/USDT 1h] already up to date"), "{args:?}: {said:?}");
        assert_eq!(said.out.contains("ETH"), args.contains(&"ETH/USDT"), "{args:?}: {said:?}");
    }
    let twice = template.copy().run(&["backfill", "-s", "1h", "--span", "60"]).await;
    assert!(twice.code == Some(2) && twice.err.contains("--span is given more than once"), "{twice:?}");
    let reversed = template.copy().run(&["backfill", "--start", "2024-02-01", "--end", "2024-01-01"]).await;
    assert!(reversed.code == Some(2) && reversed.err.contains("is after --end"), "{reversed:?}");
}

#[tokio::test]
async fn a_command_that_is_not_here_is_answered_in_one_sentence_with_what_does_its_work() {
    let home = Home::with("histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]\n");
    for (args, says) in [
        (&["ui"][..], "`dccd start` serves it at the addresses of `http.listen`"),
        (&["ui", "--host", "0.0.0.0", "--port", "8080"], "`dccd start` serves it"),
        (
            &["start", "--host", "0.0.0.0", "--port", "8080"],
            "write `http: {listen: [\"0.0.0.0:8080\"]}` there",
        ),
        (
            &["start", "--host", "0.0.0.0"],
            "`allow_unauthenticated: true` beside it, as other machines reach it",
        ),
        (&["start", "--host", "::1"], "write `http: {listen: [\"[::1]:9430\"]}` there, then run"),
        (&["start", "--port", "8080"], "listen: [\"127.0.0.1:8080\"]"),
    ] {
        let said = home.run(args).await;
        assert_eq!((said.code, said.err.lines().count()), (Some(2), 1), "{args:?}: {said:?}");
        assert!(said.err.contains(says), "{args:?}: {said:?}");
    }
    let shown = home.run(&["--show-completion", "bash"]).await;
    assert!(shown.code == Some(0) && shown.out.contains("dccd"), "{shown:?}");
}

#[tokio::test]
async fn a_job_given_twice_or_of_a_span_that_its_exchange_lacks_is_off_and_the_others_run() {
    let template = Template::new().await;
    let home = template.copy();
    home.configure(
        "  - {exchange: binance, pairs: [BTC/USDT], span: 3600}\n  - {exchange: binance, pairs: [BTC/USDT], span: 3000}",
    );

    let valid = home.run(&["validate"]).await;
    assert_eq!(valid.code, Some(0), "{valid:?}");
    assert!(valid.out.contains("histo_jobs[1].pairs[0] is not running: binance/BTC-USDT/ohlc/1h is already"));
    assert!(valid.out.contains("histo_jobs[2] is not running: binance has no candles of 3000 seconds"));
    let collected = home.run(&["collect"]).await;
    assert_eq!(collected.out, "Done. successes=2 failures=0\n", "{collected:?}");
    let added = home.run(&["add", "-e", "binance", "-p", "SOL/USDT", "-s", "3000"]).await;
    assert!(added.code == Some(1) && added.err.contains("the nearest is 3600"), "{added:?}");
    let added = home.run(&["add", "-e", "binance", "-p", "SOL/USDT", "-s", "4h"]).await;
    assert_eq!(added.out.lines().next(), Some("Added histo job: exchange=binance pair=SOL/USDT span=14400s"));
}

#[tokio::test]
async fn a_byte_order_mark_and_line_ends_stay_and_other_encodings_are_refused_by_name() {
    let text = "\u{feff}settings: {data_path: ./data}\r\n# täglich\r\nhisto_jobs:\r\n  - {exchange: binance, pairs: \
                [BTC/USDT], span: 3600}\r\n";
    let home = Home::with(text);
    assert_eq!(home.run(&["validate"]).await.code, Some(0));
    let job = ["-e", "binance", "-p", "ETH/USDT", "-s", "3600"];
    for command in ["add", "remove"] {
        let said = home.run(&[&[command][..], &job].concat()).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        let now = std::fs::read_to_string(home.at("config.yml")).unwrap();
        assert!(
            now.starts_with('\u{feff}') && now.matches('\n').count() == now.matches("\r\n").count(),
            "{now:?}"
        );
    }
    assert_eq!(std::fs::read_to_string(home.at("config.yml")).unwrap(), text);

    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin1: Vec<u8> = text.chars().skip(1).map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for (bytes, name) in [(utf16, "UTF-16"), (latin1, "Latin-1")] {
        std::fs::write(home.at("config.yml"), bytes).unwrap();
        let refused = home.run(&["validate"]).await;
        assert!(refused.code == Some(1) && refused.err.contains(name), "{refused:?}");
        assert_eq!(home.run(&["status"]).await.code, Some(78));
    }
}

#[tokio::test]
async fn a_store_whose_address_cannot_be_read_is_78_in_every_command() {
    let home = Home::with(
        "store: 'postgres://me:hunter2@host:port/db'\nhisto_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 60}]\n",
    );
    for args in
        [&["validate"][..], &["validate", "--json"], &["validate", "--online"], &["status"], &["start"]]
    {
        let said = home.run(args).await;
        assert_eq!(said.code, Some(78), "{args:?}: {said:?}");
        let whole = format!("{}{}", said.out, said.err);
        assert!(whole.contains("it is no address of PostgreSQL") && !whole.contains("hunter2"), "{said:?}");
    }
}
