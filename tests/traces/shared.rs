//! One id for a span, the lines said in it and the exemplar it left in a histogram.

use std::collections::BTreeSet;
use std::time::Duration;

use dccd::sim::Knobs;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{sleep, timeout};

use crate::collector::Collector;
use crate::home::{Home, PATIENCE, end, page};

#[derive(Deserialize)]
struct Line {
    message: String,
    trace_id: Option<String>,
    span_id: Option<String>,
}

#[tokio::test]
async fn a_span_a_log_line_and_an_exemplar_share_their_ids() {
    let home = Home::new(Knobs::default()).await;
    let collector = Collector::start().await;
    home.configure(&format!("otlp_endpoint: \"{}\", log_level: debug, log_format: json", collector.url()));
    let mut daemon = home.command("start", &[]).spawn().unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let served = lines.next_line().await.unwrap().unwrap();
    let metrics = served.split_whitespace().last().unwrap().to_owned();

    let exposed = timeout(PATIENCE, async {
        loop {
            let text = page(&metrics, "application/openmetrics-text").await;
            if exemplars(&text, "dccd_job_run_duration_seconds").next().is_some() {
                break text;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    let exposed = exposed.await.expect("no run left an exemplar");
    let id = daemon.id().unwrap().to_string();
    assert!(tokio::process::Command::new("kill").arg(id).status().await.unwrap().success());
    assert_eq!(end(daemon).await.code, Some(0));

    let spans = collector.spans();
    let run = spans.iter().find(|span| span.name == "job.run").unwrap();
    let of_runs: Vec<_> = exemplars(&exposed, "dccd_job_run_duration_seconds").collect();
    assert_eq!(of_runs, [(run.trace.clone(), run.id.clone())]);
    let gets: BTreeSet<_> = spans
        .iter()
        .filter(|span| span.name.starts_with("GET "))
        .map(|span| (span.trace.clone(), span.id.clone()))
        .collect();
    let of_requests: Vec<_> = exemplars(&exposed, "dccd_http_request_duration_seconds").collect();
    assert!(!of_requests.is_empty() && of_requests.iter().all(|ids| gets.contains(ids)), "{of_requests:?}");
    let writes: BTreeSet<_> = spans.iter().map(|span| (span.trace.clone(), span.id.clone())).collect();
    let log = home.log();
    let said: Vec<Line> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids = |message: &str| -> BTreeSet<(String, String)> {
        let of = said.iter().filter(|line| line.message == message);
        of.map(|line| (line.trace_id.clone().unwrap(), line.span_id.clone().unwrap())).collect()
    };
    assert!(ids("run succeeded").contains(&(run.trace.clone(), run.id.clone())));
    let answered = ids("request answered");
    assert!(!answered.is_empty() && answered.is_subset(&gets), "{answered:?}");
    let all = said.iter().filter_map(|line| Some((line.trace_id.clone()?, line.span_id.clone()?)));
    assert!(all.into_iter().all(|ids| writes.contains(&ids)), "a line names a span that never came");
}

/// Trace and span of each exemplar of a family.
fn exemplars<'a>(text: &'a str, family: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    let of = text.lines().filter(move |line| line.starts_with(family));
    of.filter_map(|line| {
        let ids = line.split_once("# {trace_id=\"")?.1;
        let (trace, rest) = ids.split_once("\",span_id=\"")?;
        Some((trace.to_owned(), rest.split('"').next()?.to_owned()))
    })
}
