//! Notifications of an outage, whatever its kind: one when it begins and one when it is over, with the shipped
//! files as they are but for the addresses that a user sets.
//!
//! The long form lets all of them happen side by side and takes as long as the longest of them.

mod exchanges;
mod machine;
mod site;

use std::thread;

use tokio::runtime::Runtime;

use crate::needs;
use crate::overlay::Timing;

/// Everything that is started for an outage.
const PROGRAMS: [&str; 4] = ["prometheus", "prometheus-alertmanager", "rclone", "mount"];

/// Lets some outages happen side by side, each with programs of its own; fails with those that were told of wrongly.
macro_rules! side_by_side {
    ($timing:expr, $($outage:path),+ $(,)?) => {{
        let running = [$((stringify!($outage), thread::spawn(|| runtime().block_on($outage($timing))))),+];
        let failed: Vec<&str> =
            running.into_iter().filter_map(|(name, outage)| outage.join().is_err().then_some(name)).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }};
}

#[test]
fn each_of_three_outages_is_one_message_and_one_resolved() {
    if needs::programs(&PROGRAMS) {
        side_by_side!(
            Timing::Quick,
            exchanges::minutes,
            exchanges::every_exchange,
            exchanges::during_a_restart,
        );
    }
}

#[test]
fn with_the_shipped_timings_each_outage_is_one_message_and_one_resolved() {
    if needs::is_left_to_siege() || !needs::programs(&PROGRAMS) {
        return;
    }
    side_by_side!(
        Timing::Shipped,
        exchanges::seconds,
        exchanges::minutes,
        exchanges::within_the_first_ten_minutes,
        exchanges::one_exchange_of_two,
        exchanges::every_exchange,
        exchanges::again_and_again,
        exchanges::during_a_restart,
        exchanges::while_the_daemon_is_down,
        machine::a_full_disk,
        machine::a_remote,
        machine::a_stuck_job,
        machine::the_state_store,
        machine::a_bad_reload,
    );
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}
