//! Any bytes at every place where bytes of others come in: one function a target, which panics where what must hold of any
//! bytes does not.
//!
//! `twins` calls them in every test run with what was recorded, bent at random; `fuzz/run` under libFuzzer. An input that
//! broke something is a case under `tests/fixtures/fuzz`, and every run begins with those.

mod config;
mod folder;
mod http;
mod journal;
mod ledger;
mod live;
mod parquet;
mod rest;
mod seeds;
mod selector;
mod state;
#[cfg(test)]
mod twins;
mod web_config;

/// A place where bytes of others come in.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of the folder of its cases.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Inputs as they should be.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: [Target; 10] = [
    Target { name: "rest", run: rest::run, seeds: rest::seeds },
    Target { name: "live", run: live::run, seeds: live::seeds },
    Target { name: "journal", run: journal::run, seeds: journal::seeds },
    Target { name: "ledger", run: ledger::run, seeds: ledger::seeds },
    Target { name: "parquet", run: parquet::run, seeds: parquet::seeds },
    Target { name: "config", run: config::run, seeds: config::seeds },
    Target { name: "web_config", run: web_config::run, seeds: web_config::seeds },
    Target { name: "selector", run: selector::run, seeds: selector::seeds },
    Target { name: "state", run: state::run, seeds: state::seeds },
    Target { name: "http", run: http::run, seeds: http::seeds },
];

/// The target of a name.
///
/// # Panics
/// Where there is none.
#[must_use]
pub fn target(name: &str) -> Target {
    TARGETS.into_iter().find(|target| target.name == name).expect("the target is one of the list")
}

impl Target {
    /// Its seeds, and the cases that once broke something.
    #[must_use]
    pub fn inputs(&self) -> Vec<Vec<u8>> {
        let mut inputs = self.cases();
        inputs.extend((self.seeds)());
        inputs
    }

    /// The cases that once broke something.
    #[must_use]
    fn cases(&self) -> Vec<Vec<u8>> {
        seeds::files(&seeds::root().join("tests/fixtures/fuzz").join(self.name))
            .into_iter()
            .map(|(_, own)| own)
            .collect()
    }
}
