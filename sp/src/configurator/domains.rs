//! Step 1, Configure organization's domains (G-07).

use super::changes::{note, require_entered_values};
use super::{By, ConfiguratorError, Entered, lockout};
use crate::Portal;
use crate::accounts::is_domain;
use crate::dns::Found;
use crate::store::domains::DomainRow;
use crate::store::{self, to_microseconds};

/// Prefix of the TXT record; 64 hexadecimal digits follow.
pub const PREFIX: &str = "parallels-domain-verification=";

pub(super) fn list_missing_actions(entered: &Entered) -> Vec<String> {
    if entered.domains.is_empty() {
        return vec!["add at least one domain".to_owned()];
    }
    entered
        .domains
        .iter()
        .filter(|domain| domain.status != "verified")
        .map(|domain| format!("verify {}", domain.domain))
        .collect()
}

/// Adds a domain and creates the value of its TXT record.
///
/// # Errors
/// The text is not a domain, or the domain is already in the list or verified
/// by another business account.
pub async fn add(
    portal: &Portal,
    by: By<'_>,
    domain: &str,
) -> Result<DomainRow, ConfiguratorError> {
    let name = domain.trim().trim_end_matches('.').to_lowercase();
    if !is_domain(&name) {
        return Err(ConfiguratorError::InvalidDomain(domain.to_owned()));
    }
    let mut tx = portal.store.write().await?;
    require_entered_values(&mut tx, by.business_id).await?;
    if store::domains::claim(&mut tx, by.business_id, &name)
        .await?
        .is_some()
    {
        return Err(ConfiguratorError::DomainEntered(name));
    }
    // Only a verified domain is taken: otherwise any account could keep a domain
    // from its owner.
    if let Some(row) = store::domains::find_by_name(&mut tx, &name).await?
        && row.status == "verified"
    {
        return Err(ConfiguratorError::DomainTaken(name));
    }
    let row = DomainRow {
        txt_value: format!("{PREFIX}{}", portal.ambient.rng().hex(32)),
        domain: name,
        business_id: by.business_id.to_owned(),
        status: "pending".to_owned(),
        detail: "not looked up yet".to_owned(),
        added: to_microseconds(portal.now()),
        checked: None,
    };
    store::domains::insert(&mut tx, &row).await?;
    note(portal, &mut tx, by, "domain-added", &row.domain, "").await?;
    tx.commit().await?;
    Ok(row)
}

/// Removes a domain.
///
/// # Errors
/// The domain is not in the list, or it is the last verified one of an active
/// integration.
pub async fn remove(portal: &Portal, by: By<'_>, domain: &str) -> Result<(), ConfiguratorError> {
    let domain = domain.to_lowercase();
    let mut tx = portal.store.write().await?;
    let entered = require_entered_values(&mut tx, by.business_id).await?;
    let left = entered
        .domains
        .iter()
        .any(|other| other.domain != domain && other.status == "verified");
    if entered.tenant.active == 1 && !left {
        return Err(ConfiguratorError::ActiveNeeds(
            "at least one verified domain".to_owned(),
        ));
    }
    let before = lockout::read_access(&mut tx, by).await?;
    if !store::domains::delete(&mut tx, by.business_id, &domain).await? {
        return Err(ConfiguratorError::NoSuchDomain(domain));
    }
    let what = format!("you sign in with an address at {domain}");
    lockout::ask(&mut tx, by, before, &what, Vec::new()).await?;
    note(portal, &mut tx, by, "domain-removed", &domain, "").await?;
    Ok(tx.commit().await?)
}

/// Looks up the TXT record without storing the result, for a page that waits
/// for DNS.
///
/// # Errors
/// The domain is not in the list.
pub async fn look(
    portal: &Portal,
    business_id: &str,
    domain: &str,
) -> Result<(&'static str, String), ConfiguratorError> {
    let domain = domain.to_lowercase();
    let mut db = portal.store.read().await?;
    let row = store::domains::claim(&mut db, business_id, &domain)
        .await?
        .ok_or(ConfiguratorError::NoSuchDomain(domain))?;
    drop(db);
    let found = portal.resolver.look_up_txt(&row.domain).await;
    Ok(judge(&row, &found))
}

/// Looks up the TXT record and stores the result.
///
/// # Errors
/// The domain is not in the list.
pub async fn verify(
    portal: &Portal,
    by: By<'_>,
    domain: &str,
) -> Result<DomainRow, ConfiguratorError> {
    let domain = domain.to_lowercase();
    let mut db = portal.store.read().await?;
    let row = store::domains::claim(&mut db, by.business_id, &domain)
        .await?
        .ok_or(ConfiguratorError::NoSuchDomain(domain))?;
    drop(db);
    let found = portal.resolver.look_up_txt(&row.domain).await;
    let (status, detail) = judge(&row, &found);
    let mut tx = portal.store.write().await?;
    let at = to_microseconds(portal.now());
    store::domains::record_check(&mut tx, by.business_id, &row.domain, status, &detail, at)
        .await
        .map_err(|error| match error.is_unique_violation() {
            true => ConfiguratorError::DomainTaken(row.domain.clone()),
            false => error.into(),
        })?;
    note(
        portal,
        &mut tx,
        by,
        "domain-looked-up",
        &row.domain,
        &detail,
    )
    .await?;
    tx.commit().await?;
    Ok(DomainRow {
        status: status.to_owned(),
        detail,
        checked: Some(at),
        ..row
    })
}

/// Returns the status and its explanation for the result of a look-up. A
/// verified domain stays verified while its name servers do not answer.
fn judge(row: &DomainRow, found: &Found) -> (&'static str, String) {
    let name = &row.domain;
    match found {
        Found::Records(records) if records.iter().any(|record| record.trim() == row.txt_value) => {
            ("verified", "the TXT record was found".to_owned())
        }
        Found::Records(records) => {
            let ours: Vec<&String> = records
                .iter()
                .filter(|record| record.trim().starts_with(PREFIX))
                .collect();
            if ours.is_empty() {
                (
                    "pending",
                    format!(
                        "{name} has {} TXT records, none of them is the verification record: add it; a new record may take up to 72 hours to be seen",
                        records.len()
                    ),
                )
            } else {
                (
                    "failed",
                    format!(
                        "{name} has a verification record with another value: expected {}, found {}",
                        row.txt_value,
                        ours.iter()
                            .map(|record| record.as_str())
                            .collect::<Vec<_>>()
                            .join(" and ")
                    ),
                )
            }
        }
        Found::Nothing => (
            "pending",
            format!(
                "{name} exists and has no TXT record: add it; a new record may take up to 72 hours to be seen"
            ),
        ),
        Found::NoSuchName => (
            "pending",
            format!(
                "{name} does not exist in DNS (NXDOMAIN): check its spelling; a new domain may take up to 72 hours to be seen"
            ),
        ),
        Found::TimedOut => (
            if row.status == "verified" {
                "verified"
            } else {
                "timed-out"
            },
            format!("no name server answered for {name} in time: try again"),
        ),
        Found::Failed(reason) => (
            if row.status == "verified" {
                "verified"
            } else {
                "failed"
            },
            format!("the look-up of {name} failed ({reason}): check the domain's name servers"),
        ),
    }
}
