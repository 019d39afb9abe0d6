//! Two checks against pages of other sites that send requests to this server through a visitor's browser.

use std::net::IpAddr;

use hyper::header::{self, HeaderMap};
use hyper::{StatusCode, Uri};

use super::access::Refused;
use crate::telemetry::Refusal;

/// Against DNS rebinding: a page of another site can make its own name resolve to this machine and then read what
/// only local requests may. It cannot keep the browser from sending that name.
pub(super) fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
    let named = headers.get(header::HOST).map(|value| value.to_str().unwrap_or("?"));
    let is_ours = |name: &str| {
        let host = without_port(name);
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.to_ascii_lowercase();
        host.parse::<IpAddr>().is_ok() || host == "localhost" || host.ends_with(".localhost")
    };
    // An absolute address in the request line takes precedence over the header.
    let named = uri.authority().map(|authority| authority.as_str()).or(named);
    match named {
        Some(name) if !is_ours(name) => Err(Refused {
            reason: Refusal::Host,
            status: StatusCode::MISDIRECTED_REQUEST,
            what: "this server answers to localhost and to addresses; ask for it by one of them\n",
            wait: None,
        }),
        _ => Ok(()),
    }
}

fn without_port(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => name,
    }
}

/// Against cross-site requests: browsers name the origin of every request that changes something.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let authority =
        |origin: &str| origin.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase());
    let own = text("host").map(str::to_ascii_lowercase);
    let is_own_origin =
        text("origin").is_none_or(|origin| authority(origin).is_some_and(|from| Some(from) == own));
    let is_own_site = text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    if is_own_origin && is_own_site {
        return Ok(());
    }
    Err(Refused {
        reason: Refusal::Origin,
        status: StatusCode::FORBIDDEN,
        what: "a page of another site may not act here\n",
        wait: None,
    })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn a_name_that_anyone_can_point_here_is_not_ours() {
        let refused = |host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            check_host(&Uri::from_static("/"), &headers).is_err()
        };
        for ours in [
            "localhost",
            "localhost:9430",
            "LOCALHOST:1",
            "dccd.localhost",
            "127.0.0.1:9430",
            "[::1]:9430",
            "[::1]",
            "10.1.2.3",
        ] {
            assert!(!refused(ours), "{ours}");
        }
        for other in [
            "evil.example",
            "evil.example:9430",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            "x:y",
            "evil.example:",
        ] {
            assert!(refused(other), "{other}");
        }
        let ours = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))]);
        assert!(check_host(&Uri::from_static("http://evil.example/"), &ours).is_err());
        assert!(check_host(&Uri::from_static("/"), &HeaderMap::new()).is_ok());
    }

    #[test]
    fn only_a_page_of_our_own_may_act() {
        let refused = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("localhost:9430"));
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            check_origin(&headers).is_err()
        };
        assert!(!refused(&[]));
        assert!(!refused(&[("origin", "http://localhost:9430"), ("sec-fetch-site", "same-origin")]));
        assert!(!refused(&[("origin", "http://LOCALHOST:9430")]));
        for origin in ["http://localhost", "http://localhost:9431", "https://evil.example", "null", ""] {
            assert!(refused(&[("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert!(refused(&[("sec-fetch-site", site)]), "{site}");
        }
    }
}
