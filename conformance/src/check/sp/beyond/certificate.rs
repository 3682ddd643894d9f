//! Checks of changed keys of the identity provider: a service provider that fetches the metadata
//! again has to trust new keys and to stop trusting removed ones.

use faults::Cover;
use jiff::SignedDuration;
use saml::keys::SigningKey;
use saml::metadata::IdpMetadata;
use serde_json::json;

use super::super::CheckError;
use super::super::publication::{DocumentSignature, KeyUse, Publication, Validity};
use super::super::weak_key::WeakKey;
use super::certificate_trial::{
    Came, FirstKey, log_in, new_key, offer, publish_new_key, try_first_key_once,
};
use super::{Beyond, Judged, Stop, breaks, holds_with, rows, skip};
use crate::check::runner::pause;
use crate::check::{Attacker, Harm};

rows! {
"SAML-SP-CERT-01", Should, Harm::Function, "saml-metadata §4.3.1"; "A new signing key in the identity provider's metadata is trusted";
    expects "a Response signed with the new key to be accepted after metadata with the old and the new key was fetched";
    fix "Replace the stored keys each time you fetch the metadata, and trust every signing key in it: an identity provider publishes its next key before it uses it.";
    judge_new_key
"SAML-SP-CERT-02", Should, Harm::Function, "sstc-metadata-iop §2.6.1"; "If the metadata has two signing keys, Responses signed with either key are accepted";
    expects "a login with a Response of each of the two keys";
    fix "Try every signing key of the metadata, not only the first or the last one.";
    judge_overlap
"SAML-SP-CERT-03", Must, Harm::Intrusion(Attacker::Issuer), "saml-metadata §4.3.1"; "A key that is no longer in the metadata is refused";
    expects "a Response of the removed key to be refused: the key may have been removed because it was stolen";
    fix "Remove the keys that new metadata no longer contains, also from caches; do not only add new keys to the old ones.";
    judge_retired_key
"SAML-SP-CERT-04", Should, Harm::Protection, "saml-metadata §2.4.1.1"; "A key with use=\"encryption\" verifies no signature";
    expects "a Response signed with that key to be refused: the key is for encryption only";
    fix "Verify signatures only with keys whose use is \"signing\", or that have no use.";
    judge_encryption_key
"SAML-SP-CERT-05", Should, Harm::Function, "saml-metadata §2.4.1.1 (erratum E62)"; "A key without use verifies signatures";
    expects "a Response signed with that key to be accepted: a key without use is for signing and for encryption";
    fix "Use the key of a KeyDescriptor without the attribute use for both purposes, signing and encryption.";
    judge_key_without_use
"SAML-SP-CERT-06", Must, Harm::Intrusion(Attacker::Anybody), "saml-profiles §4.1.4.5; CVE-2026-28323"; "No Response is accepted if the metadata has no key";
    expects "unsigned Responses and Responses of an unknown key to be refused: without a key no signature can be verified";
    fix "Refuse metadata that has no signing key, and refuse every Response if no key is configured; never skip the verification.";
    judge_missing_key
"SAML-SP-CERT-07", May, Harm::Function, "sstc-metadata-iop §2.5.1"; "A signature is accepted although the certificate of its key in the metadata has expired";
    expects "a login: a certificate in metadata is only a container for a key, and the metadata decides how long the key is valid. Otherwise logins stop on the day when the certificate expires";
    fix "Trust the keys of the metadata without looking at the dates of their certificates; or warn administrators long before the certificate of their identity provider expires.";
    judge_expired_certificate
"SAML-SP-CERT-08", May, Harm::Function, "sstc-metadata-iop §2.5.1"; "A signature is accepted although the certificate of its key in the metadata is not valid yet";
    expects "a login: a certificate in metadata is only a container for a key";
    fix "Trust the keys of the metadata without looking at the dates of their certificates.";
    judge_future_certificate
"SAML-SP-CERT-09", May, Harm::Protection, "Entra application gallery"; "The key of an expired certificate is refused";
    expects "a refusal: the application gallery of Entra requires that the validity of the certificate is checked";
    fix "Refuse signatures of a key whose certificate has expired. The profiles of federations require the opposite (SAML-SP-CERT-07).";
    judge_refusal_of_expired
"SAML-SP-CERT-10", Must, Harm::Protection, "saml-metadata §4.3.1"; "Metadata whose validUntil has passed is refused";
    expects "a key that is only in the expired metadata to be refused: otherwise an attacker who replays old metadata can use removed keys again";
    fix "Refuse fetched metadata whose validUntil has passed, and keep the previous metadata as long as that is valid.";
    judge_expired_metadata
"SAML-SP-CERT-11", Must, Harm::Protection, "saml-metadata §4.3.1"; "After validUntil of the metadata, logins are refused";
    expects "a refusal when validUntil has passed and there is no newer metadata";
    fix "Store validUntil together with the keys, and do not use the keys after that time.";
    judge_use_after_valid_until
"SAML-SP-CERT-12", Must, Harm::Protection, "saml-metadata §4.3.3"; "Metadata that was changed after signing is refused";
    expects "a key that is only in the changed metadata to be refused";
    fix "Verify the signature of the metadata with the configured key each time you fetch it, before you use any part of it.";
    judge_changed_metadata
"SAML-SP-CERT-13", Must, Harm::Protection, "saml-metadata §4.3.3"; "Metadata that is signed with another key is refused";
    expects "a key that is only in this metadata to be refused";
    fix "Verify the signature of the metadata only with the configured key, never with the key in its KeyInfo.";
    judge_foreign_metadata
"SAML-SP-CERT-14", Must, Harm::Protection, "saml-metadata §4.3.3"; "Unsigned metadata is refused if a signature is required";
    expects "a key that is only in the unsigned metadata to be refused";
    fix "Refuse metadata without a signature if your configuration requires one.";
    judge_unsigned_metadata
"SAML-SP-CERT-15", Should, Harm::Protection, "NIST SP 800-131A §3"; "An RSA key of 1024 bits verifies no signature";
    expects "a Response signed with that key to be refused: RSA keys below 2048 bits may no longer make signatures";
    fix "Refuse metadata with RSA keys below 2048 bits, or leave out such keys. Many libraries have a setting for the smallest key.";
    judge_weak_key
}

/// Checks that are requirements of profiles only; the opposite is a check of every run.
pub(in crate::check::sp) const ONLY_FOR_PROFILES: &[&str] = &["SAML-SP-CERT-09"];

async fn judge_new_key(beyond: &Beyond<'_>) -> Judged {
    match try_first_key_once(beyond).await {
        FirstKey::Taken(figure) => holds_with(figure, json!([{"figure": figure}])),
        FirstKey::NotTaken(text, evidence) => breaks(text, evidence.clone()),
        FirstKey::NotJudged(why) => skip(why),
    }
}

/// Skips the check unless SAML-SP-CERT-01 passed: without it, the other checks prove nothing.
async fn require_refetch(beyond: &Beyond<'_>) -> Result<(), Stop> {
    match try_first_key_once(beyond).await {
        FirstKey::Taken(_) => Ok(()),
        FirstKey::NotTaken(..) => Err(Stop::Follows("SAML-SP-CERT-01")),
        FirstKey::NotJudged(why) => skip(why),
    }
}

/// Passes if a Response signed with this key is accepted. `whose` describes the key.
async fn is_accepted(beyond: &Beyond<'_>, key: &SigningKey, whose: &str) -> Judged {
    match log_in(beyond, key, None).await? {
        Came::In(text, evidence) => holds_with(format!("{whose}: {text}"), evidence),
        Came::Out(text, evidence) => breaks(format!("{whose}: {text}"), evidence),
    }
}

/// Passes if a Response signed with this key is refused. `whose` describes the key.
async fn is_refused(beyond: &Beyond<'_>, key: &SigningKey, whose: &str) -> Judged {
    match log_in(beyond, key, None).await? {
        Came::In(text, evidence) => breaks(format!("{whose}: {text}"), evidence),
        Came::Out(text, evidence) => holds_with(format!("{whose}: {text}"), evidence),
    }
}

fn own(beyond: &Beyond<'_>) -> Publication {
    Publication::of(&beyond.judge.provider)
}

async fn judge_overlap(beyond: &Beyond<'_>) -> Judged {
    require_refetch(beyond).await?;
    publish_new_key(beyond, own(beyond)).await?;
    is_accepted(beyond, &beyond.judge.provider.key, "the older of two keys").await
}

/// Skips the check unless SAML-SP-CERT-02 passed: two keys in the metadata are accepted.
async fn require_overlap(beyond: &Beyond<'_>) -> Result<(), Stop> {
    let tried = beyond.takes_two_keys.get_or_try_init(|| async {
        match judge_overlap(beyond).await {
            Ok(_) => Ok(true),
            Err(Stop::Breaks(_)) => Ok(false),
            Err(other) => Err(other),
        }
    });
    match tried.await? {
        true => Ok(()),
        false => Err(Stop::Follows("SAML-SP-CERT-02")),
    }
}

async fn judge_retired_key(beyond: &Beyond<'_>) -> Judged {
    require_refetch(beyond).await?;
    let retired = publish_new_key(beyond, own(beyond)).await?;
    publish_new_key(beyond, own(beyond)).await?;
    is_refused(beyond, &retired, "the retired key").await
}

async fn judge_encryption_key(beyond: &Beyond<'_>) -> Judged {
    require_overlap(beyond).await?;
    let key = new_key(beyond, SignedDuration::ZERO).await?;
    publish_new_key(beyond, own(beyond).with(KeyUse::Encryption, &key)).await?;
    is_refused(beyond, &key, "the key for encryption").await
}

async fn judge_key_without_use(beyond: &Beyond<'_>) -> Judged {
    require_overlap(beyond).await?;
    let key = new_key(beyond, SignedDuration::ZERO).await?;
    publish_new_key(beyond, own(beyond).with(KeyUse::Any, &key)).await?;
    is_accepted(beyond, &key, "the key without use").await
}

async fn judge_missing_key(beyond: &Beyond<'_>) -> Judged {
    const UNSIGNED: &str = "unsigned-forged";
    require_refetch(beyond).await?;
    let faults = faults::catalogue().unwrap_or_default();
    let Some(unsigned) = faults.iter().find(|it| it.id == UNSIGNED) else {
        return skip(
            "cannot create the unsigned Response: the fault unsigned-forged was not found",
        );
    };
    let before = match offer(beyond, &Publication::default()).await? {
        Came::In(..) => "the service provider kept the key of the previous metadata",
        Came::Out(..) => "the service provider no longer uses the key of the previous metadata",
    };
    let provider = &beyond.judge.provider;
    let mut all = vec![before.to_owned()];
    for (what, got) in [
        (
            "unsigned",
            log_in(beyond, &provider.key, Some(unsigned)).await?,
        ),
        (
            "signed by a foreign key",
            log_in(beyond, &provider.foreign, None).await?,
        ),
    ] {
        match got {
            Came::In(text, evidence) => return breaks(format!("{what}: {text}"), evidence),
            Came::Out(text, _) => all.push(format!("{what}: {text}")),
        }
    }
    holds_with(all.join("; "), json!(null))
}

/// Publishes a key whose certificate becomes valid `later` than now, and waits until the service
/// provider uses that metadata. Returns the key.
async fn with_certificate_of(
    beyond: &Beyond<'_>,
    later: SignedDuration,
) -> Result<SigningKey, Stop> {
    require_overlap(beyond).await?;
    let key = new_key(beyond, later).await?;
    publish_new_key(beyond, own(beyond).with(KeyUse::Signing, &key)).await?;
    Ok(key)
}

/// Certificates are valid for one year, so one from two years ago has expired.
const TWO_YEARS: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

async fn judge_expired_certificate(beyond: &Beyond<'_>) -> Judged {
    let key = with_certificate_of(beyond, -TWO_YEARS).await?;
    is_accepted(beyond, &key, "the certificate expired a year ago").await
}

async fn judge_future_certificate(beyond: &Beyond<'_>) -> Judged {
    let key = with_certificate_of(beyond, TWO_YEARS).await?;
    is_accepted(beyond, &key, "the certificate is valid in two years").await
}

async fn judge_refusal_of_expired(beyond: &Beyond<'_>) -> Judged {
    let key = with_certificate_of(beyond, -TWO_YEARS).await?;
    is_refused(beyond, &key, "the certificate expired a year ago").await
}

/// Passes if this metadata, with a new key added, is fetched and a Response of the new key is
/// refused.
async fn is_not_taken(beyond: &Beyond<'_>, document: Publication) -> Judged {
    require_refetch(beyond).await?;
    let key = new_key(beyond, SignedDuration::ZERO).await?;
    offer(beyond, &document.with(KeyUse::Signing, &key)).await?;
    is_refused(beyond, &key, "the key of that document").await
}

async fn judge_expired_metadata(beyond: &Beyond<'_>) -> Judged {
    let document = Publication {
        validity: Validity::Ended,
        ..own(beyond)
    };
    is_not_taken(beyond, document).await
}

async fn judge_metadata_signed_as(beyond: &Beyond<'_>, signature: DocumentSignature) -> Judged {
    if !beyond.judge.provider.refetch.is_some_and(|it| it.is_signed) {
        return skip(
            "not judged: give --sign-metadata if the service provider requires signed metadata",
        );
    }
    let document = Publication {
        signature,
        ..own(beyond)
    };
    is_not_taken(beyond, document).await
}

async fn judge_changed_metadata(beyond: &Beyond<'_>) -> Judged {
    judge_metadata_signed_as(beyond, DocumentSignature::Broken).await
}

async fn judge_foreign_metadata(beyond: &Beyond<'_>) -> Judged {
    judge_metadata_signed_as(beyond, DocumentSignature::Foreign).await
}

async fn judge_unsigned_metadata(beyond: &Beyond<'_>) -> Judged {
    judge_metadata_signed_as(beyond, DocumentSignature::None).await
}

async fn judge_weak_key(beyond: &Beyond<'_>) -> Judged {
    require_refetch(beyond).await?;
    if beyond.base.encrypts || beyond.base.cover == Cover::Both {
        return skip("not judged: the service provider requires encryption, or two signatures");
    }
    let ambient = beyond.judge.ambient.clone();
    let made = tokio::task::spawn_blocking(move || WeakKey::generate(&ambient));
    let made = made.await.map_err(|error| error.to_string());
    let key = made.and_then(|it| it).map_err(Stop::Skip)?;
    offer(beyond, &own(beyond).with_certificate(&key.certificate)).await?;
    let login = beyond.login();
    let visitor = login.visitor()?;
    let asked = match login.ask(&visitor).await {
        Err(CheckError::NoRequest { .. }) => login.unsolicited_values()?,
        asked => asked?,
    };
    let ready = login.make(asked, None, beyond.base)?;
    let signed = key.sign_again(ready.xml()).map_err(Stop::Skip)?;
    let answer = login
        .deliver(&visitor, &ready.with_document(signed))
        .await?;
    match answer.is_accepted() {
        true => breaks(answer.to_sentence(), answer.evidence()),
        false => holds_with(answer.to_sentence(), answer.evidence()),
    }
}

async fn judge_use_after_valid_until(beyond: &Beyond<'_>) -> Judged {
    require_refetch(beyond).await?;
    let (provider, ambient) = (&beyond.judge.provider, &beyond.judge.ambient);
    // Each fetch gets metadata that is valid for three seconds from then on, until a login shows
    // that the service provider uses it.
    let short = Publication {
        validity: Validity::Short,
        ..own(beyond)
    };
    let key = publish_new_key(beyond, short).await?;
    let document = provider.published.freeze().unwrap_or_default();
    let until = IdpMetadata::parse(&document)
        .ok()
        .and_then(|it| it.valid_until);
    let Some((until, refetch)) = until.zip(provider.refetch) else {
        return skip("the metadata with a short validUntil was not fetched");
    };
    loop {
        let since = ambient.now().duration_since(until);
        if let Ok(left) = std::time::Duration::try_from(-since)
            && !left.is_zero()
        {
            let why = "until validUntil of the metadata has passed";
            beyond.judge.runner.progress.wait(left, why);
            pause(left).await;
            continue;
        }
        let seconds = since.as_secs();
        match log_in(beyond, &key, None).await? {
            Came::Out(text, evidence) => {
                return holds_with(format!("{seconds} s after validUntil: {text}"), evidence);
            }
            Came::In(text, evidence) if since >= refetch.skew => {
                return breaks(format!("{seconds} s after validUntil: {text}"), evidence);
            }
            Came::In(..) if since.unsigned_abs() >= refetch.wait => {
                return skip(format!(
                    "logins still work {seconds} s after validUntil, which may be an allowed clock skew; give --metadata-refetch-wait {} or more to judge this",
                    refetch.skew.as_secs()
                ));
            }
            Came::In(..) => pause(std::time::Duration::from_secs(1)).await,
        }
    }
}
