//! The receiver of Alertmanager that fits the address of a webhook. Pure.

use reqwest::Url;

/// The kind of receiver, as far as its address shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Slack itself.
    Slack,
    /// Discord, which understands Slack's messages behind an address of its own.
    Discord,
    /// Mattermost, which understands Slack's messages as they are.
    Mattermost,
    /// Anything else: it gets Alertmanager's own JSON.
    Webhook,
}

/// A receiver, and the secret it needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Receiver {
    pub(super) service: Service,
    /// The address to post to.
    pub(super) url: String,
}

impl Receiver {
    /// The receiver for an address.
    pub(super) fn of(url: &str) -> Receiver {
        let service = Url::parse(url).map_or(Service::Webhook, |url| Service::at(&url));
        let url = match service {
            Service::Discord if !url.ends_with("/slack") => format!("{}/slack", url.trim_end_matches('/')),
            _ => url.to_owned(),
        };
        Receiver { service, url }
    }

    /// Whether its address can lie in a file of its own. Alertmanager reads that of a plain webhook only from
    /// its configuration.
    pub(super) fn is_by_file(&self) -> bool {
        self.service != Service::Webhook
    }
}

impl Service {
    fn at(url: &Url) -> Service {
        let host = url.host_str().unwrap_or_default();
        let is_of = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
        if is_of("slack.com") || is_of("slack-gov.com") {
            Service::Slack
        } else if is_of("discord.com") || is_of("discordapp.com") {
            Service::Discord
        } else if is_of("mattermost.com") || host.starts_with("mattermost.") || is_hook(url.path()) {
            Service::Mattermost
        } else {
            Service::Webhook
        }
    }

    /// Its name in the configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Service::Slack => "slack",
            Service::Discord => "discord",
            Service::Mattermost => "mattermost",
            Service::Webhook => "webhook",
        }
    }
}

/// Whether a path is `/hooks/` and the 26 letters and digits of Mattermost's ids.
fn is_hook(path: &str) -> bool {
    let id = path.rsplit_once("/hooks/").map_or("", |(_, id)| id);
    id.len() == 26 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_gets_the_receiver_that_fits_its_host() {
        let hook = "https://chat.example.org/hooks/xkd8z3o9ti8uzg4tadp9w1xjge";
        for (url, service, posted) in [
            (
                "https://hooks.slack.com/services/T0/B0/x",
                Service::Slack,
                "https://hooks.slack.com/services/T0/B0/x",
            ),
            (
                "https://discord.com/api/webhooks/1/x",
                Service::Discord,
                "https://discord.com/api/webhooks/1/x/slack",
            ),
            (
                "https://discordapp.com/api/webhooks/1/x/slack",
                Service::Discord,
                "https://discordapp.com/api/webhooks/1/x/slack",
            ),
            (hook, Service::Mattermost, hook),
            (
                "https://mattermost.example.org/hooks/x",
                Service::Mattermost,
                "https://mattermost.example.org/hooks/x",
            ),
            ("https://example.org/hooks/x", Service::Webhook, "https://example.org/hooks/x"),
            ("https://notslack.com/x", Service::Webhook, "https://notslack.com/x"),
            ("https://slack.com.example.org/x", Service::Webhook, "https://slack.com.example.org/x"),
        ] {
            assert_eq!(Receiver::of(url), Receiver { service, url: posted.to_owned() }, "{url}");
        }
    }
}
