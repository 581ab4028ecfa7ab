//! The wall clock, read here and nowhere else. Everything else takes the time as an argument.
//!
//! Times are whole milliseconds, so that what is stored equals what was judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Where the time comes from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's wall clock.
    #[default]
    System,
    /// A clock that stands until it is moved: Unix milliseconds.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at this moment.
    #[must_use]
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.as_millisecond())))
    }

    /// The time, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => whole_ms(system_now()),
            Self::Manual(ms) => Timestamp::from_millisecond(ms.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX),
        }
    }

    /// Moves a manual clock; the system's clock cannot be moved.
    pub fn set(&self, at: Timestamp) {
        if let Self::Manual(ms) = self {
            ms.store(at.as_millisecond(), Ordering::SeqCst);
        }
    }
}

/// The system's time, in whole milliseconds.
#[must_use]
pub fn now() -> Timestamp {
    Clock::System.now()
}

/// Cuts a time to whole milliseconds.
#[must_use]
pub fn whole_ms(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn system_now() -> Timestamp {
    Timestamp::now()
}
