//! Random values for ids, tokens and keys, from the operating system or from a seed.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use uuid::Uuid;

use crate::hexadecimal;

/// A stream of random bytes. Clones draw from the same stream.
#[derive(Clone)]
pub struct Rng(Arc<Mutex<ChaCha20Rng>>);

impl Rng {
    /// Creates a ChaCha20 generator with a seed from the operating system. Safe for secrets.
    #[allow(clippy::disallowed_methods)] // the only place that asks the operating system
    pub fn from_os() -> Self {
        let rng = ChaCha20Rng::from_rng(&mut rand::rng());
        Self(Arc::new(Mutex::new(rng)))
    }

    /// Creates a generator that gives the same values for the same seed. For simulations and
    /// tests only: an attacker who knows the seed knows every secret.
    pub fn from_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed))))
    }

    /// Creates a generator with a seed drawn from this one. Parties with a fork each do not
    /// change each other's values when one of them draws more.
    pub fn fork(&self) -> Self {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        Self(Arc::new(Mutex::new(ChaCha20Rng::from_seed(seed))))
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(bytes);
    }

    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Returns a random UUID, version 4 (RFC 9562 §5.4).
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// Returns `bytes` random bytes as lower-case hexadecimal, two digits for each byte.
    pub fn hex(&self, bytes: usize) -> String {
        let mut drawn = vec![0; bytes];
        self.fill(&mut drawn);
        hexadecimal(&drawn)
    }

    /// Returns `bytes` random bytes as base64url without padding: a token for URLs, cookies and
    /// headers.
    pub fn token(&self, bytes: usize) -> String {
        let mut drawn = vec![0; bytes];
        self.fill(&mut drawn);
        URL_SAFE_NO_PAD.encode(drawn)
    }
}

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rng")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_ids() {
        let (one, two) = (Rng::from_seed(7), Rng::from_seed(7));
        assert_eq!(one.uuid(), two.uuid());
        assert_eq!(one.token(16), two.token(16));
        assert_ne!(one.hex(16), one.hex(16));
    }

    #[test]
    fn a_fork_does_not_shift_the_stream_it_came_from() {
        let (one, two) = (Rng::from_seed(7), Rng::from_seed(7));
        let (fork, _) = (one.fork(), two.fork());
        fork.hex(99);
        assert_eq!(one.hex(8), two.hex(8));
    }

    #[test]
    fn the_operating_system_never_draws_the_same_twice() {
        assert_ne!(Rng::from_os().hex(16), Rng::from_os().hex(16));
    }

    #[test]
    fn a_uuid_says_it_is_version_4() {
        assert_eq!(Rng::from_seed(1).uuid().get_version_num(), 4);
    }
}
