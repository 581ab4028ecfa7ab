//! Allowances that fill up with time: one, and one for each address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tenken_proto::Timestamp;

/// Addresses that are remembered. Full: those whose allowance is whole again are forgotten, else everybody new waits.
pub const ADDRESSES_MAX: usize = 10_000;

/// An allowance.
#[derive(Debug, Clone)]
pub struct Bucket {
    left: f64,
    burst: f64,
    per_second: f64,
    at: Option<Timestamp>,
}

impl Bucket {
    /// A whole allowance of `burst`, filling by `per_second`.
    #[must_use]
    pub fn full(burst: f64, per_second: f64) -> Self {
        Self { left: burst, burst, per_second, at: None }
    }

    /// Takes one.
    ///
    /// # Errors
    /// Nothing is left; the seconds until there is.
    pub fn take(&mut self, now: Timestamp) -> Result<(), u32> {
        self.fill(now);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        let seconds = (1.0 - self.left) / self.per_second.max(f64::MIN_POSITIVE);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 3600")]
        Err(seconds.ceil().clamp(1.0, 3_600.0) as u32)
    }

    fn fill(&mut self, now: Timestamp) {
        let since = self.at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
        self.left = (self.left + since * self.per_second).min(self.burst);
        self.at = Some(now);
    }
}

/// An allowance for each address.
#[derive(Debug)]
pub struct Buckets {
    new: Bucket,
    by_address: BTreeMap<IpAddr, Bucket>,
}

impl Buckets {
    /// Each address starts with `burst` and gets `per_second` more.
    #[must_use]
    pub fn new(burst: f64, per_second: f64) -> Self {
        Self { new: Bucket::full(burst, per_second), by_address: BTreeMap::new() }
    }

    /// Takes one from an address; IPv6 counts by /64.
    ///
    /// # Errors
    /// Nothing is left there; the seconds until there is.
    pub fn take(&mut self, address: IpAddr, now: Timestamp) -> Result<(), u32> {
        let address = crate::accept::counted_as(address);
        if self.by_address.len() >= ADDRESSES_MAX && !self.by_address.contains_key(&address) {
            self.by_address.retain(|_, bucket| {
                bucket.fill(now);
                bucket.left < bucket.burst
            });
            if self.by_address.len() >= ADDRESSES_MAX {
                return Err(1);
            }
        }
        self.by_address.entry(address).or_insert_with(|| self.new.clone()).take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    #[test]
    fn fills_with_time_up_to_the_burst() {
        let mut bucket = Bucket::full(2.0, 1.0);
        assert_eq!([bucket.take(at(0)), bucket.take(at(0)), bucket.take(at(0))], [Ok(()), Ok(()), Err(1)]);
        assert_eq!(bucket.take(at(1_000)), Ok(()));
        assert_eq!(
            [bucket.take(at(99_000)), bucket.take(at(99_000)), bucket.take(at(99_000))],
            [Ok(()), Ok(()), Err(1)]
        );
        assert!(bucket.take(at(50_000)).is_err(), "a clock set back gives nothing");
    }

    #[test]
    fn addresses_are_forgotten_when_whole_again() {
        let mut buckets = Buckets::new(1.0, 1.0);
        for n in 0..ADDRESSES_MAX {
            let address = IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
            assert_eq!(buckets.take(address, at(0)), Ok(()));
        }
        let new = IpAddr::from([203, 0, 113, 1]);
        assert_eq!(buckets.take(new, at(0)), Err(1));
        assert_eq!(buckets.take(new, at(2_000)), Ok(()));
        assert_eq!(buckets.by_address.len(), 1);
    }
}
