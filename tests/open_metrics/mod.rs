//! A strict reader of OpenMetrics 1.0, written after the specification and not after the program.

use std::collections::{BTreeMap, BTreeSet};

/// One family with its samples.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub kind: String,
    pub unit: Option<String>,
    pub samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
    pub exemplar: Option<Exemplar>,
}

#[derive(Debug)]
pub(crate) struct Exemplar {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
    pub at: f64,
}

/// Every family by name.
///
/// # Panics
/// At whatever the specification does not allow.
pub(crate) fn read(text: &str) -> BTreeMap<String, Family> {
    let body = text.strip_suffix("# EOF\n").expect("the end is `# EOF` and a line feed");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut present = String::new();
    for line in body.lines() {
        assert!(!line.is_empty() && !line.contains('\r'), "{line:?}");
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (word, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            if name != present {
                assert!(!families.contains_key(name), "{name} is not in one piece");
                assert_eq!(word, "TYPE", "{line}");
                present = name.to_owned();
            }
            let family = families.entry(name.to_owned()).or_default();
            assert!(family.samples.is_empty(), "a comment amid samples: {line}");
            match word {
                "TYPE" => family.kind = rest.to_owned(),
                "UNIT" => family.unit = Some(rest.to_owned()),
                "HELP" => assert!(!rest.replace("\\\"", "").contains('"'), "{line}"),
                _ => panic!("{line}"),
            }
        } else {
            let family = families.get_mut(&present).expect("a sample before any family");
            family.samples.push(sample(line));
        }
    }
    families.iter().for_each(|(name, family)| check(name, family));
    let mut taken = BTreeSet::new();
    for family in families.values() {
        let names: BTreeSet<&str> = family.samples.iter().map(|sample| sample.name.as_str()).collect();
        assert!(names.iter().all(|name| taken.insert((*name).to_owned())), "{names:?} stand in two families");
    }
    families
}

fn check(name: &str, family: &Family) {
    let suffixes: &[&str] = match family.kind.as_str() {
        "counter" => &["_total"],
        "gauge" => &[""],
        "info" => &["_info"],
        "histogram" => &["_bucket", "_sum", "_count"],
        other => panic!("{name}: {other}"),
    };
    assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}");
    if let Some(unit) = &family.unit {
        assert!(name.ends_with(&format!("_{unit}")) && family.kind != "info", "{name}: {unit}");
    }
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        let suffix = sample.name.strip_prefix(name).unwrap_or("?");
        assert!(suffixes.contains(&suffix), "{} in {name}", sample.name);
        assert!(seen.insert((&sample.name, &sample.labels)), "{sample:?} stands twice");
        if family.kind == "counter" {
            assert!(sample.value >= 0.0, "{sample:?}");
        }
        if family.kind == "info" {
            assert!(sample.value == 1.0, "{sample:?}");
        }
        if let Some(exemplar) = &sample.exemplar {
            assert!(suffix == "_bucket" || suffix == "_total", "{sample:?}");
            let length: usize = exemplar
                .labels
                .iter()
                .map(|(name, value)| name.chars().count() + value.chars().count())
                .sum();
            assert!(length <= 128, "{exemplar:?}");
            assert!(exemplar.at > 1e9, "{exemplar:?}");
        }
    }
    if family.kind == "histogram" {
        check_histogram(name, &family.samples);
    }
}

/// Buckets grow and end with `+Inf`, which is the count; exemplars lie in their bucket.
fn check_histogram(name: &str, samples: &[Sample]) {
    let without_le = |sample: &Sample| {
        let mut labels = sample.labels.clone();
        labels.remove("le");
        labels
    };
    let sets: BTreeSet<_> = samples.iter().map(without_le).collect();
    for set in sets {
        let of_set = |suffix: &str| -> Vec<&Sample> {
            let wanted = format!("{name}{suffix}");
            samples.iter().filter(|sample| sample.name == wanted && without_le(sample) == set).collect()
        };
        let (mut bound, mut count) = (f64::NEG_INFINITY, 0.0);
        for bucket in of_set("_bucket") {
            let le = &bucket.labels["le"];
            assert!(le == "+Inf" || le.contains('.') || le.contains('e'), "{le} is no canonical float");
            let next: f64 = le.parse().unwrap();
            assert!(next > bound && bucket.value >= count, "{bucket:?}");
            if let Some(exemplar) = &bucket.exemplar {
                assert!(exemplar.value <= next && exemplar.value > bound, "{bucket:?}");
            }
            (bound, count) = (next, bucket.value);
        }
        let [sum, total] = ["_sum", "_count"].map(|suffix| {
            let of_set = of_set(suffix);
            assert_eq!(of_set.len(), 1, "{name}{suffix}");
            of_set[0].value
        });
        assert!(bound == f64::INFINITY && count == total && sum >= 0.0, "{name} {set:?}");
    }
}

/// One line.
pub(crate) fn sample(line: &str) -> Sample {
    let (head, exemplar) = match line.split_once(" # ") {
        Some((head, exemplar)) => (head, Some(exemplar)),
        None => (line, None),
    };
    let at = head.find(['{', ' ']).expect(line);
    let (labels, rest) = labels(&head[at..]);
    let value = rest.strip_prefix(' ').expect(line);
    let exemplar = exemplar.map(|text| {
        let (labels, rest) = self::labels(text);
        let mut numbers = rest.trim_start().split(' ').map(|number| number.parse().unwrap());
        let exemplar = Exemplar { labels, value: numbers.next().unwrap(), at: numbers.next().unwrap() };
        assert_eq!(numbers.next(), None::<f64>, "{line}");
        exemplar
    });
    assert!(head[..at].chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
    Sample { name: head[..at].to_owned(), labels, value: value.parse().expect(line), exemplar }
}

/// The labels in braces at the start, if any, and what follows.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    let Some(mut rest) = text.strip_prefix('{') else { return (labels, text) };
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("a value that does not end") {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("\\{c} in {text}"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} twice in {text}");
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    (labels, &rest[1..])
}
