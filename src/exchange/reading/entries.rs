//! The entries of a listing, read one by one: a fault in one loses that entry alone.
//!
//! A listing is asked for one pair's sake, so that a new word for another must not be in its way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::exchange::error::excerpt;
use crate::exchange::reading::row::time_fault;
use crate::exchange::{Decimal, OddEntry};
use crate::model::Micros;

/// The entries of a listing as they came, and what was odd about some.
pub(crate) struct Entries<'a> {
    /// The member that has an entry's symbol.
    named: &'static str,
    odd: &'a mut Vec<OddEntry>,
}

impl<'a> Entries<'a> {
    /// Entries whose symbol is the member `named`.
    pub(crate) fn named(named: &'static str, odd: &'a mut Vec<OddEntry>) -> Self {
        Entries { named, odd }
    }

    /// Each entry that has the documented members, in their order.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, raw: &[&RawValue]) -> Vec<T> {
        raw.iter().filter_map(|raw| self.one(raw)).collect()
    }

    fn one<T: DeserializeOwned>(&mut self, raw: &RawValue) -> Option<T> {
        let read = serde_json::from_str(raw.get());
        read.map_err(|error| self.odd.push(OddEntry::new(&self.symbol(raw), error))).ok()
    }

    /// The symbol of an entry that could not be read; its beginning where it has none.
    fn symbol(&self, raw: &RawValue) -> String {
        let members: Option<BTreeMap<Cow<'_, str>, &RawValue>> = serde_json::from_str(raw.get()).ok();
        let symbol = members.and_then(|members| serde_json::from_str(members.get(self.named)?.get()).ok());
        symbol.unwrap_or_else(|| excerpt(raw.get().as_bytes()))
    }
}

/// A member of an entry that came as text or as a number; nothing where it is absent, null or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member(Option<String>);

impl Member {
    /// As text, empty where there is none.
    pub(crate) fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// As a size, which is above zero, where there is one.
    ///
    /// # Errors
    /// Where it is something else.
    pub(crate) fn size(&self, member: &str) -> Result<Option<Decimal>, String> {
        self.read(member, "no size", |text| Decimal::parse(text).filter(|size| *size != Decimal::ZERO))
    }

    /// As an instant in milliseconds; nothing where it is zero, as exchanges write it that have none.
    ///
    /// # Errors
    /// Where it is none that may be.
    pub(crate) fn millis(&self, member: &str) -> Result<Option<Micros>, String> {
        let instant = |text: &str| {
            let millis: i64 = text.parse().ok()?;
            let at = Micros(millis.checked_mul(1_000)?);
            (millis == 0 || time_fault(at).is_none()).then_some(at)
        };
        let read = self.read(member, "no instant that may be", instant)?;
        Ok(read.filter(|at| at.0 != 0))
    }

    /// As an instant written out.
    ///
    /// # Errors
    /// Where it is none that may be.
    pub(crate) fn rfc3339(&self, member: &str) -> Result<Option<Micros>, String> {
        let instant = |text: &str| {
            crate::exchange::reading::instant::rfc3339(text).filter(|at| time_fault(*at).is_none())
        };
        self.read(member, "no instant that may be", instant)
    }

    fn read<T>(
        &self,
        member: &str,
        fault: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = &self.0 else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| format!("its {member} `{text}` is {fault}"))
    }
}

impl From<&str> for Member {
    fn from(text: &str) -> Self {
        Member(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Member;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number or null")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Member, E> {
                Ok(Member::from(text))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Member, E> {
                Ok(Member(Some(number.to_string())))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Member, E> {
                Ok(Member(Some(number.to_string())))
            }
            // Written out without an exponent, which is the shortest decimal all the same.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Member, E> {
                Ok(Member(Some(number.to_string())))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Member, E> {
                Ok(Member(None))
            }
        }
        from.deserialize_any(Any)
    }
}

/// A member that says yes or no, however it is written; nothing where it is absent or null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct YesNo(pub(crate) Option<bool>);

impl<'de> Deserialize<'de> for YesNo {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = YesNo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or null")
            }
            fn visit_bool<E: de::Error>(self, is_so: bool) -> Result<YesNo, E> {
                Ok(YesNo(Some(is_so)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<YesNo, E> {
                match text {
                    "true" => Ok(YesNo(Some(true))),
                    "false" => Ok(YesNo(Some(false))),
                    "" => Ok(YesNo(None)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_unit<E: de::Error>(self) -> Result<YesNo, E> {
                Ok(YesNo(None))
            }
        }
        from.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Wire {
        symbol: String,
        #[serde(default)]
        size: Member,
        #[serde(default)]
        open: YesNo,
    }

    #[test]
    fn an_entry_that_cannot_be_read_loses_itself_and_is_named() {
        let body = r#"[{"symbol":"A","size":"0.1","open":true},{"symbol":"B","size":[]},7,{"symbol":"C","size":0.000001},
            {"size":1},{"symbol":"D","open":null,"size":null},{"symbol":"E","open":"maybe"}]"#;
        let raw: Vec<&RawValue> = serde_json::from_str(body).unwrap();
        let mut odd = Vec::new();

        let read: Vec<Wire> = Entries::named("symbol", &mut odd).read(&raw);

        let sizes: Vec<_> = read.iter().map(|wire| (wire.symbol.as_str(), wire.size.text())).collect();
        assert_eq!(sizes, [("A", "0.1"), ("C", "0.000001"), ("D", "")]);
        let named: Vec<_> = odd.iter().map(|odd| odd.symbol.as_str()).collect();
        assert_eq!(named, ["B", "7", r#"{"size":1}"#, "E"]);
    }

    #[test]
    fn members_are_what_they_say_or_why_they_cannot_be() {
        let member = |text: &str| Member::from(text);
        assert_eq!(member("0.10").size("ctVal"), Ok(Decimal::parse("0.1")));
        assert_eq!(member("").size("ctVal"), Ok(None));
        for absurd in ["x", "0", "-1"] {
            let fault = format!("its ctVal `{absurd}` is no size");
            assert_eq!(member(absurd).size("ctVal"), Err(fault));
        }
        assert_eq!(member("1700000000000").millis("listTime"), Ok(Some(Micros::from_secs(1_700_000_000))));
        assert_eq!(member("0").millis("listTime"), Ok(None));
        for absurd in ["-1", "1", "1700000000000000", "99999999999999999999", "soon"] {
            assert!(member(absurd).millis("listTime").is_err(), "{absurd}");
        }
        assert_eq!(
            member("2023-11-14T22:13:20Z").rfc3339("listing"),
            Ok(Some(Micros::from_secs(1_700_000_000)))
        );
        assert!(member("9023-11-14T22:13:20Z").rfc3339("listing").is_err());
    }
}
