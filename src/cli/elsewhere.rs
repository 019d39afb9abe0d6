//! Commands and options of the Python dccd that this program does not have, each answered with its replacement.

use std::net::IpAddr;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::cli::start;

/// The monitor page alone, as in versions 2 and 3.
#[derive(Debug, clap::Args)]
pub(super) struct Ui {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

impl Ui {
    pub(super) fn refuse(&self, out: &mut Output) -> Exit {
        out.fail(
            Exit::Usage,
            "the monitor page has no command of its own: `dccd start` serves it at the addresses of `http.listen`",
        )
    }
}

impl start::Args {
    /// Whether an address is given that belongs in the configuration.
    pub(super) fn names_an_address(&self) -> bool {
        self.host.is_some() || self.port.is_some()
    }

    pub(super) fn refuse(&self, out: &mut Output) -> Exit {
        let (host, port) = (self.host.as_deref().unwrap_or("127.0.0.1"), self.port.unwrap_or(9_430));
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let host = match address {
            Some(IpAddr::V6(address)) => format!("[{address}]"),
            _ => host.to_owned(),
        };
        let also = match address {
            Some(address) if !address.is_loopback() => {
                ", and `token_file`, `web_config` or `allow_unauthenticated: true` beside it, as other machines reach it"
            }
            _ => "",
        };
        out.fail(
            Exit::Usage,
            format!(
                "the address stands in the configuration: write `http: {{listen: [\"{host}:{port}\"]}}` there{also}, then \
                 run `dccd start`"
            ),
        )
    }
}
