//! Words of others: whatever an exchange, a remote, a listing or a file name holds, it is shown and kept as text.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dccd::model::is_hidden;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::home::{Home, Said, end};
use crate::program::{terminate, wait_for};

const COUNT: usize = 1_000;

/// Characters that do not display as themselves, beside some that do.
const PIECES: [&[u8]; 26] = [
    b"\x1b[2J\x1b[H",
    b"\x1b]0;owned\x07",
    b"\x1bP+q\x1b\\",
    "\u{202e}gpj.exe\u{202c}".as_bytes(),
    b"\r\n2024-01-01T00:00:00.000000Z ERROR forged",
    "\u{2028}\u{2029}".as_bytes(),
    "\u{2066}\u{2069}\u{61c}".as_bytes(),
    "\u{85}".as_bytes(),
    "\u{9b}31m\u{90}".as_bytes(),
    b"\x00",
    b"\x7f\x08\x08",
    "\u{200b}\u{200d}\u{2060}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{e0041}\u{e007f}".as_bytes(),
    "\u{ad}\u{180e}".as_bytes(),
    b"\t\x0b\x0c",
    b"<script>alert(1)</script>",
    b"\"'`$(reboot)\\",
    b"%n%s{}",
    b"\\u001b[31m",
    "é取引🦀".as_bytes(),
    b"plain words",
    b"\xff\xfe",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
];

/// The texts, each another; every two hundredth is a mebibyte long.
fn texts() -> Vec<Vec<u8>> {
    let mut drawn = 12_345_u64;
    let mut draw = |most: usize| {
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (drawn >> 33) as usize % most
    };
    let text = |index: usize| {
        let mut text = format!("H{index}").into_bytes();
        // Each piece comes first in some.
        text.extend(PIECES[index % PIECES.len()]);
        for _ in 0..draw(5) {
            text.extend(PIECES[draw(PIECES.len())]);
        }
        if index % 200 == 7 {
            text = text.repeat((1 << 20) / text.len() + 1);
        }
        text
    };
    (0..COUNT).map(text).collect()
}

/// A text inside JSON, where it is one: the others make the body none.
fn in_json(text: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(text) {
        Ok(text) => serde_json::to_string(text).unwrap().into_bytes(),
        Err(_) => [b"\"", text, b"\""].concat(),
    }
}

fn assert_plain(bytes: &[u8], what: &str) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = text.char_indices().find(|(_, c)| is_hidden(*c) && *c != '\n');
    if let Some((at, c)) = found {
        let from = text.floor_char_boundary(at.saturating_sub(80));
        panic!("{what} holds {c:?}: {:?}", &text[from..text.floor_char_boundary(at + 80)]);
    }
}

fn assert_said(said: &Said, what: &str) {
    assert_plain(said.out.as_bytes(), &format!("the output of {what}"));
    assert_plain(said.err.as_bytes(), &format!("the complaints of {what}"));
    let longest = said.out.lines().chain(said.err.lines()).map(str::len).max().unwrap_or(0);
    assert!(longest < 16 << 10, "{what} says {longest} bytes on one line");
}

/// Every file that people read, below a folder.
fn assert_files(folder: &Path) -> usize {
    let mut looked_at = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "journal" {
            looked_at += assert_files(&path);
        } else if name.ends_with(".json") || name.contains(".log") {
            assert_plain(&fs::read(&path).unwrap(), &path.display().to_string());
            looked_at += 1;
        }
    }
    looked_at
}

/// An exchange whose every refusal is another hostile text, and so is each of its symbols.
struct Exchange {
    url: String,
    told: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Exchange {
    async fn new() -> Exchange {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (texts, told) = (Arc::new(texts()), Arc::new(AtomicUsize::new(0)));
        let mut serving = JoinSet::new();
        let counted = Arc::clone(&told);
        serving.spawn(async move {
            let mut answering = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                answering.spawn(answer(stream, Arc::clone(&texts), Arc::clone(&counted)));
                while answering.try_join_next().is_some() {}
            }
        });
        Exchange { url, told, _serving: serving }
    }
}

async fn answer(mut stream: TcpStream, texts: Arc<Vec<Vec<u8>>>, told: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, body) = if path.starts_with("/api/v3/time") {
        (200, br#"{"serverTime":1706702400000}"#.to_vec())
    } else if let Some(symbol) = path.strip_prefix("/api/v3/exchangeInfo?symbol=") {
        let index: usize = symbol.trim_start_matches('A').trim_end_matches("USDT").parse().unwrap();
        let limit = br#"{"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":4000000000}],"symbols":[{"symbol":"#;
        // A mebibyte of a symbol would be a mebibyte of an address.
        let own = String::from_utf8_lossy(&texts[index][..texts[index].len().min(200)]).into_owned();
        let listed = format!(r#","status":"TRADING","baseAsset":"A{index}","quoteAsset":"USDT"}}]}}"#);
        (200, [&limit[..], &in_json(own.as_bytes()), listed.as_bytes()].concat())
    } else {
        let text = &texts[told.fetch_add(1, Ordering::Relaxed) % texts.len()];
        // As a refusal, as an error body with status 200, and as no body of the exchange at all.
        match text.len() % 3 {
            0 => (400, [br#"{"code":-1000,"msg":"#, &in_json(text)[..], b"}"].concat()),
            1 => (200, [br#"{"code":-1000,"msg":"#, &in_json(text)[..], b"}"].concat()),
            _ => (200, text.clone()),
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
    let _ = stream.shutdown().await;
}

/// A data path whose thousand series were refused with a hostile text each, and a remote that refuses likewise.
async fn refused() -> (Exchange, Home) {
    let exchange = Exchange::new().await;
    let pairs: Vec<String> = (0..COUNT).map(|index| format!("A{index}/USDT")).collect();
    let home = Home::with(&format!(
        "settings: {{data_path: ./data}}\nhttp: {{listen: []}}\nworker: {{slots: 64}}\nexchanges: {{binance: \
         {{rest_url: '{}'}}}}\nhisto_jobs: [{{exchange: binance, pairs: [{}], span: 3600, start: 2024-01-30, \
         max_retries: 1, retry_delay: 0}}]\nstorage: {{remotes: [{{remote: 'nas:x'}}], sync_interval: 0}}\n",
        exchange.url,
        pairs.join(", ")
    ));
    (exchange, home)
}

/// A stand-in of rclone that fails with another text each time.
fn rclone(home: &Home) -> String {
    let queue = home.at("queue");
    fs::create_dir_all(home.at("bin")).unwrap();
    fs::create_dir_all(home.at("used")).unwrap();
    fs::create_dir_all(&queue).unwrap();
    for (index, text) in texts().iter().enumerate() {
        fs::write(queue.join(index.to_string()), text).unwrap();
    }
    let root = home.at("").display().to_string();
    let script = format!(
        "#!/bin/sh\ncd '{root}'\nfor next in queue/*; do mv \"$next\" used/ 2>/dev/null && break; done\ncat \
         \"used/${{next#queue/}}\" >&2\nexit 1\n"
    );
    fs::write(home.at("bin/rclone"), script).unwrap();
    fs::set_permissions(home.at("bin/rclone"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", home.at("bin").display(), std::env::var("PATH").unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_exchange_and_a_remote_say_is_text_on_terminals_pages_and_in_logs_and_ledgers() {
    let (exchange, home) = refused().await;

    let said = home.run(&["backfill", "--parallel"]).await;

    assert_eq!(said.code, Some(1));
    assert!(exchange.told.load(Ordering::Relaxed) >= COUNT, "every text was sent");
    assert!(said.err.matches("\\u{1b}[2J").count() > 20, "the words are shown: {}", &said.err[..2_000]);
    assert_said(&said, "backfill");

    let path = rclone(&home);
    let synced = end(home.command(&["sync"]).env("PATH", &path).spawn().unwrap()).await;
    assert_eq!(
        (synced.code, fs::read_dir(home.at("queue")).unwrap().count()),
        (Some(1), 0),
        "every text was said"
    );
    assert!(synced.err.matches("\\u{1b}").count() > 20, "the words are shown");
    assert_said(&synced, "sync");

    for args in [
        &["gaps"][..],
        &["gaps", "--json"],
        &["inventory"],
        &["inventory", "--json"],
        &["verify"],
        &["status"],
        &["status", "--json"],
        &["status", "--wide"],
        &["status", "--wide", "--json"],
        &["logs", "-n", "100000"],
        &["jobs", "ls", "--limit", "5000"],
        &["jobs", "ls", "--limit", "5000", "--json"],
        &["jobs", "show", "binance"],
        &["jobs", "show", "binance", "--json"],
        &["jobs", "why", "binance"],
    ] {
        let said = home.run(args).await;
        assert_said(&said, &args.join(" "));
        assert!(
            said.out.len() > 1_000 || args.contains(&"status") || args.contains(&"verify"),
            "{args:?}: {said:?}"
        );
    }
    let gaps = home.run(&["gaps"]).await;
    assert!(gaps.out.matches("\\u{1b}[2J").count() > 20, "gaps names why");
    assert!(assert_files(&home.at("data")) > COUNT, "ledgers, metrics.json and logs");

    assert_eq!(home.run(&["jobs", "pause", "binance"]).await.code, Some(0));
    let daemon = home.start().await;
    // Which of the texts it shows depends on who was told which.
    wait_for(|| async { get(&home, "/").await.contains("\\u{") }).await;
    for path in ["/", "/health", "/health/v2/queues", "/metrics", "/-/ready"] {
        assert_plain(get(&home, path).await.replace("\r\n", "\n").as_bytes(), path);
    }
    terminate(&daemon).await;
    end(daemon).await;
    assert_files(&home.at("data"));
}

#[tokio::test]
async fn names_of_files_and_folders_are_text() {
    let template = crate::home::Template::new().await;
    let home = template.copy();
    let mut made = 0;
    for text in texts() {
        let name: Vec<u8> =
            text.iter().map(|byte| if [0, b'/'].contains(byte) { b'_' } else { *byte }).collect();
        let name = [&name[..name.len().min(200)], b".parquet"].concat();
        let (file, folder) = (home.series("BTC-USDT"), home.at("data/binance/ohlc/BTC-USDT"));
        made += usize::from(fs::write(file.join(OsStr::from_bytes(&name)), b"PAR1").is_ok());
        made += usize::from(fs::create_dir(folder.join(OsStr::from_bytes(&name[..name.len() - 8]))).is_ok());
    }
    assert!(made > 2 * COUNT - 100, "{made}");

    for args in [
        &["verify"][..],
        &["verify", "--json"],
        &["inventory"],
        &["inventory", "--json"],
        &["gaps"],
        &["import", "--dry-run"],
        &["import", "--dry-run", "--json"],
        &["repair"],
        &["collect"],
    ] {
        assert_said(&home.run(args).await, &args.join(" "));
    }
    assert_files(&home.at("data"));
    let verified = home.run(&["verify"]).await;
    assert!(verified.out.matches("\\u{1b}[2J").count() > 10, "the names are shown");
}

#[tokio::test]
async fn words_of_the_command_line_and_of_the_configuration_are_text() {
    let template = crate::home::Template::new().await;
    let home = template.copy();
    let texts: Vec<Vec<u8>> = texts()
        .into_iter()
        .map(|mut text| {
            text.truncate(4_096);
            text
        })
        .collect();
    for text in texts.iter().filter(|text| !text.contains(&0)).take(40) {
        for args in [
            &["gaps"][..],
            &["jobs", "why"],
            &["export"],
            &["backfill", "--pairs"],
            &["backfill", "--span"],
            &["fetch"],
        ] {
            let mut command = home.command(args);
            command.arg(OsStr::from_bytes(text));
            let said = end(command.spawn().unwrap()).await;
            assert!(matches!(said.code, Some(1 | 2)), "{args:?}: {said:?}");
            assert_said(&said, &args.join(" "));
        }
    }
    for some in texts.chunks(30) {
        let quoted = |text: &Vec<u8>| serde_json::to_string(&String::from_utf8_lossy(text)).unwrap();
        let jobs: Vec<String> = some
            .iter()
            .map(|text| format!("  - {{exchange: {0}, pairs: [{0}], span: {0}, {0}: 1}}\n", quoted(text)))
            .collect();
        let refused = Home::with(&format!("histo_jobs:\n{}", jobs.concat()));
        for args in [&["validate"][..], &["validate", "--json"], &["status"]] {
            let said = refused.run(args).await;
            assert!(matches!(said.code, Some(1 | 78)), "{said:?}");
            assert_said(&said, &args.join(" "));
        }
    }
}

/// Asks the daemon over its socket.
async fn get(home: &Home, path: &str) -> String {
    let mut stream = tokio::net::UnixStream::connect(home.at("data/.dccd/daemon.sock")).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}
