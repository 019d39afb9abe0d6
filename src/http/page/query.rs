//! Addresses of a view with another question in their query.

use super::html::segment;

/// A path with a query of those values that are there.
pub(super) fn address(path: &str, values: &[(&str, Option<&str>)]) -> String {
    let filled =
        values.iter().filter_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?)));
    let pairs: Vec<String> = filled.map(|(name, value)| format!("{name}={}", segment(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// The values with one of them changed.
pub(super) fn changed<'v>(
    values: &[(&'static str, Option<&'v str>)],
    name: &str,
    value: Option<&'v str>,
) -> Vec<(&'static str, Option<&'v str>)> {
    values.iter().map(|(own, before)| (*own, if *own == name { value } else { *before })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_what_is_asked_for_and_nothing_empty() {
        let values = [("text", Some("a&b")), ("state", Some("")), ("sort", None)];

        assert_eq!(address("/series", &values), "/series?text=a%26b");
        assert_eq!(address("/series", &changed(&values, "text", None)), "/series");
        assert_eq!(
            address("/series", &changed(&values, "sort", Some("-rows"))),
            "/series?text=a%26b&sort=-rows"
        );
    }
}
