//! Shared by the benchmarks: processor time, medians, pages from the simulated exchange.

use std::path::PathBuf;
use std::sync::Arc;

use dccd::exchange::{Ask, Exchange, Instrument, Page, find};
use dccd::model::{Micros, Series, Window};
use dccd::sim::{Knobs, Sim};
use rustix::time::{ClockId, clock_gettime};

/// 2020-01-01, where the measured histories begin.
pub(crate) const BEGIN: Micros = Micros::from_secs(1_577_836_800);

/// User and system time this process has used, in seconds.
pub(crate) fn cpu_secs() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// Returns the result of `work` and the processor time it took in seconds.
#[allow(dead_code, reason = "not every measurement times one piece of work")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu_secs();
    let done = work();
    (done, cpu_secs() - before)
}

/// The middle of some measurements.
#[allow(dead_code, reason = "not every measurement is repeated")]
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Where the recorded answers lie.
#[allow(dead_code, reason = "not every measurement reads recordings")]
pub(crate) fn fixtures() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures"));
    std::env::var_os("DCCD_FIXTURES").map_or_else(beside, PathBuf::from)
}

/// The exchange whose answers are measured.
pub(crate) fn exchange() -> &'static dyn Exchange {
    find("binance").expect("binance is registered")
}

/// The instrument that the exchange lists for the pair of a series.
#[allow(dead_code, reason = "not every measurement reads pages")]
pub(crate) fn instrument(series: &Series) -> Arc<Instrument> {
    Arc::new(Instrument::named(exchange().symbol(series.pair())))
}

/// One answer to a page of candles or trades.
#[allow(dead_code, reason = "not every measurement reads pages")]
pub(crate) struct Fetched {
    pub(crate) page: Page,
    pub(crate) body: Vec<u8>,
}

/// Pages of 1 000 one-minute candles from the simulated exchange over its socket.
#[allow(dead_code, reason = "not every measurement reads pages")]
pub(crate) fn kline_pages(series: &Arc<Series>, pages: usize) -> Vec<Fetched> {
    const PAGE_MICROS: i64 = 1_000 * 60_000_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let knobs = Knobs { weight_limit: u32::MAX, ..Knobs::default() };
        let sim = Sim::start("127.0.0.1:0".parse().expect("an address"), knobs).await.expect("it listens");
        rustls::crypto::ring::default_provider().install_default().expect("no provider yet");
        let client = reqwest::Client::new();
        let mut fetched = Vec::with_capacity(pages);
        for number in 0..pages {
            let from = Micros(BEGIN.0 + number as i64 * PAGE_MICROS);
            let window = Window::new(from, Micros(from.0 + PAGE_MICROS)).expect("it has a length");
            let page = Page {
                series: Arc::clone(series),
                instrument: instrument(series),
                window,
                ask: Ask::ByTime,
                rows: 1_000,
            };
            let url = format!("{}{}", sim.url(), exchange().request(&page).path);
            let response = client.get(url).send().await.expect("an answer");
            let body = response.bytes().await.expect("a body").to_vec();
            fetched.push(Fetched { page, body });
        }
        sim.stop().await;
        fetched
    })
}
