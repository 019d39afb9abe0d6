//! Settings in the environment that are meant for the collector alone.

use dccd::sim::Knobs;

use crate::collector::Collector;
use crate::home::{Home, MINUTES};

#[tokio::test]
async fn headers_of_the_environment_reach_the_collector_and_nothing_else() {
    let home = Home::new(Knobs::default()).await;
    let collector = Collector::start().await;
    home.configure(&format!("otlp_endpoint: \"{}\", log_level: trace, log_format: json", collector.url()));
    let variables = [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2,x-tenant=quant")];

    let ended = home.run("backfill", &variables).await;

    assert_eq!((ended.code, home.rows()), (Some(0), MINUTES), "{ended:?}");
    let heads = collector.heads();
    assert!(!heads.is_empty());
    for (_, headers) in heads {
        assert_eq!(headers["authorization"], "Bearer hunter2");
        assert_eq!(headers["x-tenant"], "quant");
        assert_eq!(headers["content-type"], "application/x-protobuf");
    }
    assert!(home.log().contains("\"level\":\"debug\""), "everything was logged");
    for said in [home.log(), ended.said] {
        assert!(!said.contains("hunter2") && !said.contains("quant"), "{said}");
        let noise = ["hyper", "reqwest", "opentelemetry", "h2::"];
        assert!(!noise.iter().any(|word| said.contains(&format!("\"target\":\"{word}"))), "{said}");
    }
}

#[tokio::test]
async fn where_the_environment_switches_traces_off_nothing_is_sent_and_no_line_names_one() {
    let home = Home::new(Knobs::default()).await;
    let collector = Collector::start().await;
    home.configure(&format!("otlp_endpoint: \"{}\", log_level: debug", collector.url()));

    for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "always_off")] {
        let ended = home.run("backfill", &[off]).await;

        assert_eq!((ended.code, home.rows()), (Some(0), MINUTES), "{ended:?}");
        assert!(collector.heads().is_empty(), "{off:?}");
    }
    assert!(home.log().contains("run succeeded") && !home.log().contains("trace_id"), "{}", home.log());
}
