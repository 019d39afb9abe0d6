//! `Authorization: Basic`, as a client sends it.

use hyper::header::{self, HeaderMap};

/// User and password of an `Authorization: Basic` header.
pub(super) fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(decode(rest.trim())?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Base64; padding may be left out.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    if text.len() % 4 == 1 {
        return None;
    }
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() / 4 * 3 + 2), 0_u32, 0);
    for byte in text.bytes() {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(sextet);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

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
