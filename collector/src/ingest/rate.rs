//! A token bucket per identity, so that one loud agent cannot take the engine from the others.

use jiff::Timestamp;

/// How much one identity may send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// Reports per second in the long run.
    pub(super) per_second: u64,
    /// Reports at once.
    pub(super) burst: u64,
}

/// What one identity has left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    thousandths: u64,
    filled_at: Timestamp,
}

impl Bucket {
    pub(super) fn full(rate: Rate, now: Timestamp) -> Self {
        Self { thousandths: rate.burst.saturating_mul(1_000), filled_at: now }
    }

    /// Takes one; false: there is none.
    pub(super) fn take(&mut self, rate: Rate, now: Timestamp) -> bool {
        let elapsed_ms = u64::try_from(now.duration_since(self.filled_at).as_millis()).unwrap_or(0);
        let filled = self.thousandths.saturating_add(elapsed_ms.saturating_mul(rate.per_second));
        self.thousandths = filled.min(rate.burst.saturating_mul(1_000));
        self.filled_at = self.filled_at.max(now);
        match self.thousandths.checked_sub(1_000) {
            Some(left) => {
                self.thousandths = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let rate = Rate { per_second: 2, burst: 3 };
        let start = Timestamp::UNIX_EPOCH;
        let at = |ms| start + jiff::SignedDuration::from_millis(ms);
        let mut bucket = Bucket::full(rate, start);
        let passed = |bucket: &mut Bucket, ms| (0..10).filter(|_| bucket.take(rate, at(ms))).count();
        assert_eq!(passed(&mut bucket, 0), 3);
        assert_eq!(passed(&mut bucket, 499), 0);
        assert_eq!(passed(&mut bucket, 500), 1);
        assert_eq!(passed(&mut bucket, 60_000), 3);
        // A clock that goes back gives nothing and takes nothing.
        assert_eq!(passed(&mut bucket, 0), 0);
    }
}
