//! Lines about a condition that lasts: said at once, then seldom, with how often it was in between.

use std::time::{Duration, Instant};

/// Shortest time between two such lines.
pub const EVERY: Duration = Duration::from_secs(30);

/// Keeps one kind of line from filling the log.
#[derive(Debug, Default)]
pub struct Seldom {
    said_at: Option<Instant>,
    kept_back: u64,
}

impl Seldom {
    /// Whether to say it now; if so, how often it was kept back since the last time.
    pub fn say(&mut self, now: Instant) -> Option<u64> {
        if self.said_at.is_some_and(|at| now.saturating_duration_since(at) < EVERY) {
            self.kept_back = self.kept_back.saturating_add(1);
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_said_at_once_and_then_seldom() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        let said: Vec<_> = (0..100).filter_map(|second| seldom.say(start + Duration::from_secs(second))).collect();
        assert_eq!(said, [0, 29, 29, 29]);
    }
}
