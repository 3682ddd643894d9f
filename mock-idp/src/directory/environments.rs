//! Environments, which are isolated from each other, and their populations.

use super::{Change, Document, check_unique_name, get_environment, get_existing, text, writable};
use crate::Idp;
use crate::flavor;
use crate::refusal::{Refused, Result};
use crate::store::keys::{self, KeyRow};
use crate::store::resources::{self, Kind, Resource};
use crate::store::users;

const TYPES: [&str; 2] = ["SANDBOX", "PRODUCTION"];
const REGIONS: [&str; 5] = ["NA", "EU", "AP", "CA", "AU"];

fn name(document: &Document) -> Result<String> {
    text(document, "name")
        .map(str::to_owned)
        .ok_or_else(|| Refused::required("name"))
}

/// Checks the members of an environment. Fills in those that were not sent, from the former
/// document or with PingOne's defaults.
fn check_environment(document: &mut Document, former: &Document) -> Result<()> {
    let flavors = flavor::names();
    for (key, allowed) in [
        ("type", &TYPES[..]),
        ("region", &REGIONS[..]),
        ("flavor", &flavors[..]),
    ] {
        let value = document
            .entry(key)
            .or_insert_with(|| former.get(key).cloned().unwrap_or(allowed[0].into()));
        if !allowed.iter().any(|known| value == known) {
            return Err(Refused::none_of(key, allowed, value));
        }
    }
    Ok(())
}

impl Idp {
    /// Creates an environment with a default population and a signing key.
    pub(crate) async fn create_environment(&self, document: Document) -> Result<Resource> {
        let mut document = writable(document);
        name(&document)?;
        check_environment(&mut document, &Document::new())?;
        let created = self.draft("", Kind::Environment, "", document);
        let key = self.make_first_key(&created.id).await?;
        let population = self.draft(
            &created.id,
            Kind::Population,
            "",
            Document::from_iter([
                ("name".to_owned(), "Default".into()),
                ("default".to_owned(), true.into()),
            ]),
        );
        let mut tx = self.store.write().await?;
        check_unique_name(&mut tx, &created).await?;
        resources::put(&mut tx, &created).await?;
        resources::put(&mut tx, &population).await?;
        keys::add(&mut tx, &key).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// Returns all environments.
    pub(crate) async fn list_environments(&self) -> Result<Vec<Resource>> {
        let mut db = self.store.read().await?;
        Ok(resources::list(&mut db, "", Kind::Environment, None).await?)
    }

    /// Deletes an environment and everything in it.
    pub(crate) async fn delete_environment(&self, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, id).await?;
        resources::delete_environment(&mut tx, id).await?;
        tx.commit().await?;
        self.misbehavior.forget_environment(id);
        Ok(())
    }

    /// Changes an environment.
    pub(crate) async fn change_environment(&self, id: &str, change: Change) -> Result<Resource> {
        let mut tx = self.store.write().await?;
        let mut changed = get_environment(&mut tx, id).await?;
        let former = changed.document.clone();
        changed.document = change.of(changed.document);
        check_environment(&mut changed.document, &former)?;
        changed.name = name(&changed.document)?;
        changed.updated_at = self.now();
        check_unique_name(&mut tx, &changed).await?;
        resources::put(&mut tx, &changed).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Creates a population.
    pub(crate) async fn create_population(
        &self,
        environment_id: &str,
        document: Document,
    ) -> Result<Resource> {
        let mut document = writable(document);
        name(&document)?;
        document.insert("default".into(), false.into());
        let created = self.draft(environment_id, Kind::Population, "", document);
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, environment_id).await?;
        check_unique_name(&mut tx, &created).await?;
        resources::put(&mut tx, &created).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// Changes a population. The member `default` cannot be changed.
    pub(crate) async fn change_population(
        &self,
        environment_id: &str,
        id: &str,
        change: Change,
    ) -> Result<Resource> {
        let mut tx = self.store.write().await?;
        let mut changed = get_existing(&mut tx, environment_id, Kind::Population, id).await?;
        let default = changed.document.get("default").cloned();
        changed.document = change.of(changed.document);
        changed.name = name(&changed.document)?;
        changed
            .document
            .insert("default".into(), default.unwrap_or(false.into()));
        changed.updated_at = self.now();
        check_unique_name(&mut tx, &changed).await?;
        resources::put(&mut tx, &changed).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Deletes a population without users.
    pub(crate) async fn delete_population(&self, environment_id: &str, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        let population = get_existing(&mut tx, environment_id, Kind::Population, id).await?;
        if population.document.get("default") == Some(&true.into()) {
            return Err(Refused::constraint(
                "id",
                "the default population cannot be deleted",
            ));
        }
        let inhabited = users::list(&mut tx, environment_id)
            .await?
            .iter()
            .any(|user| super::reference(&user.document, "population") == Some(id));
        if inhabited {
            return Err(Refused::constraint(
                "id",
                "the population has users; move or delete them first",
            ));
        }
        resources::delete(&mut tx, environment_id, Kind::Population, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Returns the signing keys of an environment.
    pub(crate) async fn list_keys(&self, environment_id: &str) -> Result<Vec<KeyRow>> {
        let mut db = self.store.read().await?;
        get_environment(&mut db, environment_id).await?;
        Ok(keys::list(&mut db, environment_id).await?)
    }
}
