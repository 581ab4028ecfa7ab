//! When to try again: full jitter, so that a fleet that lost its collector does not come back as one.

use std::time::Duration;

/// Waits between attempts. Forgets its failures only when told of a success.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    base: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// The first wait is anywhere up to `first`; those after it anywhere up to `base` doubled each time, at most
    /// up to `longest`.
    #[must_use]
    pub fn new(first: Duration, base: Duration, longest: Duration) -> Self {
        Self { first: first.min(longest), base: base.min(longest), longest, failures: 0 }
    }

    /// The wait after another failure; `fraction`, from 0 to 1, is the jitter.
    pub fn wait(&mut self, fraction: f64) -> Duration {
        let ceiling = match self.failures {
            0 => self.first,
            failures => self.base.saturating_mul(2_u32.saturating_pow(failures.min(31))).min(self.longest),
        };
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(fraction.clamp(0.0, 1.0))
    }

    /// A success that counts: a report was acknowledged.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(60);
    const BASE: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(900);

    #[test]
    fn ceilings_double_up_to_the_longest_and_return_only_on_success() {
        let mut backoff = Backoff::new(FIRST, BASE, LONGEST);
        let waits: Vec<u64> = (0..12).map(|_| backoff.wait(1.0).as_secs()).collect();
        assert_eq!(waits, [60, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(backoff.failures(), 12);
        backoff.reset();
        assert_eq!(backoff.wait(1.0), FIRST);
        let mut tired = Backoff::new(FIRST, BASE, LONGEST);
        tired.failures = u32::MAX;
        assert_eq!(tired.wait(1.0), LONGEST);
    }

    #[test]
    fn a_fleet_comes_back_evenly() {
        const AGENTS: usize = 10_000;
        let mut bins = [0_usize; 60];
        for _ in 0..AGENTS {
            let wait = Backoff::new(FIRST, BASE, LONGEST).wait(rand::random());
            bins[wait.as_secs().min(59) as usize] += 1;
        }
        let mean = AGENTS / bins.len();
        assert!(bins.iter().all(|bin| *bin < mean * 2 && *bin > mean / 2), "{bins:?}");
    }
}
