//! Editing a configuration in place: nothing but the job changes, and what cannot be edited safely is left alone.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use dccd::cli::{add, init, remove, validate};
use dccd::config::edit::{self, EditError, NewJob};
use dccd::config::{Surroundings, check};
use dccd::model::Pair;
use proptest::prelude::*;

const STREAMS: &str = "stream_jobs:\n  - {exchange: binance, pairs: [BTC/USDT], channels: [trades]}\n";

fn pair(text: &str) -> Pair {
    text.parse().unwrap()
}

fn added(text: &str) -> Result<String, EditError> {
    edit::add(text, &NewJob { exchange: "binance", pairs: &[pair("ETH/BTC")], span_secs: 86_400 })
}

fn removed(text: &str) -> Result<String, EditError> {
    edit::remove(text, &NewJob { exchange: "binance", pairs: &[pair("ETH/BTC")], span_secs: 86_400 })
}

fn removed_pair(text: &str, own: &str) -> String {
    edit::remove(text, &NewJob { exchange: "binance", pairs: &[pair(own)], span_secs: 3_600 }).unwrap()
}

#[test]
fn a_job_is_added_in_the_style_of_its_neighbours() {
    for (text, expected) in [
        (
            "histo_jobs:\n  - exchange: binance\n    pairs: [BTC/USDT]\n    span: 3600\n\n# the end\n",
            "histo_jobs:\n  - exchange: binance\n    pairs: [BTC/USDT]\n    span: 3600\n  - exchange: binance\n    \
             pairs: [ETH/BTC]\n    span: 86400\n\n# the end\n",
        ),
        (
            "histo_jobs:\n- exchange: binance\n  pairs:\n  - BTC/USDT\n  span: 3600\nsettings: {}\n",
            "histo_jobs:\n- exchange: binance\n  pairs:\n  - BTC/USDT\n  span: 3600\n- exchange: binance\n  \
             pairs:\n  - ETH/BTC\n  span: 86400\nsettings: {}\n",
        ),
        (
            "histo_jobs:\n  - {exchange: binance, pairs: [BTC/USDT],\n     span: 3600} # mine\n",
            "histo_jobs:\n  - {exchange: binance, pairs: [BTC/USDT],\n     span: 3600} # mine\n  - {exchange: \
             binance, pairs: [ETH/BTC], span: 86400}\n",
        ),
        (
            "{\"histo_jobs\": [{\"exchange\": \"binance\", \"pairs\": [\"BTC/USDT\"], \"span\": 3600}]}",
            "{\"histo_jobs\": [{\"exchange\": \"binance\", \"pairs\": [\"BTC/USDT\"], \"span\": 3600}, \
             {exchange: binance, pairs: [ETH/BTC], span: 86400}]}",
        ),
        (
            "histo_jobs: []  # none yet\nsettings: {}",
            "histo_jobs:  # none yet\n  - exchange: binance\n    pairs: [ETH/BTC]\n    span: 86400\nsettings: {}",
        ),
        (
            "settings: {}",
            "settings: {}\nhisto_jobs:\n  - exchange: binance\n    pairs: [ETH/BTC]\n    span: 86400",
        ),
        ("", "histo_jobs:\n  - exchange: binance\n    pairs: [ETH/BTC]\n    span: 86400\n"),
    ] {
        assert_eq!(added(text).unwrap(), expected, "from {text:?}");
    }
}

#[test]
fn one_pair_leaves_and_the_others_stay_as_they_were() {
    for (text, gone, expected) in [
        (
            "histo_jobs:\n  - {exchange: binance, span: 3600, pairs: [BTC/USDT, ETH/USDT]} # x\n",
            "BTC/USDT",
            "histo_jobs:\n  - {exchange: binance, span: 3600, pairs: [ETH/USDT]} # x\n",
        ),
        (
            "histo_jobs:\n  -\n    span: 3600\n    pairs:  # all\n      - BTC/USDT # first\n      - 'eth-usdt'\n    \
             exchange: binance",
            "ETH/USDT",
            "histo_jobs:\n  -\n    span: 3600\n    pairs:  # all\n      - BTC/USDT # first\n    exchange: binance",
        ),
        (
            "histo_jobs:\n- exchange: binance\n  span: 3600\n  pairs: [\n    BTC/USDT,\n    ETH/USDT,\n  ]\n",
            "BTC/USDT",
            "histo_jobs:\n- exchange: binance\n  span: 3600\n  pairs: [\n    ETH/USDT,\n  ]\n",
        ),
        (
            "histo_jobs:\r\n- pairs: [BTC/USDT, ETH/USDT]\r\n  exchange: binance\r\n  span: 3600\r\n",
            "ETH/USDT",
            "histo_jobs:\r\n- pairs: [BTC/USDT]\r\n  exchange: binance\r\n  span: 3600\r\n",
        ),
        (
            "{\"histo_jobs\": [{\"exchange\": \"binance\", \"span\": 3600, \"pairs\": [\"A/B\", \"C/D\"]}]}",
            "C/D",
            "{\"histo_jobs\": [{\"exchange\": \"binance\", \"span\": 3600, \"pairs\": [\"A/B\"]}]}",
        ),
    ] {
        assert_eq!(removed_pair(text, gone), expected, "from {text:?}");
    }
}

#[test]
fn the_last_pair_takes_its_job_and_only_its_own_lines() {
    let text = "histo_jobs:\n  # hourly\n  - exchange: binance\n    # inside\n    pairs: [BTC/USDT]\n    span: 3600\n\n  \
                # daily\n  - {exchange: binance, pairs: [BTC/USDT], span: 86400}\n";
    assert_eq!(
        removed_pair(text, "BTC/USDT"),
        "histo_jobs:\n  # hourly\n\n  # daily\n  - {exchange: binance, pairs: [BTC/USDT], span: 86400}\n"
    );
    let only = format!("histo_jobs:  # x\n  - {{exchange: binance, pairs: [A/B], span: 3600}}\n{STREAMS}");
    assert_eq!(removed_pair(&only, "A/B"), format!("histo_jobs: []  # x\n{STREAMS}"));
}

#[test]
fn a_job_that_is_there_already_is_refused_with_its_place() {
    let text = "histo_jobs:\n  - {exchange: binance, pairs: [BTC/USDT, eth-btc], span: 86400}\n";
    assert_eq!(
        added(text),
        Err(EditError::Duplicate { at: "histo_jobs[0].pairs[1]".to_owned(), pair: pair("ETH/BTC") })
    );
    let other = "histo_jobs:\n  - {exchange: binance, pairs: [ETH/BTC], span: 3600}\n";
    assert!(added(other).is_ok());
}

#[test]
fn what_cannot_be_edited_safely_is_refused() {
    let shared =
        "all: &all [ETH/BTC, BTC/USDT]\nhisto_jobs:\n  - {exchange: binance, pairs: *all, span: 86400}\n";
    assert_eq!(removed(shared), Err(EditError::Unusual));
    let anchored = "histo_jobs:\n  - {exchange: binance, pairs: &p [ETH/BTC, A/B], span: 86400}\n  - {exchange: okx, pairs: *p, \
         span: 60}\n";
    assert_eq!(removed(anchored), Err(EditError::Unusual));
    let merged =
        "base: &b {pairs: [ETH/BTC, A/B]}\nhisto_jobs:\n  - {<<: *b, exchange: binance, span: 86400}\n";
    assert_eq!(removed(merged), Err(EditError::Unusual));
    let aliased = "jobs_here: &j [{exchange: okx, pairs: [A/B], span: 60}]\nhisto_jobs: *j\n";
    assert_eq!(added(aliased), Err(EditError::Unusual));
    let in_text = "note: |\n  x\nhisto_jobs: 7\n";
    assert_eq!(added(in_text), Err(EditError::Unusual));
    assert!(matches!(added("a: [1"), Err(EditError::Syntax(_))));
}

#[test]
fn an_exchange_that_is_no_word_cannot_smuggle_yaml_into_the_file() {
    let with =
        |exchange| edit::add("histo_jobs: []\n", &NewJob { exchange, pairs: &[pair("A/B")], span_secs: 60 });
    let edited = with("x: 1, y: ['']} # ").unwrap();
    let told = check(&edited, Path::new("c.yml"), &Surroundings::default()).unwrap_err().lines();
    assert!(told.len() == 1 && told[0].contains("`x: 1, y: ['']} # ` is not supported"), "{told:?}");
    assert_eq!(with("x\ny: 1"), Err(EditError::Unusual));
}

/// One way to write a configuration.
#[derive(Clone, Debug)]
struct Layout {
    style: usize,
    jobs: Vec<Vec<String>>,
    comments: bool,
    blank: bool,
    crlf: bool,
    ends: bool,
    after: bool,
}

fn layouts() -> impl Strategy<Value = Layout> {
    let pair = "[A-D][A-Z]{2}/(USD|EUR)";
    let jobs = prop::collection::vec(prop::collection::vec(pair, 1..4), 1..4);
    (0..8_usize, jobs, any::<[bool; 5]>()).prop_map(|(style, jobs, [comments, blank, crlf, ends, after])| {
        Layout { style, jobs, comments, blank, crlf, ends, after }
    })
}

impl Layout {
    fn text(&self) -> String {
        let comment = if self.comments { " # why, [not] {this}: 'x" } else { "" };
        let jobs: Vec<String> = self.jobs.iter().map(|pairs| self.job(pairs, comment)).collect();
        let between = if self.blank { "\n\n" } else { "\n" };
        let jobs = match self.style {
            5 => format!("histo_jobs: [{}]{comment}", jobs.join(", ")),
            6 => format!("histo_jobs: [\n  {}{comment}\n]", jobs.join(&format!(",{comment}\n  "))),
            7 => format!("histo_jobs: [\n  {},{comment}\n]", jobs.join(&format!(",{comment}\n  "))),
            _ => format!("histo_jobs:{comment}\n{}", jobs.join(between)),
        };
        let mut text = format!("# top\nsettings: {{timezone: UTC}}{comment}\n{jobs}");
        if self.after {
            text.push_str("\n\n# below\nalerts:\n  max_consecutive_errors: 3");
        }
        if self.ends {
            text.push('\n');
        }
        if self.crlf { text.replace('\n', "\r\n") } else { text }
    }

    fn job(&self, pairs: &[String], comment: &str) -> String {
        let flow = pairs.join(", ");
        match self.style {
            0 => format!("  - exchange: okx{comment}\n    pairs: [{flow}]{comment}\n    span: 60{comment}"),
            1 => format!("- exchange: okx\n  pairs:{comment}\n  - {}\n  span: 60", pairs.join("\n  - ")),
            2 => format!("  - {{exchange: okx, pairs: [{flow}], span: 60}}{comment}"),
            3 => format!(
                "    -   pairs:{comment}\n          - \"{}\"\n        exchange: okx\n        span: 60",
                pairs.join("\"\n          - \"")
            ),
            4 => format!(
                "  -\n    exchange: okx\n    span: 60\n    pairs: [\n      {}{comment}\n    ]",
                pairs.join(&format!(",{comment}\n      "))
            ),
            _ => format!("{{exchange: okx, pairs: [{flow}], span: 60}}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_and_then_removing_gives_back_the_same_bytes(layout in layouts()) {
        let text = layout.text();
        let more = added(&text).unwrap();
        prop_assert_ne!(&more, &text);
        prop_assert_eq!(removed(&more).unwrap(), text);
    }

    #[test]
    fn every_pair_can_be_removed_and_no_comment_above_or_below_is_lost(layout in layouts()) {
        let mut text = layout.text();
        let foot = if layout.after { "# below" } else { "" };
        while let Some(own) = first_pair(&text) {
            let less = edit::remove(&text, &NewJob { exchange: "okx", pairs: &[pair(&own)], span_secs: 60 });
            prop_assert!(less.is_ok(), "{:?} without {} in
{}", less, own, text);
            text = less.unwrap();
            prop_assert!(text.starts_with("# top") && text.contains(foot), "{}", text);
        }
        prop_assert!(text.contains("histo_jobs"));
    }

    #[test]
    fn no_text_whatever_makes_an_edit_fall_over(text in "(histo_jobs:|- |pairs:|exchange: binance|span: 86400|[\\[\\]{},'\"#\n &*é]|ETH/BTC|null){0,30}") {
        let _ = added(&text);
        let _ = removed(&text);
    }
}

fn first_pair(text: &str) -> Option<String> {
    let tree = dccd::config::Node::parse(text).unwrap();
    let Some(dccd::config::Node::List(jobs)) = tree.get("histo_jobs") else { return None };
    let Some(dccd::config::Node::List(pairs)) = jobs.first()?.get("pairs") else { return None };
    pairs.first()?.text().map(str::to_owned)
}

/// The output of a command and how it ended.
#[derive(Debug, Default, PartialEq)]
struct Said {
    out: String,
    err: String,
    code: u8,
}

fn output(run: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>) -> std::io::Result<u8>) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&mut out, &mut err).unwrap();
    Said { out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap(), code }
}

fn args(exchange: &str, own: &str, span: u64) -> add::Args {
    add::Args { exchange: exchange.to_owned(), pairs: vec![own.to_owned()], span, dry_run: false }
}

fn run_add(path: &Path, exchange: &str, own: &str, span: u64) -> Said {
    output(|out, err| add::run(&args(exchange, own, span), Some(path), out, err))
}

fn run_remove(path: &Path, exchange: &str, own: &str, span: u64) -> Said {
    let args = remove::Args { exchange: exchange.to_owned(), pair: pair(own), span };
    output(|out, err| remove::run(&args, Some(path), out, err))
}

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("c24.yml");
    dccd::config::create(&path, text.as_bytes()).unwrap();
    path
}

#[test]
fn several_pairs_are_one_job_in_the_style_of_its_neighbours() {
    let pairs = [pair("BTC/USDT"), pair("ETH/USDT"), pair("XRP/USDT")];
    let job = |pairs| NewJob { exchange: "binance", pairs, span_secs: 3_600 };
    let flow = "histo_jobs:\n  - {exchange: binance, pairs: [BTC/USDT], span: 3600}\n";
    let block = "histo_jobs:\n- exchange: binance\n  pairs:\n  - BTC/USDT\n  span: 3600\n";

    assert_eq!(edit::missing(flow, &job(&pairs)), Ok(pairs[1..].to_vec()));
    assert_eq!(
        edit::add(flow, &job(&pairs[1..])).unwrap(),
        format!("{flow}  - {{exchange: binance, pairs: [ETH/USDT, XRP/USDT], span: 3600}}\n")
    );
    assert_eq!(
        edit::add(block, &job(&pairs[1..])).unwrap(),
        format!("{block}- exchange: binance\n  pairs:\n  - ETH/USDT\n  - XRP/USDT\n  span: 3600\n")
    );
    assert!(matches!(edit::add(flow, &job(&pairs)), Err(EditError::Duplicate { .. })));
}

#[test]
fn add_without_a_file_writes_a_first_configuration_that_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c24.yml");

    let first = run_add(&path, "binance", "ETH/USDT", 86_400);

    let shown = path.display();
    assert_eq!(
        first.out,
        format!("Added histo job: exchange=binance pair=ETH/USDT span=86400s\nConfig written to {shown}.\n")
    );
    assert_eq!((first.err.as_str(), first.code), ("", 0));
    assert!(fs::read_to_string(&path).unwrap().contains("# "));
    assert_eq!(output(|out, err| validate::run(&validate::Args::default(), Some(&path), out, err)).code, 0);
}

#[test]
fn add_and_remove_speak_as_the_reference_does_and_keep_the_files_mode() {
    let folder = tempfile::tempdir().unwrap();
    let text = "# mine\nhisto_jobs:\n  - {exchange: binance, pairs: [BTC/USDT], span: 3600}\n";
    let path = file(&folder, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let written = format!("Config written to {}.\n", path.display());

    let added = run_add(&path, "binance", "ETH/USDT", 3_600);
    let again = run_add(&path, "binance", "ETH/USDT", 3_600);
    let removed = run_remove(&path, "binance", "ETH/USDT", 3_600);
    let missing = run_remove(&path, "binance", "ETH/USDT", 3_600);

    let line = "Added histo job: exchange=binance pair=ETH/USDT span=3600s\n";
    assert_eq!((added.out, added.code), (format!("{line}{written}"), 0));
    assert!(again.code == 1 && again.err.contains("histo_jobs[1].pairs[0]"), "{again:?}");
    assert_eq!((removed.out, removed.code), (format!("Removed ETH/USDT from binance/3600s.\n{written}"), 0));
    let line = "No matching job found: exchange=binance pair=ETH/USDT span=3600s\n";
    assert_eq!(missing, Said { err: line.to_owned(), code: 1, ..Said::default() });
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_would_make_the_file_invalid_leaves_it_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let text = "histo_jobs:\n  - {exchange: binance, pairs: [BTC/USDT], span: 3600}\n";
    let path = file(&folder, text);

    let last = run_remove(&path, "binance", "BTC/USDT", 3_600);
    let short = run_add(&path, "binance", "ETH/USDT", 7);
    let unknown = run_add(&path, "binanec", "ETH/USDT", 3_600);

    assert!(last.code == 1 && last.err.contains("at least one job"), "{last:?}");
    assert!(short.code == 1 && short.err.starts_with("Validation error after add: "), "{short:?}");
    assert!(unknown.code == 1 && unknown.err.contains("did you mean `binance`"), "{unknown:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn init_writes_a_valid_file_and_never_overwrites_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/config.yml");
    let init = || {
        let args = init::Args { path: Some(path.clone()) };
        output(move |out, err| init::run(&args, None, out, err))
    };

    let (first, again) = (init(), init());

    assert_eq!((first.out, first.code), (format!("Config written to {}.\n", path.display()), 0));
    assert!(again.code == 1 && again.err.contains("exists already"), "{again:?}");
    assert_eq!(output(|out, err| validate::run(&validate::Args::default(), Some(&path), out, err)).code, 0);
}

#[test]
fn validate_prints_the_lines_of_the_reference_then_the_notes() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "settings: {{data_path: ./data}}\nhisto_jobs:\n  - {{exchange: binance, pairs: [BTC/USDT], \
                        data_type: orderbook}}\n{}",
        STREAMS.replace("trades", "book"),
    );
    let path = file(&folder, &text);

    let valid = output(|out, err| validate::run(&validate::Args::default(), Some(&path), out, err));

    let expected = format!(
        "Config: {}\n  data_path          : ./data\n  timezone           : UTC\n  remotes            : 0\n  \
         histo_jobs         : 1\n  stream_jobs        : 1\nConfig is valid.\nNote: binance/BTC-USDT/orderbook is followed by \
         stream_jobs[0]; its histo_job takes no snapshots, since one series has one source\n",
        path.display()
    );
    assert_eq!(valid, Said { out: expected, ..Said::default() });
}

#[test]
fn validate_tells_each_problem_on_a_line_of_the_error_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "histo_jobs: []\nsettings: {timezone: Pluto}\n");

    let refused = output(|out, err| validate::run(&validate::Args::default(), Some(&path), out, err));

    assert_eq!((refused.out.as_str(), refused.code), ("", 1));
    let lines: Vec<&str> = refused.err.lines().collect();
    assert_eq!(lines.len(), 2);
    let located = format!("Error: {}:2: settings.timezone: unknown timezone `Pluto`", path.display());
    assert!(lines[0].starts_with(&located), "{}", lines[0]);
    assert_eq!(lines[1], "Error: Configuration must define at least one job (histo_jobs or stream_jobs)");
}
