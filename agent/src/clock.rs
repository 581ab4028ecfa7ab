//! The one place that reads the wall clock; everything else takes time as an argument.

use jiff::Timestamp;

/// The present moment, to the millisecond: what the wire carries.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
