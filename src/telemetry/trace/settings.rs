//! The destination and identity of traces, from the configuration and the standard variables.
//!
//! The configuration takes precedence over the environment; without an endpoint in either there are no traces.
//! `OTEL_SDK_DISABLED` and `OTEL_TRACES_EXPORTER=none` switch them off whatever the configuration says. The SDK
//! itself reads headers, time-out, sampler and batch timing from the environment.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use ring::rand::{SecureRandom, SystemRandom};

/// Spans that may be queued, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise.
const QUEUE_SPANS: usize = 2_048;

/// The upper bound for that; a span takes up to a few kilobytes.
const MOST_SPANS: usize = 65_536;

/// The path for traces in OTLP over HTTP.
const PATH: &str = "/v1/traces";

/// How to export traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettings {
    /// The full URL they are posted to.
    pub endpoint: String,
    /// Spans that may be queued.
    pub queue_spans: usize,
    /// `OTEL_SERVICE_NAME`, if set.
    pub service_name: Option<String>,
    /// Variables that are set but not obeyed; without values that may be secret.
    pub problems: Vec<String>,
}

impl TraceSettings {
    /// The settings for an endpoint of the configuration, if it has one, and for variables; `None` if no traces
    /// are wanted.
    #[must_use]
    pub fn of(configured: Option<&str>, variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let set =
            |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let is = |name: &str, word: &str| set(name).is_some_and(|text| text.eq_ignore_ascii_case(word));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return None;
        }
        let own = configured.map(below);
        let of_traces = || set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let of_all = || set("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| below(&base));
        let endpoint = own.or_else(of_traces).or_else(of_all)?;
        let queue = set("OTEL_BSP_MAX_QUEUE_SIZE").and_then(|text| text.parse().ok());
        Some(TraceSettings {
            endpoint,
            queue_spans: queue.unwrap_or(QUEUE_SPANS).clamp(1, MOST_SPANS),
            service_name: set("OTEL_SERVICE_NAME"),
            problems: problems(&set),
        })
    }

    /// The identity of the sender; variables take precedence over our defaults.
    pub(super) fn resource(&self) -> Resource {
        let own = [
            KeyValue::new("service.name", "dccd"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance_id()),
        ];
        let resource = Resource::builder_empty()
            .with_attributes(own)
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_detector(Box::new(EnvResourceDetector::new()));
        match &self.service_name {
            Some(name) => resource.with_service_name(name.clone()).build(),
            None => resource.build(),
        }
    }
}

/// The traces URL below an address, which may already include the path.
fn below(base: &str) -> String {
    let base = base.trim_end_matches('/');
    if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") }
}

/// A random UUID for each start, as the conventions recommend.
fn instance_id() -> String {
    let mut bits = [0; 16];
    // Without randomness the id is meaningless, which does no harm.
    let _ = SystemRandom::new().fill(&mut bits);
    let bits = u128::from_be_bytes(bits) & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Variables with numeric values, in milliseconds or counts.
const NUMBERS: [&str; 6] = [
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_EXPORT_TIMEOUT",
];

/// Settings that the SDK would silently ignore.
fn problems(set: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for name in NUMBERS {
        if set(name).is_some_and(|text| text.parse::<u64>().is_err()) {
            problems.push(format!("{name} is no whole number; its default holds"));
        }
    }
    for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
        if set(name).is_some_and(|text| text != "http/protobuf") {
            problems.push(format!("{name} is not followed: traces are sent as http/protobuf"));
        }
    }
    for name in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"] {
        let odd = |text: String| text.split_terminator(',').any(|pair| !pair.contains('='));
        if set(name).is_some_and(odd) {
            problems.push(format!("{name} has an entry without `=`, which is left out"));
        }
    }
    let sampler = set("OTEL_TRACES_SAMPLER");
    if sampler.as_ref().is_some_and(|name| !SAMPLERS.contains(&name.as_str())) {
        problems.push(format!("OTEL_TRACES_SAMPLER is none of {}; every trace is sent", SAMPLERS.join(", ")));
    }
    let ratio = set("OTEL_TRACES_SAMPLER_ARG").and_then(|text| text.parse::<f64>().ok());
    let is_ratio = sampler.is_some_and(|name| name.ends_with("traceidratio"));
    if is_ratio && !ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio)) {
        problems.push("OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1; every trace is sent".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(configured: Option<&str>, variables: &[(&str, &str)]) -> Option<TraceSettings> {
        let variable =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        TraceSettings::of(configured, &variable)
    }

    fn endpoint(configured: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        of(configured, variables).map(|settings| settings.endpoint)
    }

    #[test]
    fn the_configuration_names_the_endpoint_else_the_environment_does_and_else_there_is_none() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/in");

        assert_eq!(endpoint(None, &[]), None);
        assert_eq!(endpoint(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), None);
        assert_eq!(endpoint(None, &[all]).unwrap(), "http://all:4318/v1/traces");
        assert_eq!(endpoint(None, &[all, traces]).unwrap(), "http://traces:4318/in");
        assert_eq!(endpoint(Some("http://own"), &[all, traces]).unwrap(), "http://own/v1/traces");
        assert_eq!(endpoint(Some("http://own/v1/traces"), &[]).unwrap(), "http://own/v1/traces");
    }

    #[test]
    fn the_environment_can_switch_traces_off() {
        assert_eq!(endpoint(Some("http://own"), &[("OTEL_SDK_DISABLED", "TRUE")]), None);
        assert_eq!(endpoint(Some("http://own"), &[("OTEL_TRACES_EXPORTER", "none")]), None);
        assert!(endpoint(Some("http://own"), &[("OTEL_SDK_DISABLED", "false")]).is_some());
    }

    #[test]
    fn what_is_set_and_not_followed_is_said_without_its_value() {
        let fine = [
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, b=c"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ];
        let settings = of(Some("http://own"), &fine).unwrap();
        assert_eq!((settings.queue_spans, settings.problems), (100, vec![]));

        let odd = [
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "9999999999"),
        ];
        let settings = of(Some("http://own"), &odd).unwrap();
        let names: Vec<&str> = settings.problems.iter().map(|text| text.split(' ').next().unwrap()).collect();
        assert_eq!(
            names,
            [
                "OTEL_BSP_SCHEDULE_DELAY",
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "OTEL_EXPORTER_OTLP_HEADERS",
                "OTEL_TRACES_SAMPLER_ARG"
            ]
        );
        assert!(!settings.problems.concat().contains("hunter2"));
        assert_eq!(settings.queue_spans, MOST_SPANS);
    }

    #[test]
    fn the_resource_says_who_sends() {
        let settings = of(Some("http://own"), &[("OTEL_SERVICE_NAME", "ours")]).unwrap();
        let resource = settings.resource();
        let of = |key: &str| resource.get(&key.to_owned().into()).unwrap().to_string();

        assert_eq!(
            (of("service.name"), of("service.version")),
            ("ours".into(), env!("CARGO_PKG_VERSION").into())
        );
        let id = of("service.instance.id");
        assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
        assert_ne!(settings.resource().get(&"service.instance.id".into()).unwrap().to_string(), id);
    }
}
