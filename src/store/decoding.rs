//! Decoding of files that may be damaged: the Parquet library answers some of them with a panic, which is an error here.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use parquet::errors::{ParquetError, Result};

thread_local! {
    /// Whether a panic of this thread becomes an error.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Decodes by the Parquet library. After an error its readers are not to be used again.
pub(crate) fn decoded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = IS_CAUGHT.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    IS_CAUGHT.set(before);
    decoded.unwrap_or_else(|panic| {
        let why = message(&*panic).unwrap_or("its bytes contradict one another");
        Err(ParquetError::General(format!("it is damaged: {why}")))
    })
}

/// Keeps panics that become errors out of the standard error; all others are reported as before.
pub fn report_only_uncaught_panics() {
    let report = take_hook();
    set_hook(Box::new(move |panic| {
        if !IS_CAUGHT.get() {
            report(panic);
        }
    }));
}

fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_while_a_file_is_decoded_is_an_error_that_says_why() {
        let decode = |length: usize| decoded(|| Ok([1, 2, 3][..length].len()));

        assert_eq!(decode(2).unwrap(), 2);
        let error = decode(4).unwrap_err().to_string();
        assert!(error.contains("it is damaged: range end index 4"), "{error}");
        assert!(!IS_CAUGHT.get(), "a later panic of the thread is reported");
    }
}
