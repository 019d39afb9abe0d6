//! Families of tasks, their attempts, and workers.

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec};

use super::register::Register;

/// The states of a task, as label values.
const STATUSES: [&str; 6] = ["pending", "in_progress", "failed", "exhausted", "succeeded", "ignored"];
/// The outcomes of attempts, as label values.
const OUTCOMES: [&str; 6] = ["succeeded", "failed", "lease_lost", "rate_limited", "given_back", "cancelled"];
/// The states of a worker, as label values.
const STATES: [&str; 3] = ["healthy", "stale", "dead"];
/// The operations of the tracker on its store, as label values.
const OPERATIONS: [&str; 17] = [
    "beat", "cancel", "claim", "complete", "enqueue", "fold", "ignore", "leave", "own", "prune", "read",
    "reap", "recount", "renew", "retry", "settle", "unlock",
];

/// Tasks by state, attempts, and workers.
pub(crate) struct Tasks {
    pub(crate) tasks: GaugeVec,
    pub(crate) due: GaugeVec,
    pub(crate) oldest_due: GaugeVec,
    pub(crate) planned: IntCounterVec,
    pub(crate) claims: IntCounterVec,
    pub(crate) attempts: IntCounterVec,
    pub(crate) exhaustions: IntCounterVec,
    pub(crate) leases_lost: IntCounterVec,
    pub(crate) pruned: IntCounter,
    pub(crate) corrections: IntCounter,
    pub(crate) failures: IntCounterVec,
    pub(crate) heartbeat: Gauge,
    pub(crate) loop_lag: Gauge,
    pub(crate) held: Gauge,
    pub(crate) workers: GaugeVec,
    pub(crate) store_set_aside: Gauge,
}

impl Tasks {
    pub(super) fn new(add: &Register<'_>) -> Self {
        let exchange = &["exchange"];
        let tasks = Tasks {
            tasks: add.gauges("tasks", "Tasks of an exchange by state.", &["exchange", "status"]),
            due: add.gauges(
                "tasks_due",
                "Tasks that wait although their time has come: the depth of the queue.",
                exchange,
            ),
            oldest_due: add.gauges(
                "task_oldest_due_timestamp_seconds",
                "Since when the task that waits longest is due, in seconds since 1970; 0 where none is.",
                exchange,
            ),
            planned: add.counters("tasks_planned_total", "Tasks planned, or planned again.", exchange),
            claims: add.counters("task_claims_total", "Attempts begun at tasks.", exchange),
            attempts: add.counters(
                "task_attempts_total",
                "Attempts at tasks that ended, by outcome.",
                &["exchange", "outcome"],
            ),
            exhaustions: add.counters(
                "task_exhaustions_total",
                "Tasks that failed as often as they may.",
                exchange,
            ),
            leases_lost: add.counters(
                "task_leases_lost_total",
                "Leases taken from a worker that had stopped renewing them.",
                exchange,
            ),
            pruned: add.counter("tasks_pruned_total", "Tasks forgotten long after they ended."),
            corrections: add.counter(
                "task_counts_corrected_total",
                "Kept counts of tasks that were found wrong and made true.",
            ),
            failures: add.counters(
                "tracker_failures_total",
                "Operations of the tracker that its store failed, by operation.",
                &["operation"],
            ),
            heartbeat: add.gauge(
                "worker_heartbeat_timestamp_seconds",
                "The last sign of life this process wrote to the store, in seconds since 1970.",
            ),
            loop_lag: add.gauge(
                "worker_loop_lag_seconds",
                "How late the loop was that renews leases, when it last went round.",
            ),
            held: add.gauge("worker_held_tasks", "Tasks this process holds under a lease."),
            workers: add.gauges(
                "workers",
                "Processes that take tasks from this store, by state.",
                &["state"],
            ),
            store_set_aside: add.gauge(
                "state_store_set_aside_timestamp_seconds",
                "When the state store was last found damaged, set aside and made anew, in seconds since 1970; 0 where never.",
            ),
        };
        for operation in OPERATIONS {
            tasks.failures.with_label_values(&[operation]);
        }
        for state in STATES {
            tasks.workers.with_label_values(&[state]);
        }
        tasks
    }

    /// Creates the label sets of an exchange, each at 0.
    pub(super) fn declare(&self, exchange: &str) {
        for status in STATUSES {
            self.tasks.with_label_values(&[exchange, status]);
        }
        for outcome in OUTCOMES {
            self.attempts.with_label_values(&[exchange, outcome]);
        }
        for gauges in [&self.due, &self.oldest_due] {
            gauges.with_label_values(&[exchange]);
        }
        for counters in [&self.planned, &self.claims, &self.exhaustions, &self.leases_lost] {
            counters.with_label_values(&[exchange]);
        }
    }
}
