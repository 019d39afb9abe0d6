//! The client of a bucket: its address, its credentials, its time-outs.

use std::collections::BTreeMap;
use std::sync::Once;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::{S3, Secrets};
use crate::remote::credentials::{Profile, profile};
use crate::remote::{RemoteError, Target, mask};

/// The time limit of one request: long enough to send a part at 50 kB/s.
const ANSWER_WITHIN: Duration = Duration::from_secs(180);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a request is retried after temporary errors.
const RETRY_WITHIN: Duration = Duration::from_secs(30);
const RETRIES: usize = 2;
impl S3 {
    /// The bucket of a target, with credentials of the `AWS_*` variables, the shared files, or the machine's role.
    ///
    /// # Errors
    /// If the address or the endpoint is invalid.
    pub fn new(target: &Target) -> Result<Self, RemoteError> {
        S3::with_environment(target, &std::env::vars().collect())
    }

    /// Like [`S3::new`], with another environment than the process's.
    ///
    /// # Errors
    /// If the address or the endpoint is invalid.
    pub fn with_environment(
        target: &Target,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, RemoteError> {
        install_tls();
        let name = target.name();
        let refused = |said: String| RemoteError::Refused {
            remote: name.clone(),
            action: "being set up".to_owned(),
            said,
        };
        let address = target.address.strip_prefix("s3://").filter(|rest| !rest.starts_with('/'));
        let address = address.ok_or_else(|| refused("write it as s3://bucket/prefix".to_owned()))?;
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        let env = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let profile = if env("AWS_ACCESS_KEY_ID").is_some() { Profile::default() } else { profile(&env) };
        let secrets = [env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN")]
            .into_iter()
            .chain([profile.secret.clone(), profile.token.clone()])
            .flatten()
            .collect();
        let builder = builder(&profile, target.endpoint.as_deref(), variables);
        let client = builder.with_bucket_name(bucket).build();
        let secrets = Secrets(secrets);
        let client = client.map_err(|error| refused(mask(&error.to_string(), &secrets.0)))?;
        Ok(S3 { name, prefix: prefix.trim_matches('/').to_owned(), client, secrets })
    }
}

fn builder(
    profile: &Profile,
    endpoint: Option<&str>,
    variables: &BTreeMap<String, String>,
) -> AmazonS3Builder {
    let options = ClientOptions::new()
        .with_timeout(ANSWER_WITHIN)
        .with_connect_timeout(CONNECT_WITHIN)
        .with_allow_http(
            endpoint.is_some_and(|url| url.starts_with("http://"))
                || variables.get("AWS_ALLOW_HTTP").is_some_and(|value| value == "true"),
        );
    let retry =
        RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: RETRY_WITHIN };
    let mut builder = AmazonS3Builder::new().with_client_options(options).with_retry(retry);
    for (name, value) in variables.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let (Some(key_id), Some(secret)) = (&profile.key_id, &profile.secret) {
        builder = builder.with_access_key_id(key_id).with_secret_access_key(secret);
    }
    if let Some(token) = &profile.token {
        builder = builder.with_token(token);
    }
    let is_set = |name: &str| variables.contains_key(name);
    match &profile.region {
        Some(region) if !is_set("AWS_REGION") && !is_set("AWS_DEFAULT_REGION") => builder.with_region(region),
        _ => builder,
    }
}

/// Installs ring as the process's cryptography provider, unless there is one.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that another provider is installed, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
