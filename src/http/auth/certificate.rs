//! Reads the expiry and the names of an X.509 certificate. rustls checks signatures and chains.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::model::Micros;

/// The last instant at which the certificate is valid. `None` if it cannot be parsed.
pub(super) fn not_after(der: &[u8]) -> Option<Micros> {
    let (_, own) = X509Certificate::from_der(der).ok()?;
    Some(Micros::from_secs(own.validity().not_after.timestamp()))
}

/// The names a certificate is valid for: DNS, e-mail, URI and IP address, as text. Empty if it cannot be parsed.
pub(super) fn names(der: &[u8]) -> Vec<String> {
    let Ok((_, own)) = X509Certificate::from_der(der) else { return Vec::new() };
    let Ok(Some(names)) = own.subject_alternative_name() else { return Vec::new() };
    names.value.general_names.iter().filter_map(text).collect()
}

fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::RFC822Name(text) | GeneralName::DNSName(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_certificate_have_no_end_and_no_names() {
        for bytes in
            [&[][..], &[0x30], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x02, 0x30, 0x00], &[0xff; 64]]
        {
            assert_eq!(not_after(bytes), None);
            assert!(names(bytes).is_empty());
        }
    }
}
