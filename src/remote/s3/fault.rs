//! Describes errors of a bucket, and tells connection errors from refusals.

use object_store::Error;
use object_store::client::HttpError;

/// Whether the connection failed, not the service.
pub(super) fn is_of_the_way(error: &Error) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<HttpError>().is_some() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// The error with its innermost cause, on one line.
pub(super) fn chain(error: &Error) -> String {
    let outer = error.to_string().replace(['\n', '\r'], " ");
    let mut next = std::error::Error::source(error);
    let mut last = None;
    while let Some(cause) = next {
        last = Some(cause.to_string());
        next = cause.source();
    }
    match last.filter(|last| !outer.contains(last.as_str())) {
        Some(last) => format!("{outer}: {}", last.replace(['\n', '\r'], " ")),
        None => outer,
    }
}
