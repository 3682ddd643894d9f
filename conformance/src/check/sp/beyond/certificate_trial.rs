//! Changes the metadata for the checks of certificates, and finds out whether the service provider
//! uses it: each version has a new key, and a login with a Response of that key is the proof.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use faults::Fault;
use jiff::SignedDuration;
use saml::keys::SigningKey;
use serde_json::Value;

use super::super::CheckError;
use super::super::login::Login;
use super::super::provider::Refetch;
use super::super::publication::{KeyUse, Publication};
use super::{Beyond, Stop, skip};
use crate::key_pair::KeyPair;

/// Time to wait for a fetch before the next login. Some service providers fetch the metadata
/// only when a user logs in.
const STEP: Duration = Duration::from_secs(1);

/// The result of a login, with a sentence and the evidence.
pub(super) enum Came {
    In(String, Value),
    Out(String, Value),
}

/// The result of publishing the first new key.
pub(super) enum FirstKey {
    /// A sentence with the time and the number of fetches.
    Taken(String),
    NotTaken(String, Value),
    NotJudged(String),
}

/// The result of waiting until the service provider uses metadata with a new key.
enum Waited {
    Taken {
        took: Duration,
        fetches: usize,
    },
    NotTaken {
        fetches: usize,
        text: String,
        evidence: Value,
    },
}

fn refetch(beyond: &Beyond<'_>) -> Result<Refetch, Stop> {
    let provider = &beyond.judge.provider;
    provider.refetch.ok_or_else(|| {
        Stop::Skip(format!(
            "not judged: give --metadata-refetch-wait SECONDS if the service provider fetches the metadata from {} again",
            provider.entity_id
        ))
    })
}

/// Creates a key whose certificate becomes valid `later` than now.
pub(super) async fn new_key(
    beyond: &Beyond<'_>,
    later: SignedDuration,
) -> Result<SigningKey, Stop> {
    let ambient = beyond.judge.ambient.clone();
    let made = tokio::task::spawn_blocking(move || {
        let from = ambient.now() + later;
        KeyPair::generate("Rehearsal check", from, &ambient)?.signing_key()
    });
    let made = made.await.map_err(|error| error.to_string());
    made.and_then(|it| it).map_err(Stop::Skip)
}

/// Logs the user in with a Response that this key signs. If the service provider sends no
/// AuthnRequest, the Response is unsolicited.
pub(super) async fn log_in(
    beyond: &Beyond<'_>,
    key: &SigningKey,
    fault: Option<&Fault>,
) -> Result<Came, Stop> {
    let attacker = beyond.judge.attacker();
    let user = &beyond.judge.person.user;
    // A forged Response is derived from a genuine one about the attacker.
    let who = match fault.is_some_and(Fault::impersonates) {
        true => &attacker,
        false => user,
    };
    let login = Login::new(beyond.judge, who).with_key(key);
    let visitor = login.visitor()?;
    let asked = match login.ask(&visitor).await {
        Err(CheckError::NoRequest { .. }) => login.unsolicited_values()?,
        asked => asked?,
    };
    let ready = login.make(asked, fault, beyond.base)?;
    let answer = login.deliver(&visitor, &ready).await?;
    let (text, evidence) = (answer.to_sentence(), answer.evidence());
    Ok(match answer.is_accepted() {
        true => Came::In(text, evidence),
        false => Came::Out(text, evidence),
    })
}

/// Publishes this metadata from now on.
fn publish(beyond: &Beyond<'_>, document: &Publication) -> Result<(), Stop> {
    let is_signed = refetch(beyond)?.is_signed;
    let (provider, ambient) = (beyond.judge.provider.clone(), beyond.judge.ambient.clone());
    let document = document.clone();
    let make = move || document.to_xml(&provider, is_signed, ambient.now());
    make().map_err(Stop::Skip)?;
    beyond.has_published.store(true, Ordering::Relaxed);
    let published = &beyond.judge.provider.published;
    published.publish_each(move || make().unwrap_or_default());
    Ok(())
}

/// Publishes this metadata and waits until a login shows that the service provider uses `key`.
async fn wait_for(
    beyond: &Beyond<'_>,
    document: &Publication,
    key: &SigningKey,
) -> Result<Waited, Stop> {
    let wait = refetch(beyond)?.wait;
    let published = &beyond.judge.provider.published;
    let before = published.count();
    publish(beyond, document)?;
    let began = Instant::now();
    loop {
        let seen = published.count();
        let got = log_in(beyond, key, None).await?;
        let (took, fetches) = (began.elapsed(), published.count() - before);
        match got {
            Came::In(..) => return Ok(Waited::Taken { took, fetches }),
            Came::Out(text, evidence) if took >= wait => {
                return Ok(Waited::NotTaken {
                    fetches,
                    text,
                    evidence,
                });
            }
            Came::Out(..) => {
                let left = wait.saturating_sub(took);
                published.wait_for_fetch(seen, left.min(STEP)).await;
            }
        }
    }
}

/// Publishes this metadata with one more key, and returns that key as soon as a login shows that
/// the service provider uses the metadata.
pub(super) async fn publish_new_key(
    beyond: &Beyond<'_>,
    document: Publication,
) -> Result<SigningKey, Stop> {
    let key = new_key(beyond, SignedDuration::ZERO).await?;
    let document = document.with(KeyUse::Signing, &key);
    match wait_for(beyond, &document, &key).await? {
        Waited::Taken { .. } => Ok(key),
        Waited::NotTaken { fetches: 0, .. } => skip(not_fetched(refetch(beyond)?, "again ")),
        Waited::NotTaken { text, .. } => skip(format!(
            "the metadata was fetched, but its new key was not taken: {text}"
        )),
    }
}

fn not_fetched(refetch: Refetch, again: &str) -> String {
    format!(
        "not judged: the metadata was not fetched {again}within {} s (--metadata-refetch-wait); some service providers wait longer after metadata that they refused",
        refetch.wait.as_secs()
    )
}

/// Publishes the first new key and returns the result. This is tried once.
pub(super) async fn try_first_key_once<'b>(beyond: &'b Beyond<'_>) -> &'b FirstKey {
    let tried = beyond.first_key.get_or_init(|| async {
        match try_first_key(beyond).await {
            Ok(got) => got,
            Err(Stop::Skip(why)) => FirstKey::NotJudged(why),
            Err(Stop::Lost(url, reason)) => {
                FirstKey::NotJudged(format!("no answer from {url}: {reason}"))
            }
            Err(Stop::Breaks(seen)) => FirstKey::NotTaken(seen.text, seen.evidence),
            Err(Stop::Follows(cause)) => FirstKey::NotJudged(format!("{cause} did not pass")),
        }
    });
    tried.await
}

async fn try_first_key(beyond: &Beyond<'_>) -> Result<FirstKey, Stop> {
    let refetch = refetch(beyond)?;
    let key = new_key(beyond, SignedDuration::ZERO).await?;
    let document = Publication::of(&beyond.judge.provider).with(KeyUse::Signing, &key);
    Ok(match wait_for(beyond, &document, &key).await? {
        Waited::Taken { took, fetches } => FirstKey::Taken(format!(
            "the new key was taken after {:.1} s and {fetches} {}",
            took.as_secs_f64(),
            if fetches == 1 { "fetch" } else { "fetches" }
        )),
        Waited::NotTaken { fetches: 0, .. } => FirstKey::NotJudged(not_fetched(refetch, "")),
        Waited::NotTaken {
            fetches,
            text,
            evidence,
        } => FirstKey::NotTaken(
            format!(
                "the metadata was fetched ({fetches} in {} s), but its new key was not taken: {text}",
                refetch.wait.as_secs()
            ),
            evidence,
        ),
    })
}

/// Publishes this metadata, which may be refused, until it was fetched. Returns the result of a
/// login with the provider's own key afterwards.
pub(super) async fn offer(beyond: &Beyond<'_>, document: &Publication) -> Result<Came, Stop> {
    let refetch = refetch(beyond)?;
    let provider = &beyond.judge.provider;
    let before = provider.published.count();
    publish(beyond, document)?;
    if !is_fetched_after(beyond, before, refetch.wait).await? {
        return skip(not_fetched(refetch, "again "));
    }
    // After one more login, the service provider has either accepted or refused the metadata.
    log_in(beyond, &provider.key, None).await
}

async fn is_fetched_after(
    beyond: &Beyond<'_>,
    before: usize,
    wait: Duration,
) -> Result<bool, Stop> {
    let provider = &beyond.judge.provider;
    let began = Instant::now();
    loop {
        log_in(beyond, &provider.key, None).await?;
        let left = wait.saturating_sub(began.elapsed());
        if provider
            .published
            .wait_for_fetch(before, left.min(STEP))
            .await
        {
            return Ok(true);
        }
        if left.is_zero() {
            return Ok(false);
        }
    }
}

impl Beyond<'_> {
    /// Publishes the provider's original metadata again, if it was changed, and waits until the
    /// service provider has fetched it.
    pub(in crate::check::sp) async fn restore_metadata(&self) {
        let provider = &self.judge.provider;
        let Some(refetch) = provider.refetch else {
            return;
        };
        if !self.has_published.load(Ordering::Relaxed) || provider.publish_own().is_err() {
            return;
        }
        let is_seen = matches!(try_first_key_once(self).await, FirstKey::Taken(_));
        if is_seen && !self.judge.runner.has_ended() {
            let before = provider.published.count();
            let _ = is_fetched_after(self, before, refetch.wait).await;
        }
    }
}
