//! RSA keys for the identity providers that `check sp` plays, generated once for all targets that a
//! test judges.

use std::sync::LazyLock;

use ambient::Ambient;
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

/// As many as most runs use; a run that needs more generates them.
static KEYS: LazyLock<[String; 8]> = LazyLock::new(|| {
    std::array::from_fn(|_| {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        key.unwrap().serialize_pem()
    })
});

/// Returns the real clock and real random values, with the RSA keys of a run.
pub(crate) fn ambient_with_keys() -> Ambient {
    Ambient::real().with_rsa_keys(KEYS.iter().cloned())
}
