//! The `tls_server_config` section of a web configuration, checked and turned into rustls settings.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use serde::Deserialize;

use super::certificate;
use super::client_policy::{ClientPolicy, Demand};
use crate::model::Micros;

/// Larger files are rejected.
const SIZE_LIMIT_BYTES: u64 = 1 << 20;

/// The section as it stands in the file; an empty text counts as absent.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Section {
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    client_auth_type: Option<String>,
    client_ca_file: Option<PathBuf>,
    client_allowed_sans: Option<Vec<String>>,
    cipher_suites: Option<Vec<String>>,
    curve_preferences: Option<Vec<String>>,
    min_version: Option<String>,
    max_version: Option<String>,
    prefer_server_cipher_suites: Option<bool>,
}

/// The checked section.
pub(in crate::http) struct Tls {
    /// The server's settings.
    pub(in crate::http) config: Arc<ServerConfig>,
    /// When the server's certificate expires.
    pub(in crate::http) expiry: Option<Micros>,
    /// Whether every client has presented a certificate of the client authority.
    pub(in crate::http) verifies_clients: bool,
    /// The files it was read from.
    pub(in crate::http) files: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq)]
enum ClientAuth {
    None,
    /// Any certificate is accepted, as is none.
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

impl Section {
    /// Files are relative to `folder`. Returns `None` if the section does not configure TLS.
    ///
    /// # Errors
    /// The problem, beginning with the key.
    pub(in crate::http) fn check(&self, folder: &Path) -> Result<Option<Tls>, String> {
        let file = |path: &Option<PathBuf>| {
            path.as_ref().filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path))
        };
        let (min, max) = (
            self.version("min_version", &self.min_version)?,
            self.version("max_version", &self.max_version)?,
        );
        let provider = Arc::new(self.provider()?);
        let client_auth = self.client_auth()?;
        let (cert_file, key_file, ca_file) =
            (file(&self.cert_file), file(&self.key_file), file(&self.client_ca_file));
        let names_policy = self.client_auth_type.as_deref().is_some_and(|word| !word.is_empty());
        if cert_file.is_none() && key_file.is_none() && ca_file.is_none() && !names_policy {
            return Ok(None);
        }
        let cert_file = cert_file.ok_or("cert_file is missing")?;
        let key_file = key_file.ok_or("key_file is missing")?;
        if ca_file.is_some() && client_auth == ClientAuth::None {
            return Err("client_ca_file needs client_auth_type: RequireAndVerifyClientCert".to_owned());
        }
        let chain = certificates("cert_file", &cert_file)?;
        let policy = self.client_policy(client_auth, ca_file.as_deref(), &provider)?;
        let expiry = chain.first().and_then(|own| certificate::not_after(own));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(min, max)?)
            .map_err(|error| format!("cipher_suites and curve_preferences leave nothing to speak: {error}"))?
            .with_client_cert_verifier(policy)
            .with_single_cert(chain, private_key(&key_file)?)
            .map_err(|error| format!("key_file {} does not fit cert_file: {error}", key_file.display()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ignore_client_order = self.prefer_server_cipher_suites.unwrap_or(true);
        let verifies_clients = client_auth == ClientAuth::RequireAndVerify;
        let files = [Some(cert_file), Some(key_file), ca_file].into_iter().flatten().collect();
        Ok(Some(Tls { config: Arc::new(config), expiry, verifies_clients, files }))
    }

    /// The number of a TLS version by its name. `None` if the key is absent.
    fn version(&self, key: &str, word: &Option<String>) -> Result<Option<u8>, String> {
        match word.as_deref() {
            None | Some("") => Ok(None),
            Some("TLS13") => Ok(Some(13)),
            Some("TLS12") => Ok(Some(12)),
            Some("TLS11") => Ok(Some(11)),
            Some("TLS10") => Ok(Some(10)),
            Some(_) => Err(format!("{key} is no version of TLS; use TLS12 or TLS13")),
        }
    }

    fn client_auth(&self) -> Result<ClientAuth, String> {
        match self.client_auth_type.as_deref() {
            None | Some("" | "NoClientCert") => Ok(ClientAuth::None),
            Some("RequestClientCert") => Ok(ClientAuth::Request),
            Some("RequireAnyClientCert" | "RequireClientCert") => Ok(ClientAuth::RequireAny),
            Some("VerifyClientCertIfGiven") => Ok(ClientAuth::VerifyIfGiven),
            Some("RequireAndVerifyClientCert") => Ok(ClientAuth::RequireAndVerify),
            Some(_) => {
                Err("client_auth_type is not known; use RequireAndVerifyClientCert or NoClientCert"
                    .to_owned())
            }
        }
    }

    fn client_policy(
        &self,
        client_auth: ClientAuth,
        ca_file: Option<&Path>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<ClientPolicy>, String> {
        let demand = match client_auth {
            ClientAuth::None => Demand::None,
            ClientAuth::Request | ClientAuth::VerifyIfGiven => Demand::Optional,
            ClientAuth::RequireAny | ClientAuth::RequireAndVerify => Demand::Required,
        };
        let verifier = match client_auth {
            ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify => {
                // Otherwise every certificate of a public authority would be accepted.
                let ca_file = ca_file.ok_or("client_auth_type needs client_ca_file")?;
                let mut roots = RootCertStore::empty();
                for certificate in certificates("client_ca_file", ca_file)? {
                    let told = |error| format!("client_ca_file {}: {error}", ca_file.display());
                    roots.add(certificate).map_err(told)?;
                }
                let builder =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
                Some(builder.build().map_err(|error| format!("client_ca_file: {error}"))?)
            }
            ClientAuth::None | ClientAuth::Request | ClientAuth::RequireAny => None,
        };
        let allowed = self.client_allowed_sans.clone().filter(|names| !names.is_empty());
        if allowed.is_some() && demand != Demand::Required {
            return Err("client_allowed_sans needs client_auth_type: RequireAndVerifyClientCert".to_owned());
        }
        let schemes = provider.signature_verification_algorithms;
        Ok(Arc::new(ClientPolicy { demand, verifier, allowed, schemes }))
    }

    /// The cryptography provider, limited to the suites of the section. TLS 1.3 has no weak ones.
    fn provider(&self) -> Result<CryptoProvider, String> {
        let mut provider = ring::default_provider();
        if let Some(named) = self.cipher_suites.as_ref().filter(|named| !named.is_empty()) {
            if let Some(odd) = named.iter().position(|name| !CIPHER_SUITES.contains(&name.as_str())) {
                return Err(format!("cipher_suites[{odd}] is not known"));
            }
            provider.cipher_suites.retain(|suite| {
                let name = suite.suite().as_str().unwrap_or_default();
                name.starts_with("TLS13_") || named.iter().any(|wanted| wanted == name)
            });
        }
        if let Some(named) = self.curve_preferences.as_ref().filter(|named| !named.is_empty()) {
            let wanted = named.iter().enumerate().map(|(at, name)| {
                let curve = CURVES.iter().find(|(known, _)| known == name);
                curve.map(|(_, group)| *group).ok_or_else(|| format!("curve_preferences[{at}] is not known"))
            });
            let wanted: Vec<NamedGroup> = wanted.collect::<Result<_, _>>()?;
            provider.kx_groups.retain(|group| wanted.contains(&group.name()));
            provider.kx_groups.sort_by_key(|group| wanted.iter().position(|name| *name == group.name()));
            if provider.kx_groups.is_empty() {
                return Err("curve_preferences: CurveP521 alone is not spoken here; add X25519".to_owned());
            }
        }
        Ok(provider)
    }
}

/// Every suite name that the format allows. Those without forward secrecy or authenticated encryption are never
/// offered.
const CIPHER_SUITES: [&str; 17] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];

const CURVES: [(&str, NamedGroup); 4] = [
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("CurveP521", NamedGroup::secp521r1),
    ("X25519", NamedGroup::X25519),
];

/// The TLS versions within the bounds, but never older than 1.2.
fn versions(min: Option<u8>, max: Option<u8>) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let (min, max) = (min.unwrap_or(12), max.unwrap_or(13));
    let spoken = [(13, &version::TLS13), (12, &version::TLS12)];
    let within: Vec<_> = spoken.iter().filter(|(number, _)| (min..=max).contains(number)).collect();
    if within.is_empty() {
        return Err("min_version and max_version leave neither TLS12 nor TLS13".to_owned());
    }
    Ok(within.into_iter().map(|(_, version)| *version).collect())
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(key, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| format!("{key} {}: {error}", path.display()))?;
    if chain.is_empty() {
        return Err(format!("{key} {} holds no certificate", path.display()));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = read("key_file", path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| format!("key_file {}: {error}", path.display()))
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let read = |text: &mut Vec<u8>| -> io::Result<usize> {
        File::open(path)?.take(SIZE_LIMIT_BYTES + 1).read_to_end(text)
    };
    read(&mut text).map_err(|error| format!("{key} {} cannot be read: {error}", path.display()))?;
    if text.len() as u64 > SIZE_LIMIT_BYTES {
        return Err(format!("{key} {} is larger than {} MiB", path.display(), SIZE_LIMIT_BYTES >> 20));
    }
    Ok(text)
}
