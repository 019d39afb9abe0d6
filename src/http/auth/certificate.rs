//! The little that is asked of an X.509 certificate beyond its validity: when it ends and whom it names.

use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::Micros;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17.
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// The last instant at which the certificate is valid; none where it cannot be read.
pub(super) fn not_after(der: &[u8]) -> Option<Micros> {
    let mut fields = after_issuer(der)?;
    let mut validity = Reader(fields.expect(SEQUENCE)?);
    validity.next()?;
    let (tag, text) = validity.next()?;
    instant(tag, std::str::from_utf8(text).ok()?)
}

/// The names a certificate stands for: DNS, e-mail, URI and IP address, as text. Empty where it cannot be read.
pub(super) fn names(der: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut general = Reader(alternative_names(der).unwrap_or_default());
    while let Some((tag, value)) = general.next() {
        match tag {
            // rfc822Name, dNSName, uniformResourceIdentifier
            0x81 | 0x82 | 0x86 => names.extend(std::str::from_utf8(value).map(str::to_owned)),
            0x87 => names.extend(address(value).map(|address| address.to_string())),
            _ => {}
        }
    }
    names
}

fn alternative_names(der: &[u8]) -> Option<&[u8]> {
    let mut fields = after_issuer(der)?;
    while let Some((tag, value)) = fields.next() {
        if tag != EXTENSIONS {
            continue;
        }
        let mut extensions = Reader(Reader(value).expect(SEQUENCE)?);
        while let Some((_, extension)) = extensions.next() {
            let mut parts = Reader(extension);
            if parts.expect(OID)? != SUBJECT_ALTERNATIVE_NAME {
                continue;
            }
            while let Some((tag, value)) = parts.next() {
                if tag == OCTETS {
                    return Reader(value).expect(SEQUENCE);
                }
            }
        }
    }
    None
}

/// The fields of the certificate from its validity on.
fn after_issuer(der: &[u8]) -> Option<Reader<'_>> {
    let mut fields = Reader(Reader(Reader(der).expect(SEQUENCE)?).expect(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.next()?;
    }
    fields.expect(INTEGER)?;
    fields.expect(SEQUENCE)?;
    fields.expect(SEQUENCE)?;
    Some(fields)
}

/// `YYMMDDHHMMSSZ` of the years 1950 to 2049, or with a year of four digits.
fn instant(tag: u8, text: &str) -> Option<Micros> {
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let pair = |index: usize| rest.get(2 * index..2 * index + 2)?.parse::<i8>().ok();
    let at = DateTime::new(year, pair(0)?, pair(1)?, pair(2)?, pair(3)?, pair(4)?, 0).ok()?;
    Some(Micros(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond()))
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

/// DER, one element after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next element: its tag and its contents. None at the end, and where the length is no length.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, contents)| contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_time_are_read_and_nonsense_is_not() {
        let at = |tag, text| instant(tag, text).map(|at| at.to_string());
        assert_eq!(at(UTC_TIME, "491231235959Z").as_deref(), Some("2049-12-31T23:59:59Z"));
        assert_eq!(at(UTC_TIME, "500101000000Z").as_deref(), Some("1950-01-01T00:00:00Z"));
        assert_eq!(at(GENERALIZED_TIME, "20500101000000Z").as_deref(), Some("2050-01-01T00:00:00Z"));
        for nonsense in ["", "Z", "499931235959Z", "4912312359Z", "4912é1235959Z"] {
            assert_eq!(at(UTC_TIME, nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_name_nobody() {
        for bytes in
            [&[][..], &[0x30], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x02, 0x30, 0x00], &[0xff; 64]]
        {
            assert_eq!(not_after(bytes), None);
            assert!(names(bytes).is_empty());
        }
    }
}
