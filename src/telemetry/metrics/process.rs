//! The `process_*` families, read from `/proc/self` at each scrape; there are none outside of Linux.
//!
//! CPU time has fractions of seconds, unlike in the metrics crate's own collector, so that small loads show.

use std::collections::HashMap;
use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};

/// Reads the process's resource usage.
pub(super) struct ProcessCollector {
    descs: Vec<Desc>,
}

const CPU: &str = "process_cpu_seconds_total";

const FAMILIES: [(&str, &str); 7] = [
    (CPU, "User and system time spent, in seconds."),
    ("process_resident_memory_bytes", "Resident memory."),
    ("process_virtual_memory_bytes", "Virtual memory."),
    ("process_open_fds", "Open file descriptors."),
    ("process_max_fds", "The most file descriptors allowed."),
    ("process_threads", "Threads."),
    ("process_start_time_seconds", "When the process started, in seconds since 1970."),
];

impl ProcessCollector {
    pub(super) fn new() -> Self {
        let descs = FAMILIES
            .iter()
            .map(|(name, help)| {
                Desc::new((*name).to_owned(), (*help).to_owned(), Vec::new(), HashMap::new())
                    .expect("names are constants a test has registered")
            })
            .collect();
        ProcessCollector { descs }
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let stat = fs::read_to_string("/proc/self/stat").ok().and_then(|text| parse_stat(&text));
        let of = |field: fn(&Stat) -> f64| stat.as_ref().map(field);
        let values = [
            of(|stat| stat.cpu_ticks / ticks_per_sec()),
            of(|stat| stat.resident_bytes),
            of(|stat| stat.virtual_bytes),
            open_fds(),
            fs::read_to_string("/proc/self/limits").ok().and_then(|text| max_fds(&text)),
            of(|stat| stat.threads),
            stat.as_ref().and_then(start_time),
        ];
        FAMILIES.iter().zip(values).filter_map(|(about, value)| Some(family(about, value?))).collect()
    }
}

/// The fields used of `/proc/self/stat`.
struct Stat {
    cpu_ticks: f64,
    threads: f64,
    start_ticks: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
}

/// The second field, the program's name, may contain spaces and parentheses: fields count from the last one.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    // The first field here is the third of the manual page.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    Some(Stat {
        cpu_ticks: field(14)? + field(15)?,
        threads: field(20)?,
        start_ticks: field(22)?,
        virtual_bytes: field(23)?,
        resident_bytes: field(24)? * rustix::param::page_size() as f64,
    })
}

fn ticks_per_sec() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

fn open_fds() -> Option<f64> {
    let listed = fs::read_dir("/proc/self/fd").ok()?.count();
    // Reading the folder opened one more.
    Some(listed.saturating_sub(1) as f64)
}

fn max_fds(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn start_time(stat: &Stat) -> Option<f64> {
    let machine = fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(booted + stat.start_ticks / ticks_per_sec())
}

fn family((name, help): &(&str, &str), value: f64) -> MetricFamily {
    let mut metric = Metric::default();
    let mut family = MetricFamily::default();
    if *name == CPU {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
        family.set_field_type(MetricType::COUNTER);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
        family.set_field_type(MetricType::GAUGE);
    }
    family.set_name((*name).to_owned());
    family.set_help((*help).to_owned());
    family.set_metric(vec![metric]);
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let text = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 12345 8192 3 0";

        let stat = parse_stat(text).unwrap();

        assert_eq!((stat.cpu_ticks, stat.threads, stat.start_ticks), (300.0, 9.0, 12345.0));
        assert_eq!(stat.virtual_bytes, 8192.0);
        assert_eq!(stat.resident_bytes, 3.0 * rustix::param::page_size() as f64);
    }

    #[test]
    fn the_soft_limit_of_open_files_is_read_and_unlimited_is_left_out() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   4096   files\n";
        assert_eq!(max_fds(limits), Some(1024.0));
        assert_eq!(max_fds("Max open files   unlimited unlimited files\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn every_family_of_this_process_has_a_value() {
        assert_eq!(ProcessCollector::new().collect().len(), FAMILIES.len());
    }
}
