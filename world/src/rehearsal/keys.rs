//! RSA keys of temporary parties. All parties of a process share one key for each owner,
//! because generating a key takes longer than a scenario. With a seed the key is the same
//! in each run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use ambient::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mock_idp::KeyMaterial;
use rcgen::{CertificateParams, DnType, KeyPair};
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::rand_core::{CryptoRng, Error, RngCore};
use tokio::sync::{Mutex, OnceCell};

/// Length of the RSA modulus in bits.
const LENGTH: usize = 2048;

/// The party that the key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Idp,
    Portal,
}

impl Owner {
    fn name(self) -> &'static str {
        match self {
            Self::Idp => "Rehearsal",
            Self::Portal => "Rehearsal portal",
        }
    }
}

type Making = Arc<OnceCell<KeyMaterial>>;

/// Keys by owner and seed.
type Keys = HashMap<(Owner, Option<u64>), Making>;

/// Keys that are generated, or are being generated.
static KEYS: Mutex<Option<Keys>> = Mutex::const_new(None);

/// Returns the key of this owner; generates it at the first call.
pub(super) async fn get_or_generate(
    owner: Owner,
    seed: Option<u64>,
    now: Timestamp,
) -> std::io::Result<KeyMaterial> {
    let making = {
        let mut keys = KEYS.lock().await;
        let keys = keys.get_or_insert_default();
        keys.entry((owner, seed)).or_default().clone()
    };
    let make = || async move {
        tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let key = match seed {
                Some(seed) => derive_key(owner, seed, now),
                None => mock_idp::generate_key(owner.name(), now).map_err(std::io::Error::other),
            };
            // scripts/figures/measure.py reads it.
            let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
            tracing::info!(
                owner = owner.name(),
                milliseconds,
                "generated a signing key"
            );
            key
        })
        .await
        .map_err(std::io::Error::other)?
    };
    Ok(making.get_or_try_init(make).await?.clone())
}

/// Derives an RSA key from the seed, with a certificate for a year. Only for simulations:
/// anybody with the seed can derive the key.
fn derive_key(owner: Owner, seed: u64, now: Timestamp) -> std::io::Result<KeyMaterial> {
    let rng = Rng::from_seed(seed);
    // A separate random stream for each owner.
    let mut rng = Draws(match owner {
        Owner::Idp => rng.fork(),
        Owner::Portal => {
            rng.fork();
            rng.fork()
        }
    });
    let key = rsa::RsaPrivateKey::new(&mut rng, LENGTH).map_err(std::io::Error::other)?;
    let private_key = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(std::io::Error::other)?
        .to_string();
    let pair = KeyPair::from_pem(&private_key).map_err(std::io::Error::other)?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, owner.name());
    let day = |at: Timestamp| {
        let date = at.to_zoned_datetime(TimeZone::UTC).date();
        rcgen::date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(now);
    params.not_after = day(now + SignedDuration::from_hours(365 * 24));
    let certificate = params.self_signed(&pair).map_err(std::io::Error::other)?;
    Ok(KeyMaterial {
        private_key,
        certificate: certificate.pem(),
    })
}

/// Random numbers for the `rsa` crate.
struct Draws(Rng);

impl RngCore for Draws {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

/// The numbers come from ChaCha20, with the seed as its key.
impl CryptoRng for Draws {}
