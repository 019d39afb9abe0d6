//! Converts work to and from the shape in which a command sends it to the daemon.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{WireSince, WireWork};
use crate::engine::{Work, WorkKind};
use crate::jobs::{Order, Precedence, Retry, Since};
use crate::model::Micros;

impl From<&Work> for WireWork {
    fn from(work: &Work) -> Self {
        let order = &work.order;
        WireWork {
            series: order.series.to_string(),
            since: match order.since {
                Since::Exactly(at) => WireSince::Exactly(at.0),
                Since::AtLeast(at) => WireSince::AtLeast(at.0),
                Since::Origin => WireSince::Origin,
                Since::Known => WireSince::Known,
            },
            until: order.until.map(|until| until.0),
            attempts: order.retry.attempts,
            retry_delay_secs: order.retry.delay.as_secs_f64(),
            depth: order.depth,
            check_files: matches!(work.kind, WorkKind::Repair),
        }
    }
}

impl TryFrom<WireWork> for Work {
    type Error = String;

    fn try_from(wire: WireWork) -> Result<Self, String> {
        let series = wire.series.parse().map_err(|error| format!("series: {error}"))?;
        if !(1..=10).contains(&wire.attempts) {
            return Err(format!("attempts: {} is not from 1 to 10", wire.attempts));
        }
        if !(0.0..=86_400.0).contains(&wire.retry_delay_secs) {
            return Err("retry_delay_secs: it must be from 0 to 86400".to_owned());
        }
        let order = Order {
            series: Arc::new(series),
            since: match wire.since {
                WireSince::Exactly(at) => Since::Exactly(Micros(at)),
                WireSince::AtLeast(at) => Since::AtLeast(Micros(at)),
                WireSince::Origin => Since::Origin,
                WireSince::Known => Since::Known,
            },
            until: wire.until.map(Micros),
            retry: Retry { attempts: wire.attempts, delay: Duration::from_secs_f64(wire.retry_delay_secs) },
            depth: wire.depth,
            precedence: Precedence::Ordinary,
        };
        Ok(if wire.check_files { Work::repair(order) } else { Work::fetch(order) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_comes_out_of_its_wire_shape_as_it_went_in() {
        for since in [Since::Exactly(Micros(7)), Since::AtLeast(Micros(-7)), Since::Origin, Since::Known] {
            let order = Order {
                series: Arc::new("binance/BTC-USDT/ohlc/1h".parse().unwrap()),
                since,
                until: Some(Micros(9)),
                retry: Retry { attempts: 3, delay: Duration::from_millis(2_500) },
                depth: 50,
                precedence: Precedence::Ordinary,
            };
            let text = serde_json::to_string(&WireWork::from(&Work::repair(order.clone())));
            let back: WireWork = serde_json::from_str(&text.unwrap()).unwrap();
            let back = Work::try_from(back).unwrap();
            assert_eq!(back.order, order);
            assert!(matches!(back.kind, WorkKind::Repair));
        }
    }

    #[test]
    fn work_that_cannot_be_is_refused_with_its_place() {
        let text = |series: &str, attempts: u32| {
            format!(
                r#"{{"series":"{series}","since":"known","until":null,"attempts":{attempts},"retry_delay_secs":1,"depth":50,"check_files":false}}"#
            )
        };
        let refused = |text: String| {
            let wire: WireWork = serde_json::from_str(&text).unwrap();
            Work::try_from(wire).unwrap_err()
        };
        assert!(refused(text("nothing", 3)).starts_with("series: "));
        assert!(refused(text("binance/BTC-USDT/ohlc/1h", 11)).starts_with("attempts: "));
        assert!(serde_json::from_str::<WireWork>(r#"{"series":"x","and":1}"#).is_err());
    }
}
