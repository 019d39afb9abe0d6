//! `dccd sim`: a simulated exchange to try things against, with knobs for everything that can go wrong.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::model::{Micros, Window, Zone};
use crate::sim::{Clock, Knobs, RetryAfter, Rule, Sim, WsRule};

/// Run simulated exchanges on this machine.
///
/// Each is served below its own name, such as http://127.0.0.1:9440/binance. GET /sim says what was asked of them, and
/// /sim/trades?symbol=BTCUSDT&from=MS&until=MS how many trades there are; POST /sim/drop ends every connection at once,
/// and /sim/rush?trades=200&secs=10 has each symbol trade so often a second for a while.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = examples(&["dccd sim --symbols BTCUSDT,ETHUSDT", "dccd sim --fault 500=2% --fault reset=1/50"]))]
pub struct Args {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:9440")]
    listen: SocketAddr,
    /// Symbols to list.
    #[arg(long, value_delimiter = ',', value_parser = symbol, default_value = "BTCUSDT,ETHUSDT")]
    symbols: Vec<String>,
    /// Date of the first trade.
    #[arg(long, value_parser = instant, value_name = "DATE", default_value = "2017-08-17T04:00:00Z")]
    listed_from: Micros,
    /// Trades in an hour of each symbol, at most 36000000.
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=crate::sim::MOST_PER_HOUR))]
    trades_per_hour: u64,
    /// How many neighbouring trades may share one millisecond.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    cluster: u64,
    /// Time without data, such as 2024-01-02/2024-01-03; may be repeated.
    #[arg(long = "hole", value_parser = hole, value_name = "FROM/UNTIL")]
    holes: Vec<Window>,
    /// Spans after its end during which a candle still changes.
    #[arg(long, default_value_t = 0)]
    revise_spans: u32,
    /// Most rows a page holds.
    #[arg(long, default_value_t = 1_000)]
    page_limit: usize,
    /// Request weight allowed in a minute.
    #[arg(long, default_value_t = 6_000)]
    weight_limit: u32,
    /// Milliseconds every response takes.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// A fault and its rate, such as 500=2%, reset=1/50, short@ohlc=5% or empty@trades=#3 for the third request alone;
    /// may be repeated.
    #[arg(long = "fault", value_delimiter = ',', value_name = "FAULT[@ENDPOINT]=RATE")]
    faults: Vec<Rule>,
    /// Trades a second of each symbol beside the usual ones, from its start on; over REST they are the same.
    #[arg(long, default_value_t = 0, value_name = "TRADES", value_parser = clap::value_parser!(u64).range(..=crate::sim::MOST_PER_HOUR / 3_600))]
    ws_rate: u64,
    /// Seconds a WebSocket connection lasts; without an end by default.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    ws_lifetime: Option<u64>,
    /// Seconds between the notice of a connection's end and that end, where the exchange gives notice.
    #[arg(long, default_value_t = 10, value_name = "SECS")]
    ws_notice_lead: u64,
    /// A fault of WebSocket connections and its rate, such as hole=2%, cut=1/500 or refuse=#3; kinds are cut, reset,
    /// stall, half-open, hole, swap, double, refuse, notice, burst, bad-sum and crossed; may be repeated.
    #[arg(long = "ws-fault", value_delimiter = ',', value_name = "KIND=RATE")]
    ws_faults: Vec<WsRule>,
    /// Seed of the faults.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Retry-After of a 429 or 418 fault: seconds, `none`, or `date:SECONDS` for a date so far ahead.
    #[arg(long, value_parser = retry_after, default_value = "5")]
    retry_after: RetryAfter,
    /// Bytes of a huge body.
    #[arg(long, default_value_t = 256 << 20)]
    huge_bytes: u64,
    /// Date its clock starts at, instead of the present.
    #[arg(long, value_parser = instant, value_name = "DATE", conflicts_with = "clock_offset_secs")]
    now: Option<Micros>,
    /// Seconds its clock is ahead of this machine's.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    clock_offset_secs: i64,
    /// Milliseconds its server time is ahead of its clock.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    skew_ms: i64,
}

impl Args {
    fn knobs(self) -> Knobs {
        let clock = match self.now {
            Some(now) => Clock::running_from(now),
            None => Clock::offset(self.clock_offset_secs.saturating_mul(1_000_000)),
        };
        Knobs {
            symbols: self.symbols,
            listed_from: self.listed_from,
            trades_per_hour: self.trades_per_hour,
            cluster: self.cluster,
            holes: self.holes.into_iter().collect(),
            revise_spans: self.revise_spans,
            page_limit: self.page_limit,
            weight_limit: self.weight_limit,
            latency: Duration::from_millis(self.latency_ms),
            faults: self.faults,
            seed: self.seed,
            retry_after: self.retry_after,
            huge_bytes: self.huge_bytes,
            ws_rate: self.ws_rate,
            ws_rate_from: clock.now(),
            ws_lifetime: self.ws_lifetime.map(Duration::from_secs),
            ws_notice: Duration::from_secs(self.ws_notice_lead),
            ws_faults: self.ws_faults,
            clock,
            skew_ms: self.skew_ms,
            ..Knobs::default()
        }
    }
}

/// Runs the simulated exchange until `stop`.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) async fn run(args: Args, out: &mut Output, stop: CancellationToken) -> io::Result<()> {
    let listen = args.listen;
    let sim = Sim::start(listen, args.knobs()).await.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {listen}: {error}; choose another with --listen"),
        )
    })?;
    out.line(format!("simulated exchanges at {}", sim.url()));
    out.line("to collect from them, put this into the configuration:");
    out.line("");
    out.line("exchanges:");
    for name in crate::sim::names() {
        let sockets = if crate::sim::has_sockets(name) {
            format!(", ws_url: \"{}/{name}\"", sim.ws_url())
        } else {
            String::new()
        };
        out.line(format!("  {name}: {{rest_url: \"{}/{name}\"{sockets}}}", sim.url()));
    }
    stop.cancelled().await;
    let (answered, total) = sim.counts().iter().fold((0, 0), |(good, all), ((_, status), count)| {
        (good + if *status == 200 { *count } else { 0 }, all + count)
    });
    sim.stop().await;
    out.line("");
    out.line(format!("{total} requests, {answered} answered with 200"));
    Ok(())
}

fn symbol(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if (1..=20).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a symbol is 1 to 20 capital letters and digits, such as BTCUSDT".to_owned())
    }
}

fn instant(text: &str) -> Result<Micros, String> {
    Micros::parse(text, &Zone::UTC).map_err(|error| error.to_string())
}

fn hole(text: &str) -> Result<Window, String> {
    let (from, until) = text.split_once('/').ok_or("a hole is two dates, such as 2024-01-02/2024-01-03")?;
    Window::new(instant(from)?, instant(until)?).ok_or_else(|| "a hole ends after it begins".to_owned())
}

fn retry_after(text: &str) -> Result<RetryAfter, String> {
    let secs =
        |text: &str| text.parse().map_err(|_| "write a number of seconds, none or date:SECONDS".to_owned());
    match text.strip_prefix("date:") {
        Some(ahead) => Ok(RetryAfter::Date(secs(ahead)?)),
        None if text == "none" => Ok(RetryAfter::Missing),
        None => Ok(RetryAfter::Seconds(secs(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::sim::Fault;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn knobs(flags: &str) -> Result<Knobs, String> {
        let words = std::iter::once("sim").chain(flags.split_whitespace());
        Command::try_parse_from(words).map(|command| command.args.knobs()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_the_knobs_are_the_defaults() {
        let (given, usual) = (knobs("").unwrap(), Knobs::default());
        assert_eq!(given.symbols, usual.symbols);
        assert_eq!(given.listed_from, usual.listed_from);
        assert_eq!(given.retry_after, usual.retry_after);
        assert_eq!((given.page_limit, given.weight_limit), (usual.page_limit, usual.weight_limit));
        assert_eq!((given.trades_per_hour, given.cluster), (usual.trades_per_hour, usual.cluster));
        assert_eq!(given.huge_bytes, usual.huge_bytes);
    }

    #[test]
    fn every_flag_turns_its_knob() {
        let knobs = knobs(
            "--symbols XRPUSDT,ADAUSDT --hole 2024-01-02/2024-01-03 --fault 500=2%,reset=1/50 --fault short=1 \
             --retry-after date:7 --now 2024-06-01 --skew-ms -90000 --revise-spans 3",
        )
        .unwrap();
        assert_eq!(knobs.symbols, ["XRPUSDT", "ADAUSDT"]);
        assert_eq!(knobs.holes.secs(), 86_400.0);
        let expected = [
            Rule::share(Fault::Status500, 0.02),
            Rule::every(Fault::Reset, 50),
            Rule::share(Fault::Short, 1.0),
        ];
        assert_eq!(knobs.faults, expected);
        assert_eq!(knobs.retry_after, RetryAfter::Date(7));
        assert_eq!((knobs.skew_ms, knobs.revise_spans), (-90_000, 3));
        assert_eq!(knobs.clock.now().utc().date(), jiff::civil::date(2024, 6, 1));
    }

    #[test]
    fn every_flag_of_sockets_turns_its_knob() {
        let flags = "--ws-rate 500 --ws-lifetime 60 --ws-notice-lead 1 --ws-fault hole=2%,cut=1/500 \
                     --ws-fault refuse=#3 --now 2024-06-01";
        let knobs = knobs(flags).unwrap();
        assert_eq!((knobs.ws_rate, knobs.ws_rate_from.utc().date()), (500, jiff::civil::date(2024, 6, 1)));
        assert_eq!(knobs.ws_lifetime, Some(Duration::from_secs(60)));
        assert_eq!(knobs.ws_notice, Duration::from_secs(1));
        let expected = ["hole=2%", "cut=1/500", "refuse=#3"].map(|rule| rule.parse().unwrap());
        assert_eq!(knobs.ws_faults, expected);
    }

    #[test]
    fn a_flag_that_makes_no_sense_is_refused_with_the_way_to_write_it() {
        for (flags, hint) in [
            ("--hole 2024-01-03/2024-01-02", "ends after"),
            ("--fault teapot=1", "error-body"),
            ("--symbols btc/usdt", "BTCUSDT"),
            ("--retry-after soon", "seconds"),
            ("--ws-fault teapot=1", "half-open"),
            ("--ws-rate 20000", "10000"),
        ] {
            let error = knobs(flags).unwrap_err();
            assert!(error.contains(hint), "{flags}: {error}");
        }
    }

    #[tokio::test]
    async fn it_runs_until_it_is_stopped_and_says_when_its_address_is_taken() {
        let args = |listen: &str| Command::try_parse_from(["sim", "--listen", listen]).unwrap().args;
        let stop = CancellationToken::new();
        stop.cancel();
        run(args("127.0.0.1:0"), &mut Output::of_process(), stop.clone()).await.unwrap();

        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = run(args(&address), &mut Output::of_process(), stop).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address) && error.to_string().contains("--listen"), "{error}");
    }
}
