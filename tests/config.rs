//! The configuration as a whole: what loads, with which values, and what is refused with which words.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dccd::config::{
    Channel, Config, ConfigError, ConfiguredTrigger, Provider, Start, Store, Surroundings, check, load,
    load_in,
};
use dccd::model::{Kind, Micros, Span, Zone};
use dccd::telemetry::logs::LogFormat;

const JOB: &str = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]\n";

fn around() -> Surroundings {
    Surroundings { home: Some("/home/ann".into()), ..Surroundings::default() }
}

fn checked(text: &str) -> Config {
    check(text, Path::new("c.yml"), &around()).unwrap_or_else(|error| panic!("{error}\nin\n{text}"))
}

fn problems(text: &str) -> Vec<String> {
    check(text, Path::new("c.yml"), &around()).expect_err(text).lines()
}

/// The one problem of a valid job file with these lines before it.
fn problem(lines: &str) -> String {
    only(problems(&format!("{lines}\n{JOB}")))
}

/// The one problem of a file with one history job of these keys.
fn job_problem(keys: &str) -> String {
    only(problems(&format!("histo_jobs: [{{{keys}}}]")))
}

fn only(problems: Vec<String>) -> String {
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.into_iter().next().unwrap()
}

const QUICK_START: &str = "\
settings:
  data_path: ~/data/crypto
  timezone: Europe/Paris

storage:
  remotes:
    - provider: rclone
      remote: mynas:crypto/
  sync_interval: 3600

histo_jobs:
  - exchange: binance
    pairs: [BTC/USDT, ETH/USDT]
    span: 3600
    format: parquet
    max_retries: 5
    retry_delay: 1.0
  - exchange: kraken
    pairs:
      - BTC/USD
    span: 86400

stream_jobs:
  - exchange: binance
    pairs: [BTC/USDT]
    channels: [trades, book]
    time_step: 60

alerts:
  webhook_url: https://hooks.slack.com/services/T000/B000/XXXX
  max_consecutive_errors: 5
";

#[test]
fn the_quick_start_of_the_reference_loads_unchanged() {
    let config = checked(QUICK_START);

    assert_eq!(config.data_path, Path::new("/home/ann/data/crypto"));
    assert_eq!(config.zone_name, "Europe/Paris");
    assert_eq!(config.storage.remotes[0].provider, Provider::Rclone);
    assert_eq!(config.storage.remotes[0].remote.expose(), "mynas:crypto/");
    let [first, second] = &config.histo_jobs[..] else { panic!("two jobs") };
    assert_eq!(
        first.series.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["binance/BTC-USDT/ohlc/1h", "binance/ETH-USDT/ohlc/1h"]
    );
    assert_eq!((first.max_retries, first.retry_delay, first.running), (5, Duration::from_secs(1), true));
    assert_eq!((first.start, &first.trigger), (Start::Last, &ConfiguredTrigger::AtClose));
    assert_eq!((second.span, second.kind), (Some(Span::DAY), Kind::Ohlc));
    assert_eq!(config.stream_jobs[0].channels, [Channel::Trades, Channel::Book]);
    assert_eq!(config.stream_jobs[0].time_step, Duration::from_secs(60));
    assert_eq!(config.alerts.max_consecutive_errors, 5);
}

#[test]
fn what_is_not_active_is_said_once_each_and_no_secret_is_shown() {
    let config = checked(QUICK_START);

    let about = |word: &str| config.notes.iter().filter(|note| note.contains(word)).count();
    assert_eq!((about("storage.remotes"), about("stream_jobs"), about("webhook_url")), (0, 0, 1));
    let all = format!("{config:?}");
    assert!(!all.contains("XXXX") && !all.contains("mynas"), "{all}");
    assert!(checked(JOB).notes.is_empty());
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = checked(JOB);

    assert_eq!(config.data_path, Path::new("./data/crypto"));
    assert_eq!((config.zone_name.as_str(), config.environment.as_str()), ("UTC", "development"));
    assert_eq!(config.runs_retention_days, 90);
    assert_eq!(config.http.listen, ["127.0.0.1:9430".parse().unwrap()]);
    assert!(!config.http.allow_unauthenticated);
    assert_eq!(config.store, Store::Sqlite);
    assert_eq!((config.worker.slots, config.worker.lease), (8, Duration::from_secs(60)));
    assert_eq!(config.exchange("binance").timeout, Duration::from_secs(30));
    assert_eq!(config.storage.sync_interval, Some(Duration::from_secs(3_600)));
    assert_eq!(config.storage.journal_sync, Duration::from_secs(1));
    assert_eq!(config.storage.flush_interval, Duration::from_secs(60));
    let job = &config.histo_jobs[0];
    assert_eq!((job.max_retries, job.retry_delay, job.depth), (3, Duration::from_secs(2), 50));
    assert_eq!(config.alerts.max_consecutive_errors, 3);
    assert_eq!(
        (config.telemetry.log_level, config.telemetry.log_format),
        (tracing::Level::INFO, LogFormat::Text)
    );
    assert_eq!(config.telemetry.collect_interval, Duration::from_secs(30));
    assert_eq!(config.telemetry.history_interval, Duration::from_secs(60));
}

#[test]
fn every_key_of_the_schema_is_read() {
    let text = "\
settings: {data_path: data, timezone: local, environment: production, runs_retention_days: 0}
http: {listen: ['localhost:0', '0.0.0.0:9430'], allow_unauthenticated: true}
store: postgres://me:hidden@db/dccd
worker: {id: a-1, slots: 256, lease: 10}
exchanges:
  binance: {rest_url: 'http://127.0.0.1:8080/', ws_url: 'ws://localhost', requests_per_second: 2.5, timeout: 5}
storage:
  local_path: ./data/
  remotes: [{provider: s3, remote: 's3://bucket/prefix', endpoint: 'https://s3.example'}]
  sync_interval: 0
  journal_sync: 0
  flush_interval: 1
  min_free_gb: 1.5
histo_jobs:
  - {exchange: binance, pairs: [btc-usdt], data_type: trades, start: 2024-01-31, every: 30, format: csv}
  - {exchange: binance, pairs: [BTC/USDT], data_type: orderbook, depth: 1000, cron: '*/5 * * * *', start: origin}
  - {exchange: binance, pairs: [BTC/USDT], span: 2592000, start: last, max_retries: '3'}
stream_jobs:
  - {exchange: binance, pairs: [BTC/USDT], channels: [ohlc], spans: [60], time_step: 1, depth: 5, book_deltas: true}
alerts: {max_consecutive_errors: 1, webhook_url: null}
telemetry:
  {log_level: debug, log_format: json, otlp_endpoint: 'http://127.0.0.1:4318', textfile: ~/x.prom,
   collect_interval: 1, history_interval: 10}
";
    let config = checked(text);

    assert_eq!((config.runs_retention_days, config.environment.as_str()), (0, "production"));
    assert_eq!(config.http.listen, ["127.0.0.1:0".parse().unwrap(), "0.0.0.0:9430".parse().unwrap()]);
    assert!(matches!(&config.store, Store::Postgres(url) if url.expose() == "postgres://me:hidden@db/dccd"));
    assert_eq!((config.worker.id.as_deref(), config.worker.slots), (Some("a-1"), 256));
    let binance = config.exchange("binance");
    assert_eq!(binance.rest_url.as_deref(), Some("http://127.0.0.1:8080"));
    assert_eq!(binance.ws_url.as_deref(), Some("ws://localhost"));
    assert_eq!((binance.requests_per_second, binance.timeout), (Some(2.5), Duration::from_secs(5)));
    assert_eq!((config.storage.sync_interval, config.storage.min_free_gb), (None, 1.5));
    let [trades, book, month] = &config.histo_jobs[..] else { panic!("three jobs") };
    assert_eq!(trades.start, Start::Date(Micros::from_secs(1_706_659_200)));
    assert_eq!(trades.trigger, ConfiguredTrigger::Every(Duration::from_secs(30)));
    assert_eq!((book.start, book.depth), (Start::Origin, 1_000));
    assert!(matches!(&book.trigger, ConfiguredTrigger::Cron(cron) if cron.to_string() == "*/5 * * * *"));
    assert_eq!((month.span, month.start, month.max_retries), (Some(Span::Month), Start::Last, 3));
    assert_eq!(config.stream_jobs[0].spans, [Span::MINUTE]);
    assert!(config.stream_jobs[0].book_deltas);
    assert_eq!(config.telemetry.textfile.as_deref(), Some(Path::new("/home/ann/x.prom")));
    assert_eq!(config.telemetry.log_format, LogFormat::Json);
    assert_eq!(config.telemetry.otlp_endpoint.as_deref(), Some("http://127.0.0.1:4318"));
    assert_eq!(
        config.notes.iter().filter(|note| note.contains("dccd export")).count(),
        1,
        "{:?}",
        config.notes
    );
    assert!(!format!("{config:?}").contains("hidden"));
}

#[test]
fn the_documented_schema_loads_with_its_nulls() {
    let text = "\
settings:
  data_path: ./data/crypto      # ~ expands
  timezone: UTC
  environment: development
  runs_retention_days: 90
http:
  listen: [\"127.0.0.1:9430\"]
  web_config: null
  token_file: null
  allow_unauthenticated: false
store: sqlite
worker: {id: null, slots: 8, lease: 60}
exchanges:
  binance: {rest_url: null, ws_url: null, requests_per_second: null, timeout: 30}
storage:
  remotes:
    - {provider: rclone, remote: \"mynas:crypto/\"}
    - {provider: s3, remote: \"s3://bucket/prefix\", endpoint: null}
  sync_interval: 3600
  journal_sync: 1.0
  flush_interval: 60
  min_free_gb: 0
histo_jobs:
  - {exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, format: parquet,
     data_type: ohlc, start: null, every: null, cron: null, max_retries: 3, retry_delay: 2.0}
stream_jobs:
  - {exchange: binance, pairs: [BTC/USDT], channels: [trades, book, ohlc], spans: [60], time_step: 60, depth: 50, book_deltas: false}
alerts: {max_consecutive_errors: 3, webhook_url: null}
telemetry: {log_level: info, log_format: text, otlp_endpoint: null, textfile: null, collect_interval: 30, history_interval: 60}
";
    let config = checked(text);

    assert_eq!((config.histo_jobs.len(), config.stream_jobs.len(), config.storage.remotes.len()), (1, 1, 2));
    assert_eq!(config.notes, [""; 0]);
}

#[test]
fn a_key_that_nothing_acts_on_has_a_note() {
    let told = only(checked(&format!("worker: {{own_address: true}}\n{JOB}")).notes);
    assert!(told.starts_with("worker.own_address: not used: "), "{told}");
}

#[test]
fn half_a_fleet_is_refused_with_what_is_missing() {
    let file = |store: &str, remotes: &str| format!("{store}\nstorage: {{remotes: [{remotes}]}}");
    let (postgres, bucket) = ("store: postgres://db/x", "{provider: s3, remote: 's3://b/p', fleet: true}");
    let whole = checked(&format!("{}\n{JOB}", file(postgres, bucket)));
    assert!(whole.storage.fleet().is_some() && whole.notes.is_empty(), "{:?}", whole.notes);
    for (store, remotes, what) in [
        ("store: sqlite", bucket, "remotes[0].fleet: the workers of a fleet share their state in PostgreSQL"),
        (postgres, "{remote: 'nas:x', fleet: true}", "remotes[0].fleet: needs `provider: s3`"),
        (
            postgres,
            &format!("{bucket}, {{provider: s3, remote: 's3://c', fleet: true}}"),
            "remotes[1].fleet: a fleet has one",
        ),
    ] {
        let said = problem(&file(store, remotes));
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn a_date_is_read_in_the_configured_zone() {
    let text = "settings: {timezone: Europe/Paris}\nhisto_jobs: [{exchange: binance, pairs: [A/B], span: 60, start: \
                2024-07-01 02:00:00}]";
    assert_eq!(
        checked(text).histo_jobs[0].start,
        Start::Date(Micros::parse("2024-07-01", &Zone::UTC).unwrap())
    );
}

#[test]
fn ten_mistakes_are_ten_problems_each_with_its_place() {
    let found = problems(
        "\
settings: {timezone: Pluto, colour: red}
http: {listen: ['0.0.0.0:9430']}
worker: {slots: 0}
storage: {journal_sync: fast}
histo_jobs:
  - {exchange: krakn, pairs: [BTC/USD], span: 60}
  - {exchange: binance, pairs: [BTCUSDT], span: 3600}
  - {exchange: binance, pairs: [BTC/USDT], span: 30}
  - {exchange: binance, pairs: [BTC/USDT], data_type: trade}
alerts: {max_consecutive_errors: -1}
",
    );

    let places: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "settings.colour",
            "settings.timezone",
            "http.listen",
            "worker.slots",
            "storage.journal_sync",
            "histo_jobs[0].exchange",
            "histo_jobs[1].pairs[0]",
            "histo_jobs[2].span",
            "histo_jobs[3].data_type",
            "alerts.max_consecutive_errors",
        ]
    );
    assert!(
        found[5].starts_with(
            "histo_jobs[0].exchange: `krakn` is not supported; did you mean `kraken`? Use one of binance, "
        ),
        "{}",
        found[5]
    );
    assert!(found[7].contains("between 60 seconds and one year, got 30"), "{}", found[7]);
}

#[test]
fn a_problem_is_shown_with_the_file_and_the_line_it_is_on() {
    let text = "\
# all of it is wrong
settings:
  timezone: Pluto

histo_jobs:
  - exchange: binance
    pairs:
      - BTC/USDT
      - ETHUSDT
    span: 3600
  - {exchange: kraken,
     pairs: [BTC/USD], span: 30, span: 60}
";

    let refused = check(text, Path::new("some/config.yml"), &around()).unwrap_err();

    let plain = refused.lines();
    let located: Vec<String> = [3, 9, 12, 12]
        .iter()
        .zip(&plain)
        .map(|(line, problem)| format!("some/config.yml:{line}: {problem}"))
        .collect();
    assert_eq!(refused.located_lines(), located);
    let places: Vec<&str> = plain.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        ["settings.timezone", "histo_jobs[0].pairs[1]", "histo_jobs[1].span", "histo_jobs[1].span"]
    );
    let nothing = check("settings: {}\n", Path::new("c.yml"), &around()).unwrap_err();
    assert_eq!(nothing.located_lines(), nothing.lines(), "what is missing altogether is on no line");
}

#[test]
fn unknown_and_duplicate_keys_are_problems_with_a_suggestion() {
    assert_eq!(
        problem("setings: {}").split(" Known").next(),
        Some("setings: unknown key; did you mean `settings`?")
    );
    assert!(problem("settings: {timezome: UTC}").contains("did you mean `timezone`?"));
    assert!(problem("worker: {slots: 1, slots: 1}").starts_with("worker.slots: this key appears twice"));
    assert!(problem(JOB).contains("histo_jobs: this key appears twice"));
    assert!(problem("exchanges: {binance: {}, binance: {}}").contains("appears twice"));
    assert!(problem("exchanges: {binanec: {}}").contains("did you mean `binance`?"));
    assert!(
        problem("storage: {remotes: [{remote: a, path: b}]}").starts_with("storage.remotes[0].path: unknown")
    );
    let odd = problem("\"a\\e[2Jb\": 1");
    assert!(!odd.contains('\u{1b}'), "{odd:?}");
}

#[test]
fn a_value_of_the_wrong_type_says_what_was_expected_and_what_was_found() {
    for (lines, expected) in [
        ("worker: {slots: abc}", "worker.slots: expected a whole number, found text `abc`"),
        ("worker: {slots: 1.5}", "worker.slots: expected a whole number, found the number 1.5"),
        ("worker: {lease: true}", "worker.lease: expected a number, found `true`"),
        ("settings: []", "settings: expected a mapping, found a list"),
        (
            "settings: {data_path: 7}",
            "settings.data_path: expected text, found the number 7; put it in quotes",
        ),
        ("settings: {data_path: ''}", "settings.data_path: must not be empty"),
        ("http: {listen: 9430}", "http.listen: expected a list, found the number 9430"),
        (
            "http: {allow_unauthenticated: yes}",
            "http.allow_unauthenticated: expected true or false, found text `yes`",
        ),
        ("exchanges: 7", "exchanges: expected a mapping, found the number 7"),
    ] {
        assert_eq!(problem(lines), expected);
    }
    assert_eq!(only(problems("- a\n- b")), "expected a mapping, found a list");
    assert_eq!(only(problems("histo_jobs: 7")), "histo_jobs: expected a list, found the number 7");
    assert_eq!(job_problem("exchange: binance, pairs: BTC/USDT, span: 60").find("expected a list"), Some(21));
}

#[test]
fn numbers_stay_within_their_bounds() {
    for lines in [
        "settings: {runs_retention_days: -1}",
        "worker: {slots: 257}",
        "worker: {lease: 9}",
        "worker: {id: 'a b'}",
        "exchanges: {binance: {timeout: 0.5}}",
        "exchanges: {binance: {timeout: 601}}",
        "exchanges: {binance: {requests_per_second: 0}}",
        "exchanges: {binance: {requests_per_second: .nan}}",
        "storage: {journal_sync: 11}",
        "storage: {flush_interval: 0}",
        "storage: {flush_interval: 3601}",
        "storage: {min_free_gb: -1}",
        "storage: {min_free_gb: .inf}",
        "alerts: {max_consecutive_errors: 0}",
        "alerts: {max_consecutive_errors: 99999999999999999999999}",
        "telemetry: {collect_interval: 0}",
        "telemetry: {history_interval: 0}",
    ] {
        let told = problem(lines);
        assert!(told.contains("nearest allowed") || told.contains("at most 64"), "{lines}: {told}");
    }
}

#[test]
fn words_are_one_of_those_documented() {
    assert!(problem("telemetry: {log_level: inof}").contains("did you mean `info`?"));
    assert!(problem("telemetry: {log_format: xml}").contains("use one of text, json"));
    assert!(problem("storage: {remotes: [{provider: rclon, remote: x}]}").contains("did you mean `rclone`?"));
    assert!(
        problem("storage: {remotes: [{provider: s3}]}").starts_with("storage.remotes[0].remote: is required")
    );
    assert!(problem("settings: {timezone: Europe/Pariss}").contains("unknown timezone `Europe/Pariss`"));
}

#[test]
fn addresses_beyond_this_machine_need_a_guard_that_works() {
    for address in ["0.0.0.0:9430", "192.168.1.7:80", "'[::]:9430'"] {
        let text = format!("http: {{listen: [{address}]}}");
        assert!(problem(&text).contains("other machines"), "{address}");
    }
    assert!(checked(&format!("http: {{listen: ['127.0.0.2:1', '[::1]:1']}}\n{JOB}")).notes.is_empty());
    assert!(checked(&format!("http: {{listen: []}}\n{JOB}")).http.listen.is_empty());
    assert!(problem("http: {listen: ['9430']}").contains("found text `9430`"));
    assert!(problem("http: {listen: ['127.0.0.1:1', '127.0.0.1:1']}").contains("listed twice"));

    let listen = "listen: ['127.0.0.1:1', '0.0.0.0:2']";
    let with_token = checked(&format!("http: {{{listen}, token_file: t}}\n{JOB}"));
    assert_eq!((with_token.http.listen.len(), with_token.notes), (2, vec![]));
    let guarded = checked(&format!("http: {{{listen}, web_config: w}}\n{JOB}"));
    assert_eq!((guarded.http.listen.len(), guarded.notes), (2, vec![]));
}

#[test]
fn the_older_name_of_the_data_path_must_agree_with_the_newer() {
    let path = |text: &str| checked(&format!("{text}\n{JOB}")).data_path;
    assert_eq!(path("storage: {local_path: ./old}"), Path::new("./old"));
    assert_eq!(path("storage: {local_path: ''}"), Path::new("./data/crypto"));
    assert_eq!(
        path("settings: {data_path: ~/x}\nstorage: {local_path: /home/ann/x/}"),
        Path::new("/home/ann/x")
    );
    let told = problem("settings: {data_path: ./a}\nstorage: {local_path: ./b}");
    assert!(told.starts_with("storage.local_path: `./b` differs from settings.data_path `./a`"), "{told}");
}

#[test]
fn keys_the_monitor_page_had_in_older_versions_load_with_a_note() {
    let config =
        checked(&format!("settings: {{ui_host: 0.0.0.0, ui_port: 8080, ui_auth_token: s3cret}}\n{JOB}"));
    assert_eq!(config.notes.len(), 1);
    assert!(
        config.notes[0].starts_with("settings.ui_host, settings.ui_port, settings.ui_auth_token not used")
    );
    assert!(!config.notes[0].contains("s3cret"));
}

#[test]
fn a_file_without_a_job_is_refused_in_the_words_of_the_reference() {
    let words = "Configuration must define at least one job (histo_jobs or stream_jobs)";
    for text in ["", "settings: {}", "histo_jobs: []\nstream_jobs: []", "histo_jobs:\n"] {
        assert_eq!(only(problems(text)), words, "{text:?}");
    }
    let stream = "stream_jobs: [{exchange: binance, pairs: [A/B], channels: [trades]}]";
    assert_eq!(checked(stream).stream_jobs.len(), 1);
}

#[test]
fn history_jobs_are_held_to_their_rules() {
    const BASE: &str = "exchange: binance, pairs: [BTC/USDT]";
    for (keys, expected) in [
        ("pairs: [A/B], span: 60".to_owned(), "histo_jobs[0].exchange: is required"),
        ("exchange: Binance, pairs: [A/B], span: 60".to_owned(), "did you mean `binance`?"),
        ("exchange: binance, span: 60".to_owned(), "histo_jobs[0].pairs: must not be empty"),
        ("exchange: binance, pairs: [], span: 60".to_owned(), "histo_jobs[0].pairs: must not be empty"),
        (
            "exchange: binance, pairs: [A/B, 7], span: 60".to_owned(),
            "histo_jobs[0].pairs[1]: expected BASE/QUOTE",
        ),
        (BASE.to_owned(), "histo_jobs[0].span: ohlc needs a span"),
        (format!("{BASE}, span: 30"), "between 60 seconds and one year, got 30"),
        (format!("{BASE}, span: -60"), "at least 60 seconds"),
        (format!("{BASE}, span: 1h"), "found text `1h`; write 3600"),
        (format!("{BASE}, span: 60, data_type: trades"), "histo_jobs[0].span: trades has no span; remove it"),
        (format!("{BASE}, data_type: trade"), "did you mean `trades`?"),
        (
            "exchange: bitfinex, pairs: [BTC/USDT], data_type: funding".to_owned(),
            "bitfinex has no `funding`; use one of ohlc, trades, orderbook",
        ),
        (
            format!("{BASE}, data_type: funding"),
            "histo_jobs[0].pairs[0]: binance has no funding of `BTC/USDT`; it has `BTC/USDT:perp`",
        ),
        (
            "exchange: bitfinex, pairs: [BTC/USDT, 'BTC/USDT:perp'], span: 60".to_owned(),
            "histo_jobs[0].pairs[1]: bitfinex has no ohlc of `BTC/USDT:perp`; it has `BTC/USDT`",
        ),
        (format!("{BASE}, span: 60, format: json"), "`json` is not known; use one of parquet, csv, xlsx"),
        (format!("{BASE}, span: 60, start: 2024/01/31"), "`2024/01/31` is no start"),
        (format!("{BASE}, span: 60, start: orign"), "did you mean `origin`?"),
        (format!("{BASE}, span: 60, start: 20240131"), "found the number 20240131"),
        (format!("{BASE}, span: 60, every: 0"), "histo_jobs[0].every: 0 is out of range"),
        (format!("{BASE}, span: 60, every: 60, cron: '* * * * *'"), "every and cron are both set"),
        (format!("{BASE}, span: 60, cron: '* * * *'"), "cron needs 5 fields"),
        (format!("{BASE}, span: 60, cron: '0 0 30 2 *'"), "never comes"),
        (format!("{BASE}, span: 60, max_retries: 11"), "the nearest allowed is 10"),
        (format!("{BASE}, span: 60, max_retries: 0"), "the nearest allowed is 1"),
        (format!("{BASE}, span: 60, retry_delay: -1"), "the nearest allowed is 0"),
        (format!("{BASE}, span: 60, depth: 5"), "only orderbook has a depth"),
        (format!("{BASE}, data_type: orderbook, depth: 5001"), "the nearest allowed is 5000"),
        (format!("{BASE}, span: 60, retries: 1"), "histo_jobs[0].retries: unknown key"),
    ] {
        let told = job_problem(&keys);
        assert!(told.contains(expected), "{keys}\n  told  {told}\n  wants {expected}");
    }
}

#[test]
fn a_series_two_jobs_collect_is_off_in_the_second_and_a_note_names_both() {
    let config = checked(
        "histo_jobs:\n  - {exchange: binance, pairs: [BTC/USDT], span: 3600}\n  - {exchange: binance, pairs: \
         [ETH/USDT, btc-usdt], span: 3600}\n  - {exchange: binance, pairs: [BTC/USDT], span: 60}",
    );
    let told = only(config.notes);
    let words = "histo_jobs[1].pairs[1] is not running: binance/BTC-USDT/ohlc/1h is already collected by \
                 histo_jobs[0].pairs[0]; remove one";
    assert_eq!(told, words);
    let series: Vec<Vec<String>> =
        config.histo_jobs.iter().map(|job| job.series.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(
        series,
        [["binance/BTC-USDT/ohlc/1h"], ["binance/ETH-USDT/ohlc/1h"], ["binance/BTC-USDT/ohlc/1m"]]
    );
}

#[test]
fn a_channel_that_an_exchange_does_not_send_is_named_with_what_fetches_it_and_the_rest_runs() {
    let stream = |pairs: &str, channels: &str| {
        checked(&format!(
            "stream_jobs:\n  - {{exchange: krakenfutures, pairs: [{pairs}], channels: [{channels}], spans: [60]}}"
        ))
        .notes
    };

    let told = only(stream("'BTC/USD:perp', 'ETH/USD:perp'", "trades, book, ohlc"));
    assert_eq!(
        told,
        "stream_jobs[0]: its channel ohlc is not running for BTC/USD:perp, ETH/USD:perp: krakenfutures sends no ohlc of \
         them live; everything else of the stream runs; a job of histo_jobs with data_type ohlc fetches it over REST"
    );
    let many = "'A/USD:perp', 'B/USD:perp', 'C/USD:perp', 'D/USD:perp', 'E/USD:perp'";
    let told = only(stream(many, "ohlc"));
    assert!(told.contains("for A/USD:perp, B/USD:perp, C/USD:perp and 2 more: "), "{told}");
    assert!(!told.contains("everything else"), "{told}");
}

#[test]
fn a_wildcard_among_pairs_is_refused_with_the_command_that_writes_what_it_stands_for() {
    let told = job_problem("exchange: binance, pairs: ['*/USDT'], span: 3600");

    assert!(told.contains("wildcard") && told.contains("dccd add EXCHANGE '*/USDT'"), "{told}");
}

#[test]
fn a_job_of_a_span_that_its_exchange_lacks_is_off_alone_and_a_note_says_why() {
    let config = checked(
        "histo_jobs:\n  - {exchange: coinbase, pairs: [BTC/USD], span: 1800}\n  - {exchange: coinbase, pairs: \
         [BTC/USD], span: 3600}",
    );
    let told = only(config.notes);
    assert!(
        told.starts_with(
            "histo_jobs[0] is not running: coinbase has no candles of 1800 seconds; the nearest is 900"
        ),
        "{told}"
    );
    assert_eq!(config.histo_jobs.iter().map(|job| job.running).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn what_no_path_and_no_server_can_have_for_a_name_is_refused_where_it_stands() {
    for (line, place) in [
        ("settings: {data_path: \"a\\0b\"}", "settings.data_path: it holds a NUL character"),
        ("storage: {local_path: \"a\\0b\"}", "storage.local_path: it holds a NUL character"),
        ("http: {token_file: \"a\\0b\"}", "http.token_file: it holds a NUL character"),
        ("http: {web_config: \"a\\0b\"}", "http.web_config: it holds a NUL character"),
        ("telemetry: {textfile: \"a\\0b\"}", "telemetry.textfile: it holds a NUL character"),
        ("store_file: \"a\\0b\"", "store_file: it holds a NUL character"),
        ("store: \"postgres://h/d\\0\"", "store: it holds a NUL character"),
        (
            "storage: {remotes: [{remote: \"nas:\\0\"}]}",
            "storage.remotes[0].remote: it holds a NUL character",
        ),
        ("store: 'postgres://me:secret@['", "store: it is no address of PostgreSQL"),
        (
            "store: 'postgres://me:secret@host:port/db'",
            "store: it is no address of PostgreSQL (invalid port number)",
        ),
    ] {
        let told = problem(line);
        assert!(told.starts_with(place) && !told.contains("secret"), "{line}: {told}");
    }
}

#[test]
fn stream_jobs_are_held_to_their_rules() {
    for (keys, expected) in [
        ("channels: [trades]", "stream_jobs[0].pairs: must not be empty"),
        ("pairs: [A/B]", "stream_jobs[0].channels: must not be empty"),
        ("pairs: [A/B], channels: trades", "stream_jobs[0].channels: expected a list"),
        (
            "pairs: [A/B], channels: [trade]",
            "stream_jobs[0].channels[0]: expected a channel, found text `trade`; did",
        ),
        ("pairs: [A/B], channels: [book, book]", "stream_jobs[0].channels[1]: `book` is listed twice"),
        ("pairs: [A/B], channels: [ohlc]", "stream_jobs[0].spans: the ohlc channel needs spans"),
        ("pairs: [A/B], channels: [ohlc], spans: [7]", "stream_jobs[0].spans[0]: span must be"),
        ("pairs: [A/B], channels: [book], spans: [60]", "only the ohlc channel has spans"),
        ("pairs: [A/B], channels: [book], time_step: 0", "stream_jobs[0].time_step: 0 is out of range"),
        ("pairs: [A/B], channels: [book], depth: 0", "stream_jobs[0].depth: 0 is out of range"),
        (
            "pairs: [A/B], channels: [book], book_deltas: 1",
            "stream_jobs[0].book_deltas: expected true or false",
        ),
        (
            "pairs: [A/B], channels: [book], depth: 5000",
            "stream_jobs[0].depth: binance keeps no book of 5000 levels a side live; the nearest is 2500",
        ),
        ("pairs: [AB], channels: [book]", "stream_jobs[0].pairs[0]: expected BASE/QUOTE"),
    ] {
        let told = only(problems(&format!("stream_jobs: [{{exchange: binance, {keys}}}]")));
        assert!(told.contains(expected), "{keys}\n  told  {told}");
    }
    let told = only(problems("stream_jobs: [{exchange: bitmx, pairs: [A/B], channels: [book]}]"));
    assert!(told.contains("did you mean `bitmex`?"), "{told}");
}

#[test]
fn no_message_repeats_a_credential() {
    for lines in [
        "store: postgre://me:hidden@db/x",
        "store: mysql://me:hidden@db/x",
        "store: [hidden]",
        "alerts: {webhook_url: hooks.slack.com/services/hidden}",
        "alerts: {webhook_url: [hidden]}",
        "exchanges: {binance: {rest_url: 'https://me:hidden@x.example'}}",
        "exchanges: {binance: {rest_url: 'htps://me:hidden@x.example'}}",
        "telemetry: {otlp_endpoint: 'me:hidden@x'}",
        "settings: {ui_auth_token: [hidden]}",
        "storage: {remotes: [{provider: rclone, remote: [hidden]}]}",
    ] {
        let told = problems(&format!("{lines}\n{JOB}")).join("\n");
        assert!(!told.contains("hidden"), "{lines}: {told}");
    }
}

#[test]
fn the_address_of_the_store_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    write(&path, "postgresql://me:hidden@db/x\n");
    let config = checked(&format!("store_file: {}\n{JOB}", path.display()));

    assert!(matches!(&config.store, Store::Postgres(url) if url.expose().ends_with("/x")));
    assert!(problem(&format!("store: sqlite\nstore_file: {}", path.display())).contains("both set"));
    assert!(problem("store_file: /dev/null").contains("not an ordinary file"));
    assert!(problem("store: oracle").contains("`oracle` is not supported"));
}

#[test]
fn the_environment_is_the_files_else_the_processs() {
    let around = Surroundings { environment: Some("staging".to_owned()), ..around() };
    let named = |text: &str| check(text, Path::new("c.yml"), &around).unwrap().environment;
    assert_eq!(named(JOB), "staging");
    assert_eq!(named(&format!("settings: {{environment: production}}\n{JOB}")), "production");
}

#[test]
fn files_are_found_in_their_order_and_a_missing_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let xdg = folder.path().join("dccd/config.yml");
    dccd::config::create(&xdg, JOB.as_bytes()).unwrap();
    let around = Surroundings { xdg_config_home: Some(folder.path().to_owned()), ..Surroundings::default() };

    assert_eq!(load_in(None, &around).unwrap().path, xdg);
    assert_eq!(load(Some(&xdg)).unwrap().histo_jobs.len(), 1);
    let missing = load(Some(&folder.path().join("nope.yml"))).unwrap_err();
    assert!(missing.is_missing() && missing.to_string().contains("nope.yml"), "{missing}");
    let nowhere = Surroundings { home: Some(folder.path().join("none")), ..Surroundings::default() };
    let told = load_in(None, &nowhere).unwrap_err().to_string();
    assert!(told.starts_with("No config file found. Tried: config.yml, "), "{told}");
}

#[test]
fn broken_and_hostile_files_are_refused_in_a_moment() {
    let syntax = |text: &str| match check(text, Path::new("c.yml"), &around()) {
        Err(ConfigError::Syntax { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(syntax("a: [1").contains("line"));
    assert!(syntax("a: 1\n---\nb: 1").contains("document"));
    for opening in ["[", "{a: ", "- ", "? "] {
        let told = syntax(&opening.repeat((1 << 20) / opening.len()));
        assert!(told.contains("128 levels"), "{told}");
    }
}

#[test]
fn the_hash_names_the_bytes_of_the_file() {
    // printf 'histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]\n' | sha256sum
    assert_eq!(checked(JOB).hash, "b2667b99e4e0");
    assert_ne!(checked(&format!("{JOB}\n")).hash, checked(JOB).hash);
}

fn write(path: &PathBuf, text: &str) {
    std::fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_book_is_followed_in_one_way_and_a_stream_of_it_takes_the_place_of_snapshots() {
    let told = only(problems(
        "stream_jobs:\n  - {exchange: kraken, pairs: [A/B, C/D], channels: [book]}\n  \
         - {exchange: kraken, pairs: [C/D], channels: [book], depth: 10}\n",
    ));
    let expected = "stream_jobs[1]: kraken/C-D/orderbook is followed by stream_jobs[0] with another depth";
    assert!(told.contains(expected), "{told}");

    let config = checked(
        "histo_jobs: [{exchange: kraken, pairs: [A/B, C/D], data_type: orderbook}]\n\
         stream_jobs: [{exchange: kraken, pairs: [A/B], channels: [book], depth: 10}]\n",
    );

    let left: Vec<String> = config.histo_jobs[0].series.iter().map(ToString::to_string).collect();
    assert_eq!(left, ["kraken/C-D/orderbook"]);
    let expected = "kraken/A-B/orderbook is followed by stream_jobs[0]; its histo_job takes no snapshots";
    assert!(config.notes.iter().any(|note| note.starts_with(expected)), "{:?}", config.notes);
}
