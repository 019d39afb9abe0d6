//! Binance's WebSocket streams, server side, of all three markets: what is asked for and how it is answered.
//!
//! Source: Binance spot API documentation, "WebSocket Streams"; USD-M and COIN-M futures documentation, "Websocket
//! Market Streams". A stream that does not exist is acknowledged like any other, and silent.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::Micros;
use crate::sim::asked::World;
use crate::sim::quarter;
use crate::sim::query::Query;
use crate::sim::venues::binance::frames;
use crate::sim::venues::binance::window::INTERVALS;
use crate::sim::ws::{Flow, Limits, Protocol, Rows, Source, Talk, Topic};

/// The most streams of a connection.
const STREAMS: usize = 1_024;

/// Which of its markets a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    Spot,
    UsdM,
    CoinM,
    /// A path of USD-margined contracts that has neither trades nor candles, but books.
    Elsewhere,
}

/// One connection.
pub(super) struct Live {
    branch: Branch,
    /// Whether frames are wrapped and name their stream.
    is_combined: bool,
    /// The streams its address names.
    named: Vec<String>,
}

/// A message from a client.
#[derive(Deserialize)]
struct Request<'a> {
    method: &'a str,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

impl Live {
    /// A connection to `/ws`, `/ws/STREAM` or `/stream?streams=A/B`.
    pub(super) fn of_address(branch: Branch, path: &str, query: Query<'_>) -> Option<Box<dyn Protocol>> {
        let (is_combined, named) = match path.strip_prefix("/ws") {
            Some(own) if own.is_empty() || own.starts_with('/') => (false, own.trim_start_matches('/')),
            _ if path == "/stream" => (true, query.get("streams").unwrap_or_default()),
            _ => return None,
        };
        let named = percent_decode_str(named).decode_utf8().ok()?;
        let named = named.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Box::new(Live { branch, is_combined, named }))
    }

    /// The topic of a stream's name.
    fn topic(&self, world: &World, now: Micros, name: &str) -> Topic {
        let parsed = name.split_once('@').and_then(|(symbol, channel)| {
            let flow = self.flow(channel)?;
            let source = match channel.starts_with("continuousKline") {
                true => contracts(world, symbol)?,
                false => self.source(world, now, symbol)?,
            };
            Some(Topic::new(name, source, flow))
        });
        parsed.unwrap_or_else(|| Topic::silent(name))
    }

    fn flow(&self, channel: &str) -> Option<Flow> {
        let futures = matches!(self.branch, Branch::UsdM | Branch::CoinM);
        let is_book = channel == "depth@100ms";
        match self.branch {
            Branch::Elsewhere => return is_book.then_some(Flow::Book { depth: None }),
            Branch::UsdM => {}
            Branch::Spot | Branch::CoinM if is_book => return Some(Flow::Book { depth: None }),
            Branch::Spot | Branch::CoinM => {}
        }
        if channel == "aggTrade" {
            return Some(Flow::Trades);
        }
        let (kind, interval) = channel.split_once('_')?;
        if kind != "kline" && !(futures && kind == "continuousKline") {
            return None;
        }
        let (_, span) = INTERVALS.iter().find(|(known, _)| *known == interval)?;
        let every = match (futures, span.secs()) {
            (true, _) => Duration::from_millis(250),
            (false, 1) => Duration::from_secs(1),
            (false, _) => Duration::from_secs(2),
        };
        Some(Flow::Candles { grid: span.grid(), every })
    }

    /// The market of `btcusdt`, `btcusdt_240329` or `btcusd_perp`; names are written small.
    fn source(&self, world: &World, now: Micros, name: &str) -> Option<Source> {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let name = name.to_ascii_uppercase();
        let (pair, date) = name.split_once('_').unwrap_or((&name, ""));
        let listed = |symbol: &str| world.market(symbol).map(|market| market.symbol().to_owned());
        let (symbol, ends) = match (self.branch, date) {
            (Branch::CoinM, "PERP") | (Branch::Spot | Branch::UsdM | Branch::Elsewhere, "") => {
                (listed(pair)?, None)
            }
            (Branch::UsdM | Branch::CoinM | Branch::Elsewhere, date) if !date.is_empty() => {
                let end = quarter::end_named(now, |end| quarter::date(end) == date)?;
                (listed(&format!("{pair}{date}")).or_else(|| listed(pair))?, Some(end))
            }
            _ => return None,
        };
        Some(Source::Symbol { symbol, ends })
    }

    /// Subscribes to streams in the order they were named; all or none.
    fn subscribe(&self, names: &[String], id: &str, talk: &mut Talk<'_>) {
        let new = names.iter().filter(|name| !talk.topics.iter().any(|own| own.name == **name)).count();
        let refused = names.iter().filter(|_| talk.refuses()).count() > 0;
        if refused || talk.is_full(new) {
            names.iter().for_each(|_| talk.refused());
            return talk.say(r#"{"code": 2, "msg": "Invalid request: too many parameters"}"#);
        }
        talk.say(format!(r#"{{"result":null,"id":{id}}}"#));
        for name in names {
            let topic = self.topic(talk.world, talk.now, name);
            talk.subscribe(topic);
        }
    }
}

/// The contracts of `btcusdt_perpetual`, `btcusdt_current_quarter` or `btcusdt_next_quarter`.
fn contracts(world: &World, name: &str) -> Option<Source> {
    let (pair, kind) = name.split_once('_')?;
    let pair = world.market(&pair.to_ascii_uppercase())?.symbol().to_owned();
    Some(match kind {
        "perpetual" => Source::Symbol { symbol: pair, ends: None },
        "current_quarter" => Source::Quarters { pair, next: false },
        "next_quarter" => Source::Quarters { pair, next: true },
        _ => return None,
    })
}

impl Protocol for Live {
    fn limits(&self) -> Limits {
        let is_spot = self.branch == Branch::Spot;
        let secs = Duration::from_secs;
        Limits {
            connects: Some((300, secs(300))),
            messages: Some((if is_spot { 5 } else { 10 }, secs(1))),
            topics: STREAMS,
            ping: Some(if is_spot { (secs(20), secs(60)) } else { (secs(180), secs(600)) }),
            ..Limits::NONE
        }
    }

    fn open(&mut self, talk: &mut Talk<'_>) {
        for name in std::mem::take(&mut self.named) {
            if !talk.is_full(1) {
                let topic = self.topic(talk.world, talk.now, &name);
                talk.subscribe(topic);
            }
        }
    }

    fn hear(&mut self, text: &str, talk: &mut Talk<'_>) {
        let request = match serde_json::from_str::<Request<'_>>(text) {
            Ok(request) => request,
            Err(error) if error.is_data() => {
                return talk.say(format!(r#"{{"code": 2, "msg": "Invalid request: {error}"}}"#));
            }
            Err(error) => return talk.say(format!(r#"{{"code":3,"msg":"Invalid JSON: {error}"}}"#)),
        };
        let id = request.id.map_or("null", RawValue::get);
        let names = request.params.and_then(|params| serde_json::from_str::<Vec<String>>(params.get()).ok());
        match (request.method, names) {
            ("SUBSCRIBE", Some(names)) => self.subscribe(&names, id, talk),
            ("UNSUBSCRIBE", Some(names)) => {
                names.iter().for_each(|name| {
                    talk.unsubscribe(name);
                });
                talk.say(format!(r#"{{"result":null,"id":{id}}}"#));
            }
            ("LIST_SUBSCRIPTIONS", _) => {
                let names: Vec<&str> = talk.topics.iter().map(|topic| topic.name.as_str()).collect();
                let names = serde_json::to_string(&names).unwrap_or_default();
                talk.say(format!(r#"{{"result":{names},"id":{id}}}"#));
            }
            ("SUBSCRIBE" | "UNSUBSCRIBE", None) => {
                talk.say(r#"{"code": 2, "msg": "Invalid request: property name must be a string"}"#);
            }
            (other, _) => talk.say(format!(
                r#"{{"code": 2, "msg": "Invalid request: unknown variant `{other}`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"}}"#
            )),
        }
    }

    fn frame(&self, rows: &Rows<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        if self.is_combined {
            out.extend_from_slice(b"{\"stream\":\"");
            out.extend_from_slice(rows.topic.name.as_bytes());
            out.extend_from_slice(b"\",\"data\":");
        }
        frames::row(&mut out, self.branch == Branch::Spot, self.branch == Branch::CoinM, rows);
        if self.is_combined {
            out.push(b'}');
        }
        out
    }

    fn notice(&self, now: Micros) -> Option<String> {
        let notice = format!(r#"{{"e":"serverShutdown","E":{}}}"#, now.millis_floor());
        Some(match self.is_combined {
            true => format!(r#"{{"stream":"!serverShutdown","data":{notice}}}"#),
            false => notice,
        })
    }
}
