//! The web configuration: in force or refused, and no message shows a value that may be secret.

use super::folder;
use super::seeds;
use crate::http::Auth;
use crate::model::is_hidden;

pub(super) fn run(bytes: &[u8]) {
    folder::with(|folder| {
        let path = folder.put("web.yml", bytes);
        if let Err(error) = Auth::default().with_web_config(&path) {
            let text = error.to_string();
            assert!(!text.is_empty() && text.len() <= 16 << 10, "{} bytes", text.len());
            let shown = text.chars().filter(|c| *c != '\n').find(|c| is_hidden(*c));
            assert!(shown.is_none(), "{text:?}");
        }
    });
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::below(&seeds::root().join("packaging"), ".yml");
    seeds.extend(SHORT.map(|text| text.as_bytes().to_vec()));
    seeds
}

const SHORT: [&str; 4] = [
    "basic_auth_users: {ann: '$2y$04$eKMBXYK9NMDOUS1TKMYGM.PKhYpxoIKpAAEg9dqHtkvYwTsvzFvuC'}\n",
    "http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=1\n",
    "tls_server_config: {cert_file: a.crt, key_file: a.key, min_version: TLS12, client_auth_type: RequireAndVerifyClientCert}\n",
    "basic_auth_users:\nhttp_server_config:\ntls_server_config:\n",
];
