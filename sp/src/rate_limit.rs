//! Rate limit for the SCIM requests of each tenant, a token bucket. No limit by
//! default.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// The parameters of a token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Average requests per second.
    pub per_second: f64,
    /// Size of the bucket: requests that can arrive at once.
    pub burst: u32,
}

impl Rate {
    /// Returns a rate; `None` unless both numbers are finite and above 0.
    pub fn new(per_second: f64, burst: u32) -> Option<Self> {
        let is_rate = per_second.is_finite() && per_second > 0.0 && burst > 0;
        is_rate.then_some(Self { per_second, burst })
    }
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    filled: Timestamp,
}

/// The rates and token buckets of all tenants.
#[derive(Debug, Default)]
pub struct RateLimits(Mutex<Limits>);

#[derive(Debug, Default)]
struct Limits {
    rate: Option<Rate>,
    /// Rates that were set for one tenant; `None` means unlimited.
    of_tenant: HashMap<String, Option<Rate>>,
    buckets: HashMap<String, Bucket>,
}

impl RateLimits {
    /// Creates rate limits with this rate for every tenant.
    pub fn new(rate: Option<Rate>) -> Self {
        let limits = Self::default();
        limits.set(None, rate);
        limits
    }

    /// Sets the rate of one tenant, or the default rate of all other tenants.
    /// Refills all buckets.
    pub fn set(&self, tenant_id: Option<&str>, rate: Option<Rate>) {
        let mut limits = self.lock();
        limits.buckets.clear();
        match tenant_id {
            Some(id) => {
                limits.of_tenant.insert(id.to_owned(), rate);
            }
            None => limits.rate = rate,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one token from the tenant's bucket.
    ///
    /// # Errors
    /// If the bucket is empty: the seconds until it has a token (for
    /// `Retry-After`).
    pub fn take(&self, tenant_id: &str, now: Timestamp) -> Result<(), i64> {
        let mut limits = self.lock();
        let rate = match limits.of_tenant.get(tenant_id) {
            Some(own) => *own,
            None => limits.rate,
        };
        let Some(rate) = rate else {
            return Ok(());
        };
        let full = f64::from(rate.burst);
        let bucket = limits
            .buckets
            .entry(tenant_id.to_owned())
            .or_insert(Bucket {
                left: full,
                filled: now,
            });
        let passed = now.duration_since(bucket.filled).as_secs_f64().max(0.0);
        bucket.left = (bucket.left + passed * rate.per_second).min(full);
        bucket.filled = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        #[allow(clippy::cast_possible_truncation)]
        Err(((1.0 - bucket.left) / rate.per_second).ceil().max(1.0) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let limits = RateLimits::new(Rate::new(0.5, 2));
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        assert_eq!(limits.take("a", at(0)), Ok(()));
        assert_eq!(limits.take("a", at(0)), Ok(()));
        assert_eq!(limits.take("a", at(0)), Err(2));
        assert_eq!(
            limits.take("b", at(0)),
            Ok(()),
            "each tenant has its own bucket"
        );
        assert_eq!(limits.take("a", at(1)), Err(1));
        assert_eq!(limits.take("a", at(2)), Ok(()));
        limits.set(Some("a"), None);
        assert_eq!(limits.take("a", at(2)), Ok(()));
    }
}
