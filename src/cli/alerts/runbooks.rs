//! `dccd alerts runbook`: the page of an alert, where no browser is at hand.

use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::output::Output;

/// Print what an alert means, what to look at and what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd alerts runbook DccdDown"]))]
pub(super) struct Args {
    /// The alert, such as DccdDown; all of them are listed without one.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(PAGES.map(|(name, _)| name)))]
    alert: Option<String>,
}

macro_rules! pages {
    ($($name:ident)+) => {
        [$((stringify!($name), include_str!(concat!("../../../docs/runbooks/", stringify!($name), ".md")))),+]
    };
}

/// Every alert and its page, sorted.
const PAGES: [(&str, &str); COUNT] = pages! {
    DccdAbsent
    DccdAllExchangesFailing
    DccdBookBreaksOften
    DccdBookOutOfStep
    DccdBookWrong
    DccdBucketBehind
    DccdCertificateExpiring
    DccdClockSkew
    DccdCollectStale
    DccdConfigReloadFailed
    DccdConsecutiveErrors
    DccdDiskFillingUp
    DccdDiskFull
    DccdDiskLow
    DccdDown
    DccdExchangeBanned
    DccdExchangeFailing
    DccdExchangeThrottling
    DccdFdExhaustion
    DccdFileMissing
    DccdFileQuarantined
    DccdGapsOpen
    DccdHeartbeatStale
    DccdHttpErrorBudgetBurnFast
    DccdHttpErrorBudgetBurnSlow
    DccdHttpLatencyHigh
    DccdJobMissed
    DccdJobNeverSucceeded
    DccdJournalNotDurable
    DccdJournalRefusing
    DccdJournalTorn
    DccdLeaseStuck
    DccdLeasesLost
    DccdLogErrors
    DccdNotificationsFailing
    DccdOwnershipFlapping
    DccdPrometheusNoAlertmanager
    DccdPublishFailing
    DccdQueueBacklog
    DccdQueueDropping
    DccdQueueNearlyFull
    DccdRateLimitSaturated
    DccdRestartLoop
    DccdRoomNotMade
    DccdRowsInvalid
    DccdRowsSetAside
    DccdRuleEvaluationFailing
    DccdScheduleDelay
    DccdSchedulerStalled
    DccdSeriesEmpty
    DccdSeriesLimitHit
    DccdSeriesStale
    DccdSeriesUnowned
    DccdSignInsRefused
    DccdStateStoreRebuilt
    DccdStatusFileNotWritten
    DccdStreamHolesStay
    DccdStreamLag
    DccdStreamReconnectStorm
    DccdStreamRefused
    DccdStreamStale
    DccdStreamsDown
    DccdSyncFailing
    DccdSyncStale
    DccdTasksExhausted
    DccdTestAlert
    DccdTextfileUnreadable
    DccdTraceExportFailing
    DccdWatchdog
    DccdWebConfigReloadFailed
    DccdWorkerDead
};

const COUNT: usize = 71;

/// Prints a page, or the names of all.
pub(super) fn run(args: &Args, out: &mut Output) -> Exit {
    match &args.alert {
        None => PAGES.iter().for_each(|(name, _)| out.line(name)),
        Some(wanted) => {
            PAGES.iter().filter(|(name, _)| name == wanted).for_each(|(_, page)| out.text(page));
        }
    }
    Exit::Done
}
