//! Families of the configuration in force.

use prometheus::{Gauge, IntCounterVec, IntGauge};

use super::register::Register;

/// Families of loaded configurations.
pub(crate) struct Reloads {
    pub(crate) ended: IntCounterVec,
    pub(crate) successful: IntGauge,
    pub(crate) last_success: Gauge,
    pub(crate) waiting: IntGauge,
}

impl Reloads {
    pub(super) fn new(add: &Register<'_>) -> Self {
        let reloads = Reloads {
            ended: add.counters(
                "config_loads_total",
                "Configurations read, the one of the start included, by outcome: accepted, refused.",
                &["outcome"],
            ),
            successful: add.count_gauge(
                "config_last_reload_successful",
                "1 if the configuration that was read last is in force.",
            ),
            last_success: add.gauge(
                "config_last_reload_success_timestamp_seconds",
                "When the configuration in force was read, in seconds since 1970.",
            ),
            waiting: add.count_gauge(
                "config_settings_awaiting_restart",
                "Changed settings of the configuration in force that apply at the next start only.",
            ),
        };
        for outcome in ["accepted", "refused"] {
            reloads.ended.with_label_values(&[outcome]);
        }
        reloads
    }
}
