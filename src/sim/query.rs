//! The query of a request, validated as Binance does; the codes are the simulator's internal error codes, which
//! each exchange translates into its own.

use crate::model::Micros;

/// The last millisecond of the year 9999; later instants are clamped to it.
const LATEST_MS: i64 = 253_402_300_799_999;

const NUMBER: &str = "^[0-9]{1,20}$";
const SYMBOL: &str = "^[A-Z0-9-_.]{1,20}$";

/// Why a request is refused: status 400 with this code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadRequest {
    pub(super) code: i32,
    pub(super) msg: String,
}

impl BadRequest {
    pub(super) fn new(code: i32, msg: &str) -> Self {
        BadRequest { code, msg: msg.to_owned() }
    }

    fn illegal(name: &str, legal: &str) -> Self {
        let msg = format!("Illegal characters found in parameter '{name}'; legal range is '{}'.", legal);
        BadRequest { code: -1100, msg }
    }

    fn missing(name: &str) -> Self {
        let msg = format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        BadRequest { code: -1102, msg }
    }
}

/// The parameters of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a>(pub(super) &'a str);

impl<'a> Query<'a> {
    /// A parameter, if it was sent and is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .split('&')
            .filter_map(|part| part.split_once('='))
            .find(|(key, value)| *key == name && !value.is_empty())
            .map(|(_, value)| value)
    }

    pub(super) fn mandatory(&self, name: &str) -> Result<&'a str, BadRequest> {
        self.get(name).ok_or_else(|| BadRequest::missing(name))
    }

    /// An integer.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, BadRequest> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let legal = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = || text.parse().unwrap_or(u64::MAX);
        if legal { Ok(Some(number())) } else { Err(BadRequest::illegal(name, NUMBER)) }
    }

    /// An instant in milliseconds.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Micros>, BadRequest> {
        let number = self.number(name)?;
        let clamped = |ms| i64::try_from(ms).unwrap_or(LATEST_MS).min(LATEST_MS);
        Ok(number.map(|ms| Micros::from_millis(clamped(ms))))
    }

    /// The number of rows wanted, at most `most`.
    pub(super) fn limit(&self, name: &str, usual: usize, most: usize) -> Result<usize, BadRequest> {
        match self.number(name)? {
            None => Ok(usual.min(most)),
            Some(0) => {
                Err(BadRequest::new(-1130, &format!("Data sent for parameter '{name}' is not valid.")))
            }
            Some(limit) => Ok(usize::try_from(limit).unwrap_or(most).min(most)),
        }
    }

    /// The symbol as written, if it is plausible.
    pub(super) fn symbol(&self) -> Result<&'a str, BadRequest> {
        let symbol = self.mandatory("symbol")?;
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let legal = symbol.len() <= 20 && symbol.bytes().all(fits);
        if legal { Ok(symbol) } else { Err(BadRequest::illegal("symbol", SYMBOL)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_absent_or_unreadable_is_refused_by_name() {
        assert_eq!(Query("symbol=").symbol().unwrap_err().code, -1102);
        assert_eq!(Query("symbol=btc%2Fusdt").symbol().unwrap_err().code, -1100);
        let error = Query("a=1&startTime=-5").instant("startTime").unwrap_err();
        assert_eq!(error.code, -1100);
        assert!(error.msg.contains("'startTime'"));
        assert_eq!(Query("limit=0").limit("limit", 500, 1_000).unwrap_err().code, -1130);
    }

    #[test]
    fn limits_and_instants_are_held_to_what_makes_sense() {
        assert_eq!(Query("limit=99999999999999999999").limit("limit", 500, 1_000), Ok(1_000));
        assert_eq!(Query("").limit("limit", 500, 100), Ok(100));
        let far = Query("endTime=9223372036854775807").instant("endTime").unwrap();
        assert_eq!(far, Some(Micros::from_millis(LATEST_MS)));
    }
}
