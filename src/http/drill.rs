//! A fire drill of the alerts, asked for over the socket or with a token.

use std::time::Duration;

use hyper::StatusCode;

use super::App;
use super::actions::read;
use super::routes::{Asked, Reply, json};
use crate::engine::wire::{AlertAsked, AlertTested};
use crate::telemetry::events::TestAlertSet;

/// The longest a drill lasts.
const LONGEST: u64 = 3_600;

/// Raises the test alert for so many seconds; for none lowers it.
pub(super) fn test_alert(app: &App, asked: &Asked) -> Reply {
    let AlertAsked { secs } = match read(asked) {
        Ok(asked) => asked,
        Err(reply) => return *reply,
    };
    let secs = secs.min(LONGEST);
    app.telemetry.emit(TestAlertSet { lasting: Duration::from_secs(secs) });
    json(StatusCode::OK, &AlertTested { secs })
}
