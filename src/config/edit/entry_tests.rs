//! Streams and histories of any kind, added and removed.

use super::{EditError, Entry, add_entry, jobs_of, remove_at};
use crate::model::Pair;

fn pairs(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn trades() -> Entry {
    Entry::stream(
        "binance",
        pairs("BTC/USDT ETH/USDT"),
        &["trades".to_owned(), "ohlc".to_owned()],
        &["1m".to_owned()],
    )
}

const FILE: &str = "# mine\nhisto_jobs:\n  - {exchange: kraken, pairs: [BTC/EUR], span: 60} # first\n";

#[test]
fn streams_and_histories_of_any_kind_are_added_in_the_style_of_the_file() {
    let text = add_entry(FILE, &trades()).unwrap();
    let text = add_entry(&text, &Entry::history("kraken", pairs("BTC/EUR"), "trades", None)).unwrap();

    assert_eq!(
        text,
        "# mine\nhisto_jobs:\n  - {exchange: kraken, pairs: [BTC/EUR], span: 60} # first\n  \
         - {exchange: kraken, pairs: [BTC/EUR], data_type: trades}\nstream_jobs:\n  - exchange: binance\n    \
         pairs: [BTC/USDT, ETH/USDT]\n    channels: [trades, ohlc]\n    spans: [60]\n"
    );
}

#[test]
fn what_is_listened_to_already_is_refused_and_another_channel_is_not() {
    let text = add_entry(FILE, &trades()).unwrap();
    let of = |channel: &str, spans: &[&str]| {
        let spans: Vec<String> = spans.iter().map(|span| (*span).to_owned()).collect();
        Entry::stream("binance", pairs("eth/usdt"), &[channel.to_owned()], &spans)
    };

    let at = "stream_jobs[0].pairs[1]".to_owned();
    let twice = EditError::Duplicate { at, pair: "ETH/USDT".parse().unwrap() };
    assert_eq!(add_entry(&text, &of("trades", &[])), Err(twice.clone()));
    assert_eq!(add_entry(&text, &of("ohlc", &["60"])), Err(twice));
    assert!(add_entry(&text, &of("ohlc", &["5m"])).is_ok() && add_entry(&text, &of("book", &[])).is_ok());
}

#[test]
fn a_pair_is_removed_from_its_place_and_the_job_with_its_last() {
    let text = add_entry(FILE, &trades()).unwrap();
    let pair = |text: &str| text.parse::<Pair>().unwrap();

    let without = remove_at(&text, "stream_jobs", 0, &pair("BTC/USDT")).unwrap();
    assert!(without.contains("    pairs: [ETH/USDT]\n") && without.starts_with(FILE), "{without}");
    let none = remove_at(&without, "stream_jobs", 0, &pair("ETH/USDT")).unwrap();
    assert_eq!(none, format!("{FILE}stream_jobs: []\n"));
    for (list, index, own) in
        [("stream_jobs", 1, "BTC/USDT"), ("histo_jobs", 0, "BTC/USDT"), ("settings", 0, "BTC/EUR")]
    {
        assert_eq!(remove_at(&text, list, index, &pair(own)), Err(EditError::NotFound), "{list}");
    }
}

#[test]
fn what_is_wrong_stays_as_it_is_for_the_check_to_refuse() {
    let entry = Entry::history("kra'ken", pairs("BTC/EUR a: nonsense"), "x]y", Some("# 60"));

    let text = add_entry("", &entry).unwrap();

    assert_eq!(
        text,
        "histo_jobs:\n  - exchange: 'kra''ken'\n    pairs: [BTC/EUR, 'a:', 'nonsense']\n    data_type: 'x]y'\n    \
         span: '# 60'\n"
    );
}

#[test]
fn the_jobs_of_a_file_are_listed_with_their_places() {
    let text = add_entry(FILE, &trades()).unwrap();

    let listed: Vec<(String, usize, String, Vec<String>, String)> = jobs_of(&text)
        .unwrap()
        .into_iter()
        .map(|job| (job.list.to_owned(), job.index, job.exchange, job.pairs, job.data))
        .collect();

    let of = |list: &str, exchange: &str, own: &str, data: &str| {
        (list.to_owned(), 0, exchange.to_owned(), pairs(own), data.to_owned())
    };
    assert_eq!(
        listed,
        [
            of("histo_jobs", "kraken", "BTC/EUR", "ohlc/1m"),
            of("stream_jobs", "binance", "BTC/USDT ETH/USDT", "trades, ohlc/1m")
        ]
    );
}
