//! The pages that are the program's: written from it, and equal to it.

use std::fmt::Write as _;
use std::fs;

use clap::CommandFactory as _;
use dccd::model::{Kind, Market};

use crate::{check_file, check_section, check_section_of, dccd, path};

/// A README is read in one go, and the map of the code too.
const LIMITS: [(&str, u64); 2] = [("README.md", 12_000), ("docs/ARCHITECTURE.md", 10_000)];

#[test]
fn readme_and_architecture_are_short() {
    for (page, limit) in LIMITS {
        let bytes = fs::metadata(path(page)).unwrap().len();
        assert!(bytes <= limit, "{page} has {bytes} bytes, at most {limit} are wanted");
    }
}

#[test]
fn the_page_of_the_exchanges_is_the_programs() {
    check_section("docs/exchanges.md", &dccd(&["exchanges", "--markdown"]));
}

#[test]
fn the_readme_names_the_kinds_and_markets_of_every_exchange() {
    let mut table = String::from("| exchange | candles | trades | order book | funding | open interest |\n");
    table.push_str("|---|---|---|---|---|---|\n");
    for exchange in dccd::exchange::ALL {
        let cells = Kind::ALL.map(|kind| {
            let offers = exchange.offers().iter().filter(|offer| offer.kind == kind);
            let markets: Vec<Market> = offers.flat_map(|offer| offer.markets).copied().collect();
            let has = |market: Market, name: &str| markets.contains(&market).then(|| name.to_owned());
            let names = [has(Market::Spot, "spot"), has(Market::Perp, "perp"), has(Market::Quarter, "dated")];
            assert_eq!(markets.contains(&Market::Quarter), markets.contains(&Market::NextQuarter));
            let names: Vec<String> = names.into_iter().flatten().collect();
            if names.is_empty() { "-".to_owned() } else { names.join(", ") }
        });
        writeln!(table, "| {} | {} |", exchange.name(), cells.join(" | ")).unwrap();
    }
    check_section("README.md", &table);
    let readme = fs::read_to_string(path("README.md")).unwrap();
    assert!(readme.contains("nine exchanges") && dccd::exchange::ALL.len() == 9, "count the exchanges anew");
}

/// Work; the part and the figures of docs/performance.md that dccd and the Python dccd 3.8.1 have for it.
const COMPARED: [(&str, &str, &str, Option<&str>); 8] = [
    ("backfill of 1 M candles, processor time", "compare", "cpu", Some("cpu_of_reference")),
    ("backfill of 1 M candles, peak memory", "compare", "mib", Some("mib_of_reference")),
    ("one candle appended to 500 000, processor time", "append", "append_cpu", None),
    ("one candle appended to 500 000, written", "append", "append_written", None),
    ("`validate`", "compare", "validate", Some("validate_of_reference")),
    ("`status`", "compare", "status", Some("status_of_reference")),
    ("`inventory` of 1 000 series", "compare", "inventory", Some("inventory_of_reference")),
    ("`/metrics` of 10 000 samples", "exposition", "metrics", None),
];

#[test]
fn figures_of_the_readme_are_those_of_the_measurements() {
    let measured = fs::read_to_string(path("docs/performance.md")).unwrap();
    let mut table = String::from("| work | dccd | Python dccd 3.8.1 |\n|---|---|---|\n");
    for (work, part, own, other) in COMPARED {
        let own = figure(&measured, part, own).unwrap_or("not measured");
        let other = match other {
            Some(name) => figure(&measured, part, name).unwrap_or("not measured"),
            None => "-",
        };
        writeln!(table, "| {work} | {own} | {other} |").unwrap();
    }
    check_section_of("README.md", "\n## How fast\n", &table);
}

#[test]
fn a_figure_is_found_by_its_part_and_its_name() {
    let page = "| part | figure | value |\n| append | cpu | 1.4 ms |\n| compare | cpu | 0.98 s |\n";
    assert_eq!(figure(page, "compare", "cpu"), Some("0.98 s"));
    assert_eq!(figure(page, "compare", "mib"), None);
}

/// A figure of the page, with its unit; `None` where it was not measured.
fn figure<'a>(page: &'a str, part: &str, name: &str) -> Option<&'a str> {
    let head = format!("| {part} | {name} | ");
    page.lines().find_map(|line| line.strip_prefix(&head)?.strip_suffix(" |"))
}

#[test]
fn every_crate_has_its_reason() {
    let page = fs::read_to_string(path("docs/dependencies.md")).unwrap();
    let manifest = fs::read_to_string(path("Cargo.toml")).unwrap();
    let mut crates = Vec::new();
    for heading in ["\n[dependencies]\n", "\n[dev-dependencies]\n"] {
        let lines = manifest.split(heading).nth(1).unwrap().lines().take_while(|line| !line.is_empty());
        crates.extend(lines.map(|line| line.split(' ').next().unwrap()));
    }
    let named: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .flat_map(|names| names.split(", "))
        .collect();
    let missing: Vec<&&str> = crates.iter().filter(|name| !named.contains(name)).collect();
    assert_eq!(missing, [&""; 0], "without a reason in docs/dependencies.md");
    let gone: Vec<&&str> = named.iter().filter(|name| **name != "crate" && !crates.contains(name)).collect();
    assert_eq!(gone, [&""; 0], "no crate of Cargo.toml any more");
}

#[test]
fn addresses_of_the_repository_are_the_one_of_the_manifest() {
    let own = env!("CARGO_PKG_REPOSITORY");
    let mut files = vec!["alerts/alerts.yml".to_owned()];
    let dashboards = fs::read_dir(path("dashboards")).unwrap();
    files.extend(
        dashboards.map(|entry| format!("dashboards/{}", entry.unwrap().file_name().to_str().unwrap())),
    );
    let mut named = 0;
    for file in files {
        let text = fs::read_to_string(path(&file)).unwrap_or_default();
        for (at, _) in text.match_indices("https://github.com/") {
            assert!(
                text[at..].starts_with(&format!("{own}/blob/main/docs/runbooks")),
                "{file}: {:.80}",
                &text[at..]
            );
            named += 1;
        }
    }
    assert!(named > 50, "only {named} addresses were found");
}

#[test]
fn the_page_of_the_metrics_is_the_programs() {
    check_section("docs/metrics.md", &dccd(&["metrics", "--list", "--markdown"]));
}

#[test]
fn the_page_of_the_routes_is_the_servers() {
    check_section("docs/http.md", &dccd::http::reference::markdown());
}

#[test]
fn the_page_of_the_configuration_is_the_checks_own() {
    check_section("docs/configuration.md", &dccd::config::reference::markdown());
}

#[test]
fn the_schema_of_the_configuration_is_the_checks_own() {
    check_file("docs/config.schema.json", &dccd::config::reference::schema());
}

#[test]
fn the_page_of_the_commands_is_their_help() {
    let mut program = dccd::cli::Cli::command();
    program.build();
    let mut page = String::new();
    describe(&program, &mut page);
    check_section("docs/cli.md", &page);
}

#[test]
fn links_of_the_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(path(&page)).unwrap();
        let folder = path(&page).parent().unwrap().to_owned();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next());
        let local = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
        let missing = local.filter(|target| !folder.join(target.split('#').next().unwrap()).exists());
        broken.extend(missing.map(|target| format!("{page}: {target}")));
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// README and changelog, and what lies in `docs/` itself.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(path("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let pages = entries.map(|name| format!("docs/{}", name.to_str().unwrap()));
    let own = ["README.md".to_owned(), "CHANGELOG.md".to_owned()];
    pages.filter(|page| page.ends_with(".md")).chain(own).collect()
}

/// A command's help, and that of its own commands.
fn describe(command: &clap::Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or("dccd");
    let help = command.clone().term_width(100).render_long_help().to_string();
    let help: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    writeln!(page, "## `{name}`\n\n```text\n{}\n```\n", help.join("\n")).unwrap();
    for own in command.get_subcommands().filter(|own| !own.is_hide_set()) {
        describe(own, page);
    }
}
