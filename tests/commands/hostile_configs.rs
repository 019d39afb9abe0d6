//! Hostile configurations: each is refused by name within a second of processor time and 64 MiB, which the system sees to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Keys as a tree, from the schema of the documents.
#[allow(clippy::disallowed_types, reason = "a schema is any JSON; product code never reads one")]
type Json = serde_json::Value;

/// The limits of one `dccd validate`, in a shell that becomes it: KiB of memory that can be written, seconds of
/// processor time. Past the first an allocation fails, past the second the system ends it. A program that is not optimized
/// takes many times as long, most of all beside others.
const LIMITED: &str = if cfg!(debug_assertions) {
    r#"ulimit -d 131072; ulimit -t 20; exec "$@""#
} else {
    r#"ulimit -d 131072; ulimit -t 1; exec "$@""#
};

/// How long one may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many run side by side.
const AT_ONCE: usize = 4;

/// A longer answer is no sentence for a person.
const MOST_LINE_BYTES: usize = 4 << 10;

struct Case {
    text: Vec<u8>,
    /// The key that the refusal names, the line, or the words where no key is to blame.
    names: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_hostile_configurations_are_refused_by_name_within_bounds_of_time_and_memory() {
    let mut cases = wrong_values();
    cases.extend(unknown_keys());
    cases.extend(written());
    let distinct: BTreeSet<&[u8]> = cases.iter().map(|case| &case.text[..]).collect();
    assert!(distinct.len() == cases.len() && cases.len() >= 100, "{} of {}", distinct.len(), cases.len());
    println!("{} hostile configurations", cases.len());

    let (folder, mut running, mut faults) = (TempDir::new().unwrap(), JoinSet::new(), Vec::new());
    for (place, case) in cases.into_iter().enumerate() {
        if running.len() >= AT_ONCE {
            faults.extend(running.join_next().await.unwrap().unwrap());
        }
        let path = folder.path().join(format!("{place}.yml"));
        fs::write(&path, &case.text).unwrap();
        running.spawn(async move { refused(&path, &case).await });
    }
    while let Some(ended) = running.join_next().await {
        faults.extend(ended.unwrap());
    }

    assert!(faults.is_empty(), "{} are wrong:\n{}", faults.len(), faults.join("\n"));
    let made: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(made.iter().all(|path| path.extension().is_some_and(|own| own == "yml")), "{made:?}");
}

/// Refuses a configuration, and returns the fault of the way that is done, if there is one.
async fn refused(path: &Path, case: &Case) -> Option<String> {
    let mut command = Command::new("sh");
    command.args(["-c", LIMITED, "sh", env!("CARGO_BIN_EXE_dccd"), "validate", "--config"]).arg(path);
    command.current_dir(path.parent().unwrap()).env("HOME", "/nowhere").env_remove("ENVIRONMENT");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = timeout(PATIENCE, command.output()).await;
    let about = |what: &str| {
        let head = String::from_utf8_lossy(&case.text[..case.text.len().min(100)]).into_owned();
        Some(format!("{what}: `{}` of {head:?}", case.names))
    };
    let Ok(ended) = ended.map(Result::unwrap) else { return about("it goes on for ever") };
    let said = String::from_utf8_lossy(&ended.stderr);
    let longest = said.lines().map(str::len).max().unwrap_or(0);
    match ended.status.code() {
        Some(1 | 78) if !said.contains(&case.names) => about(&format!("it is not named in {said:?}")),
        Some(1 | 78) if longest > MOST_LINE_BYTES => about(&format!("a line of {longest} bytes")),
        Some(1 | 78) if said.chars().any(|c| c != '\n' && dccd::model::is_hidden(c)) => {
            about("hidden characters")
        }
        Some(1 | 78) => None,
        _ => about(&format!("it ended with {} and {said:?}", ended.status)),
    }
}

/// A configuration that is right but for what a case puts into it.
fn right() -> Json {
    serde_json::json!({
        "histo_jobs": [{"exchange": "binance", "pairs": ["BTC/USDT"], "span": 3600}],
        "stream_jobs": [{"exchange": "binance", "pairs": ["BTC/USDT"], "channels": ["trades"]}],
        "storage": {"remotes": [{"remote": "nas:x"}]},
    })
}

/// The right configuration with another value at a path such as `histo_jobs[0].span`.
fn with(at: &str, value: Json) -> Case {
    let mut whole = right();
    let mut place = &mut whole;
    for part in at.split('.') {
        let (name, is_list) = part.strip_suffix("[0]").map_or((part, false), |name| (name, true));
        if !place.is_object() {
            *place = serde_json::json!({});
        }
        place = place.as_object_mut().unwrap().entry(name).or_insert(Json::Null);
        if is_list {
            if place.get(0).is_none() {
                *place = serde_json::json!([{}]);
            }
            place = place.get_mut(0).unwrap();
        }
    }
    *place = value;
    Case { text: whole.to_string().into_bytes(), names: at.to_owned() }
}

/// Every key that is in use, with its description in the schema.
fn keys() -> Vec<(String, Json)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.schema.json");
    let schema: Json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut keys = Vec::new();
    below(&schema, "", &mut keys);
    // One exchange stands for all: they have the same keys.
    keys.retain(|(at, _)| !at.starts_with("exchanges.") || at.starts_with("exchanges.binance"));
    keys.retain(|(at, _)| !at.starts_with("exchanges.binancecoinm"));
    assert!(keys.len() > 50, "{} keys", keys.len());
    keys
}

fn below(node: &Json, at: &str, keys: &mut Vec<(String, Json)>) {
    for (name, own) in node["properties"].as_object().into_iter().flatten() {
        // Keys of older versions are accepted as those wrote them.
        if own["deprecated"] == true {
            continue;
        }
        let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        keys.push((at.clone(), own.clone()));
        below(own, &at, keys);
        below(&own["items"], &format!("{at}[0]"), keys);
    }
}

/// A value of another type, and numbers past each bound.
fn wrong_values() -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, own) in keys() {
        let is = |name: &str| own["type"].as_array().is_some_and(|all| all.iter().any(|own| own == name));
        let wrong = match () {
            () if is("object") => serde_json::json!("a word"),
            () if is("array") => serde_json::json!({"a": "mapping"}),
            () if is("integer") || is("number") => serde_json::json!("<script>alert(1)</script>"),
            () if is("boolean") => serde_json::json!("perhaps"),
            () => serde_json::json!({"a": ["mapping"]}),
        };
        cases.push(with(&at, wrong));
        if let Some(least) = own["minimum"].as_f64() {
            cases.push(with(&at, serde_json::json!(least - 1.0)));
        }
        if let Some(most) = own["maximum"].as_f64() {
            cases.push(with(&at, serde_json::json!(most + 1.0)));
            cases.push(with(&at, serde_json::json!(u64::MAX)));
        }
    }
    cases
}

/// An unknown key in every mapping.
fn unknown_keys() -> Vec<Case> {
    let mut mappings = vec![String::new()];
    mappings.extend(keys().into_iter().filter_map(|(at, own)| {
        if own["items"]["properties"].is_object() {
            return Some(format!("{at}[0]."));
        }
        own["properties"].is_object().then(|| format!("{at}.")).filter(|at| at != "exchanges.")
    }));
    mappings.iter().map(|at| with(&format!("{at}no_such_key"), serde_json::json!(1))).collect()
}

/// Texts that no tree can be written as.
fn written() -> Vec<Case> {
    const JOB: &str = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]\n";
    let job = |keys: &str| format!("histo_jobs:\n  - {{{keys}}}\n");
    let pair = |pair: &str| job(&format!("exchange: binance, pairs: ['{pair}'], span: 3600"));
    let laughs = |levels: usize| {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..levels {
            let list = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        text
    };
    let long_pair = "A".repeat(300);
    let keys = (0..40_000).map(|key| format!("k{key}: 1")).collect::<Vec<_>>().join(", ");
    let texts: Vec<(String, &str)> = vec![
        // Nesting and aliases.
        (format!("{}{}", "[".repeat(300), "]".repeat(300)), "128 levels"),
        ("[".repeat(500_000), "128 levels"),
        ("{a: ".repeat(400), "128 levels"),
        (format!("a: {}", "- ".repeat(10_000)), "line"),
        ((0..400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(), "128 levels"),
        (laughs(9), "aliases unfold"),
        (laughs(40), "aliases unfold"),
        (format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(100_000)), "aliases unfold"),
        ("a: &a [*a]\n".to_owned(), "128 levels"),
        ("a: &a {b: *a}\n".to_owned(), "128 levels"),
        ("a: *nothing\n".to_owned(), "line 1"),
        (format!("<<: [{{a: 1}}]\n<<: 3\n{JOB}"), "<<"),
        // Keys of one mapping in another, and words to guess the meaning of.
        (format!("b: &b {{{keys}}}\n{}{JOB}", "c: {<<: *b}\n".repeat(40)), "aliases unfold"),
        (format!("b: &b {{{keys}}}\nc: {{x: 1, {keys}, <<: *b}}\n{JOB}"), "b: unknown key"),
        (
            job(&format!("exchange: {}, pairs: [BTC/USDT], span: 3600", "b".repeat(1_000_000))),
            "histo_jobs[0].exchange",
        ),
        // Large.
        (format!("settings: {{environment: {}}}\n{JOB}", "x".repeat(900_000)), "settings.environment"),
        (format!("{JOB}{}", "# words\n".repeat(10 << 17)), "larger than 1 MiB"),
        ("x".repeat(10 << 20), "larger than 1 MiB"),
        (format!("{}: 1\n{JOB}", "k".repeat(500_000)), "line 1"),
        ((0..100_000).map(|key| format!("k{key}: 1\n")).collect(), "k0"),
        (format!("histo_jobs:\n{}", "  - {exchange: binance}\n".repeat(40_000)), "histo_jobs[0]"),
        (pair(&"A/B, ".repeat(100_000)), "histo_jobs[0].pairs"),
        (format!("settings: {{timezone: {}}}\n{JOB}", "Europe/".repeat(50_000)), "settings.timezone"),
        // Twice, and not at all.
        (format!("{JOB}{JOB}"), "histo_jobs"),
        (job("exchange: binance, exchange: kraken, pairs: [BTC/USDT], span: 3600"), "histo_jobs[0].exchange"),
        (format!("settings: {{timezone: UTC, timezone: UTC}}\n{JOB}"), "settings.timezone"),
        (job("pairs: [BTC/USDT], span: 3600"), "histo_jobs[0].exchange"),
        (job("exchange: binance, span: 3600"), "histo_jobs[0].pairs"),
        (job("exchange: binance, pairs: [], span: 3600"), "histo_jobs[0].pairs"),
        (job("exchange: binance, pairs: [BTC/USDT]"), "histo_jobs[0]"),
        (String::new(), "at least one job"),
        ("---\n---\n".to_owned(), "document"),
        (format!("---\n{JOB}---\n{JOB}"), "document"),
        ("- a\n- b\n".to_owned(), "mapping"),
        ("a word\n".to_owned(), "mapping"),
        // Not YAML, or not plainly.
        ("histo_jobs:\n\t- exchange: binance\n".to_owned(), "line 2"),
        ("histo_jobs: [\n".to_owned(), "line"),
        ("histo_jobs: \"open\n".to_owned(), "line"),
        (format!("a: !secret x\n{JOB}"), "tag"),
        (format!("a: !!python/object/apply:os.system [reboot]\n{JOB}"), "a: unknown key"),
        ("%YAML 9.9\n---\na: 1\n".to_owned(), "YAML document"),
        (format!("? [a, b]\n: 1\n{JOB}"), "a key must be a word"),
        ("<html><body>busy</body></html>".to_owned(), "mapping"),
        // Numbers.
        (job("exchange: binance, pairs: [BTC/USDT], span: -3600"), "histo_jobs[0].span"),
        (job("exchange: binance, pairs: [BTC/USDT], span: .nan"), "histo_jobs[0].span"),
        (job("exchange: binance, pairs: [BTC/USDT], span: .inf"), "histo_jobs[0].span"),
        (job("exchange: binance, pairs: [BTC/USDT], span: 1e400"), "histo_jobs[0].span"),
        (job("exchange: binance, pairs: [BTC/USDT], span: 3600.5"), "histo_jobs[0].span"),
        (
            job(&format!("exchange: binance, pairs: [BTC/USDT], span: {}", "9".repeat(5_000))),
            "histo_jobs[0].span",
        ),
        (
            job("exchange: binance, pairs: [BTC/USDT], span: 3600, retry_delay: -.inf"),
            "histo_jobs[0].retry_delay",
        ),
        (job("exchange: binance, pairs: [BTC/USDT], span: 3600, start: 99999-99-99"), "histo_jobs[0].start"),
        (
            job("exchange: binance, pairs: [BTC/USDT], span: 3600, cron: '* * * * * * * *'"),
            "histo_jobs[0].cron",
        ),
        (job("exchange: binance, pairs: [BTC/USDT], span: 3600, cron: '0 0 31 2 *'"), "histo_jobs[0].cron"),
        // Names and paths.
        (pair("../../etc/passwd"), "histo_jobs[0].pairs"),
        (pair("/etc/passwd"), "histo_jobs[0].pairs"),
        (pair("."), "histo_jobs[0].pairs"),
        (pair("-rf/USDT x"), "histo_jobs[0].pairs"),
        (pair("A\u{202e}B/USDT"), "histo_jobs[0].pairs"),
        (pair(&format!("{long_pair}/USDT")), "histo_jobs[0].pairs"),
        (pair("BTC/USDT:no_such_market"), "histo_jobs[0].pairs"),
        (pair("<script>/USDT"), "histo_jobs[0].pairs"),
        (job("exchange: ../binance, pairs: [BTC/USDT], span: 3600"), "histo_jobs[0].exchange"),
        (job("exchange: '\u{1b}[2J', pairs: [BTC/USDT], span: 3600"), "line"),
        (job("exchange: \"\\e[2J\", pairs: [BTC/USDT], span: 3600"), "histo_jobs[0].exchange"),
        (format!("exchanges: {{../x: {{timeout: 3}}}}\n{JOB}"), "exchanges: `../x`"),
        (
            format!("exchanges: {{binance: {{rest_url: 'file:///etc/passwd'}}}}\n{JOB}"),
            "exchanges.binance.rest_url",
        ),
        (
            format!("exchanges: {{binance: {{rest_url: 'http://u:p@x'}}}}\n{JOB}"),
            "exchanges.binance.rest_url",
        ),
        (format!("exchanges: {{binance: {{ws_url: 'https://x'}}}}\n{JOB}"), "exchanges.binance.ws_url"),
        (format!("http: {{listen: ['0.0.0.0:9430']}}\n{JOB}"), "http.listen"),
        (format!("http: {{listen: ['no address']}}\n{JOB}"), "http.listen"),
        (format!("http: {{listen: ['127.0.0.1:99999']}}\n{JOB}"), "http.listen"),
        (format!("http: {{token_file: /nowhere/at/all}}\n{JOB}"), "http.token_file"),
        (format!("http: {{web_config: /dev/zero}}\n{JOB}"), "http.web_config"),
        (format!("store: 'mysql://x/y'\n{JOB}"), "store"),
        (format!("store_file: /dev/zero\n{JOB}"), "store_file"),
        (format!("store: sqlite\nstore_file: /nowhere\n{JOB}"), "store"),
        (format!("storage: {{remotes: [{{remote: \"a\\nb:c\"}}]}}\n{JOB}"), "storage.remotes[0]"),
        (format!("settings: {{environment: \"a\\nb\"}}\n{JOB}"), "settings.environment"),
        (format!("settings: {{data_path: \"a\\0b\"}}\n{JOB}"), "settings.data_path"),
        (format!("telemetry: {{otlp_endpoint: 'gopher://x'}}\n{JOB}"), "telemetry.otlp_endpoint"),
    ];
    let mut cases: Vec<Case> = texts
        .into_iter()
        .map(|(text, names)| Case { text: text.into_bytes(), names: names.to_owned() })
        .collect();
    for (bytes, names) in [
        (&b"histo_jobs: \xff\xfe\n"[..], "UTF-8"),
        (b"\xff\xfeh\0i\0s\0t\0o\0", "UTF-8"),
        (b"a: \xed\xa0\x80\n", "UTF-8"),
        (b"a: \x00\n", "line"),
        (b"a: \x1b[2J\n", "line"),
    ] {
        cases.push(Case { text: bytes.to_vec(), names: names.to_owned() });
    }
    cases
}
