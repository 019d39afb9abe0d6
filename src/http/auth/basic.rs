//! `Authorization: Basic` headers.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::{self, HeaderMap};

/// User and password of an `Authorization: Basic` header.
pub(super) fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(rest.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Clients differ in padding and in the bits beyond the last byte, so both are ignored.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read_whatever_the_password_holds() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            credentials(&headers)
        };
        assert_eq!(read("basic YW5uOmE6YiDDvA=="), Some(("ann".to_owned(), "a:b ü".to_owned())));
        assert_eq!(read("Basic Og=="), Some((String::new(), String::new())));
        assert_eq!(read("Basic  YW5uOnRob21hcw "), Some(("ann".to_owned(), "thomas".to_owned())));
        for nonsense in
            ["Basic", "Basic %%%", "Bearer YW5uOmE=", "Basic bm8gY29sb24=", "Basic Y", "Basic =", ""]
        {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
