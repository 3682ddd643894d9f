//! Environments, apart from each other, and their populations.

use super::{Document, environment, existing, text, unique_name, writable};
use crate::Idp;
use crate::refusal::{Refused, Result};
use crate::store::keys::{self, KeyRow};
use crate::store::resources::{self, Kind, Resource};
use crate::store::users;

impl Idp {
    /// A new environment with a default population and a signing key.
    pub(crate) async fn create_environment(&self, document: Document) -> Result<Resource> {
        let mut document = writable(document);
        if text(&document, "name").is_none() {
            return Err(Refused::required("name"));
        }
        for (key, default) in [("type", "SANDBOX"), ("region", "NA")] {
            document
                .entry(key)
                .or_insert_with(|| serde_json::Value::from(default));
        }
        let created = self.draft("", Kind::Environment, "", document);
        let key = self
            .new_key(&created.id, "Default Signing Key", true)
            .await?;
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
        unique_name(&mut tx, &created).await?;
        resources::put(&mut tx, &created).await?;
        resources::put(&mut tx, &population).await?;
        keys::add(&mut tx, &key).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// Every environment.
    pub(crate) async fn environments(&self) -> Result<Vec<Resource>> {
        let mut db = self.store.read().await?;
        Ok(resources::list(&mut db, "", Kind::Environment, None).await?)
    }

    /// Removes an environment with all that is in it.
    pub(crate) async fn delete_environment(&self, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        environment(&mut tx, id).await?;
        resources::delete_environment(&mut tx, id).await?;
        tx.commit().await?;
        self.misbehaviour.forget_environment(id);
        Ok(())
    }

    /// A new population.
    pub(crate) async fn create_population(
        &self,
        environment_id: &str,
        document: Document,
    ) -> Result<Resource> {
        let document = writable(document);
        if text(&document, "name").is_none() {
            return Err(Refused::required("name"));
        }
        let created = self.draft(environment_id, Kind::Population, "", document);
        let mut tx = self.store.write().await?;
        environment(&mut tx, environment_id).await?;
        unique_name(&mut tx, &created).await?;
        resources::put(&mut tx, &created).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// Removes a population that nobody lives in.
    pub(crate) async fn delete_population(&self, environment_id: &str, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        existing(&mut tx, environment_id, Kind::Population, id).await?;
        let inhabited = users::list(&mut tx, environment_id)
            .await?
            .iter()
            .any(|user| super::reference(&user.document, "population") == Some(id));
        if inhabited {
            return Err(Refused::constraint(
                "id",
                "expected a population without users: move or delete them first",
            ));
        }
        resources::delete(&mut tx, environment_id, Kind::Population, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The environment's signing keys.
    pub(crate) async fn keys(&self, environment_id: &str) -> Result<Vec<KeyRow>> {
        let mut db = self.store.read().await?;
        environment(&mut db, environment_id).await?;
        Ok(keys::list(&mut db, environment_id).await?)
    }
}
