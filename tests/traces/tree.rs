//! The spans of a run: which there are, whose children they are, and what they say.

use std::collections::{BTreeMap, BTreeSet};

use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::collector::{Collector, Span};
use crate::home::{Home, MINUTES};

const KLINES: &str = "GET /api/v3/klines";

/// A backfill whose every fourth request for candles fails with 500 at first.
async fn traced() -> (Home, Vec<Span>, Collector) {
    let faults = vec![Rule::every(Fault::Status500, 4).at(Endpoint::Ohlc)];
    let home = Home::new(Knobs { faults, ..Knobs::default() }).await;
    let collector = Collector::start().await;
    home.configure(&format!("otlp_endpoint: \"{}\"", collector.url()));
    let ended = home.run("backfill", &[]).await;
    assert_eq!((ended.code, home.rows()), (Some(0), MINUTES), "{ended:?}");
    let spans = collector.spans();
    (home, spans, collector)
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test]
async fn a_run_is_one_tree_from_its_job_to_its_requests_and_files() {
    let (home, spans, collector) = traced().await;

    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    let kinship: BTreeSet<(&str, &str)> = spans
        .iter()
        .map(|span| (by_id.get(span.parent.as_str()).map_or("", |parent| &parent.name), span.name.as_str()))
        .collect();
    let expected = [
        ("", "job.run"),
        ("exchange.fetch_page", KLINES),
        ("exchange.fetch_page", "ratelimit.wait"),
        ("job.run", "GET /api/v3/exchangeInfo"),
        ("job.run", "GET /api/v3/time"),
        ("job.run", "exchange.fetch_page"),
        ("job.run", "journal.append"),
        ("job.run", "ledger.write"),
        ("job.run", "parquet.write"),
        ("job.run", "ratelimit.wait"),
    ];
    // The very first requests may or may not have to wait.
    let kinship: Vec<_> = kinship.into_iter().chain([("job.run", "ratelimit.wait")]).collect();
    assert_eq!(BTreeSet::from_iter(kinship), BTreeSet::from(expected));
    assert_eq!(spans.iter().map(|span| &span.trace).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(by_id.len(), spans.len(), "every span came once");
    for span in &spans {
        let parent = by_id.get(span.parent.as_str()).copied().unwrap_or(span);
        assert!(
            parent.from <= span.from && span.from <= span.until && span.until <= parent.until,
            "{span:?}"
        );
        assert_eq!(span.events, 0);
    }
    let asked = home.sim.requests().into_iter().filter(|seen| seen.endpoint == Endpoint::Ohlc).count();
    assert_eq!(named(&spans, KLINES).len(), asked);
    assert!(collector.heads().iter().all(|(head, _)| head == "POST /v1/traces"));
}

#[tokio::test]
async fn spans_say_whose_they_are_how_much_and_what_went_wrong_and_nothing_of_the_code() {
    let (home, spans, collector) = traced().await;

    let run = named(&spans, "job.run")[0];
    let expected = [
        ("dccd.exchange", "binance"),
        ("dccd.kind", "ohlc"),
        ("dccd.pair", "BTC/USDT"),
        ("dccd.rows", "5760"),
        ("dccd.span", "1m"),
    ];
    let said: Vec<(&str, &str)> = run.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!((said.as_slice(), run.error.as_deref(), run.kind), (&expected[..], None, SpanKind::Internal));

    let url = format!("{}/binance/api/v3/klines?symbol=BTCUSDT&", home.sim.url());
    let port = home.sim.url().rsplit_once(':').unwrap().1.to_owned();
    let (mut failed, mut again) = (0, 0);
    for get in named(&spans, KLINES) {
        assert_eq!((get.kind, get.get("http.request.method")), (SpanKind::Client, Some("GET")));
        assert_eq!(
            (get.get("server.address"), get.get("server.port")),
            (Some("127.0.0.1"), Some(port.as_str()))
        );
        assert_eq!(get.get("url.template"), Some("/api/v3/klines"));
        assert!(get.get("url.full").unwrap().starts_with(&url), "{get:?}");
        let is_error = get.error.is_some();
        assert_eq!(get.get("http.response.status_code"), Some(if is_error { "500" } else { "200" }));
        assert_eq!(get.get("error.type"), is_error.then_some("500"));
        failed += usize::from(is_error);
        again += usize::from(get.get("http.request.resend_count").is_some_and(|count| count != "0"));
        assert!(!is_error || get.error.as_ref().unwrap().contains("binance refused the request"), "{get:?}");
    }
    let faults = home.sim.requests().into_iter().filter(|seen| seen.fault.is_some()).count();
    assert!(faults > 0);
    assert_eq!((failed, again), (faults, faults), "each failure was followed by one more attempt");

    assert!(named(&spans, "exchange.fetch_page").iter().all(|page| page.error.is_none()));
    let rows = |name: &str| -> usize {
        named(&spans, name).iter().map(|span| span.get("dccd.rows").unwrap().parse::<usize>().unwrap()).sum()
    };
    // A page may hold rows beyond its window, which are not taken.
    assert!(rows("journal.append") >= MINUTES && rows("exchange.fetch_page") >= rows("journal.append"));
    let file = named(&spans, "parquet.write")[0];
    assert_eq!(file.get("dccd.file"), Some("binance/ohlc/BTC-USDT/1m/2024.parquet"));
    assert!(file.get("dccd.bytes").unwrap().parse::<u64>().unwrap() > 1_000);

    let foreign: Vec<&str> = spans
        .iter()
        .flat_map(|span| span.attributes.keys())
        .map(String::as_str)
        .filter(|key| !["dccd.", "http.", "url.", "server.", "error."].iter().any(|own| key.starts_with(own)))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    for resource in collector.resources() {
        assert_eq!(resource["service.name"], "dccd");
        assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(resource["service.instance.id"].len(), 36);
    }
}

#[tokio::test]
async fn a_run_that_fails_is_a_trace_that_failed_with_its_reason() {
    let faults = vec![Rule::always(Fault::Status503).at(Endpoint::Ohlc)];
    let home = Home::new(Knobs { faults, ..Knobs::default() }).await;
    let collector = Collector::start().await;
    home.configure("");
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.url() + "/in"),
        ("OTEL_SERVICE_NAME", "ours".to_owned()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.instance.id=one".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));

    let ended = home.run("backfill", &variables).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let spans = collector.spans();
    let run = named(&spans, "job.run")[0];
    assert_eq!(run.get("error.type"), Some("http_5xx"));
    assert!(run.error.as_ref().unwrap().contains("HTTP 503"), "{run:?}");
    let pages = named(&spans, "exchange.fetch_page");
    assert!(!pages.is_empty() && pages.iter().all(|page| page.get("error.type") == Some("http_5xx")));
    assert!(
        collector.heads().iter().all(|(head, _)| head == "POST /in"),
        "the variable is the whole address"
    );
    let resource = &collector.resources()[0];
    assert_eq!(resource["service.name"], "ours");
    assert_eq!(resource["service.instance.id"], "one");
    assert_eq!(resource["deployment.environment.name"], "test");
}
