//! Asking whether the remotes answer: rclone is run, an S3 service is asked.

use std::io;
use std::time::Duration;

use crate::api::OnlineCheck;
use crate::config::Remote;
use crate::engine::target;
use crate::remote::{Ended, Provider, S3, Target, mask, run_program};

const VERSION_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// rclone's code for a folder that does not exist, which the first copy makes.
const NO_FOLDER: i32 = 3;

/// Asks the remote at a place of `storage.remotes`.
pub(super) async fn ask(place: usize, remote: Remote) -> Vec<OnlineCheck> {
    let about = format!("storage.remotes[{place}]");
    let target = target(&remote);
    vec![match target.provider {
        Provider::Rclone => rclone(about, &target).await,
        Provider::S3 => s3(about, &target).await,
    }]
}

async fn s3(about: String, target: &Target) -> OnlineCheck {
    let probing = async { S3::new(target)?.probe().await };
    match tokio::time::timeout(ANSWER_WITHIN, probing).await {
        Ok(Ok(())) => OnlineCheck::ok(about, "answers"),
        Ok(Err(error)) => OnlineCheck::failed(about, error.to_string()),
        Err(_) => OnlineCheck::failed(about, format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
    }
}

async fn rclone(about: String, target: &Target) -> OnlineCheck {
    let version = match run_program("rclone", &["version"], VERSION_WITHIN, None).await {
        Ok(ended) if ended.is_ok() => ended.out.lines().next().unwrap_or("rclone").to_owned(),
        Ok(ended) => return OnlineCheck::failed(about, refusal("rclone version", &ended, target)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return OnlineCheck::failed(about, "rclone is not installed, or not on the PATH; install it");
        }
        Err(error) => return OnlineCheck::failed(about, format!("rclone cannot be run: {error}")),
    };
    // After `--`, an address that begins with a dash is no option.
    let asked = ["lsd", "--max-depth=1", "--retries=1", "--low-level-retries=1", "--", &target.address];
    match run_program("rclone", &asked, ANSWER_WITHIN, None).await {
        Ok(ended) if ended.is_ok() => OnlineCheck::ok(about, format!("answers ({version})")),
        Ok(ended) if ended.code == Some(NO_FOLDER) => {
            OnlineCheck::ok(about, format!("answers ({version}); its folder is not there yet"))
        }
        Ok(ended) => OnlineCheck::failed(about, refusal("rclone lsd", &ended, target)),
        Err(error) => OnlineCheck::failed(about, format!("rclone lsd: {error}")),
    }
}

/// Why rclone refused, by its last line. A connection string may hold credentials, and rclone repeats it.
fn refusal(what: &str, ended: &Ended, target: &Target) -> String {
    let code = ended.code_text();
    if target.provider == Provider::Rclone && target.is_connection_string() {
        return format!("{what} ended with {code}; run it by hand, as its words may hold credentials");
    }
    format!("{what} ended with {code}: {}", mask(&ended.err, &[]))
}
