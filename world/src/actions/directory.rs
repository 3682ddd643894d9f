//! What the IdP administrator does in steps 2, 3, 4 and 6: the application, its attribute
//! mappings, groups and users.

use ambient::answer_body;
use reqwest::Method;
use serde_json::{Value, json};

use crate::World;
use crate::judge::{Failed, Outcome, text};
use crate::world::{CORPORATE_PASSWORD, MAX_ANSWER_BYTES};

/// The four attribute mappings of the guide, with the expressions of the console.
pub const GUIDE_MAPPINGS: [(&str, &str); 4] = [
    ("displayname", "${user.name.given + ' ' + user.name.family}"),
    ("groups", "${user.memberOfGroupIDs}"),
    ("name", "${user.username}"),
    ("objectidentifier", "${user.id}"),
];

impl World {
    /// Creates an environment, if there is none yet.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn idp_environment(&mut self) -> Outcome {
        if !self.directory.environment.is_empty() {
            return Ok(());
        }
        let url = self.rehearsal.idp_url().join("/v1/environments")?;
        // The IdP of a target has other environments: the name must be unique.
        let name = if self.rehearsal.is_own() {
            "Administrator".to_owned()
        } else {
            format!("Rehearsal of {}", self.domain)
        };
        let body = json!({"name": name, "region": "EU", "type": "SANDBOX"});
        let answer = self
            .ask_management(Method::POST, url, Some(body))
            .await?
            .clone()
            .succeeded("making an environment")?;
        self.directory.environment = text(&answer.body, "/id")?.to_owned();
        let populations = self
            .at_management(Method::GET, "/populations", None)
            .await?
            .clone();
        self.directory.population = populations
            .body
            .pointer("/_embedded/populations/0/id")
            .and_then(Value::as_str)
            .map(str::to_owned);
        Ok(())
    }

    /// Connections → Applications → +: creates a SAML application. The values of its
    /// service provider are entered in step 4.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn creates_application(&mut self, name: &str) -> Outcome {
        self.idp_environment().await?;
        let body = json!({
            "name": name,
            "description": "SSO for the desktop product",
            "protocol": "SAML",
            "type": "WEB_APP",
            "enabled": false,
            "assertionDuration": 300,
            "acsUrls": [self.given_by_portal("/service_provider/acs_url")?],
            "spEntityId": self.given_by_portal("/service_provider/entity_id")?,
        });
        let answer = self
            .at_management(Method::POST, "/applications", Some(body))
            .await?
            .clone()
            .succeeded("making the application")?;
        self.directory.application = text(&answer.body, "/id")?.to_owned();
        Ok(())
    }

    /// Connections → Applications → +: creates an application from the service provider's
    /// metadata.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn imports_application(&mut self, name: &str, metadata_url: &str) -> Outcome {
        self.idp_environment().await?;
        let body = json!({
            "name": name,
            "protocol": "SAML",
            "type": "WEB_APP",
            "spMetadataUrl": metadata_url,
        });
        let answer = self
            .at_management(Method::POST, "/applications", Some(body))
            .await?
            .clone()
            .succeeded("importing the application")?;
        self.directory.application = text(&answer.body, "/id")?.to_owned();
        Ok(())
    }

    /// Returns the application as JSON of the management API.
    ///
    /// # Errors
    /// When the IdP does not return it.
    pub async fn application(&mut self) -> Outcome<Value> {
        let path = format!("/applications/{}", self.directory.application);
        let answer = self
            .at_management(Method::GET, &path, None)
            .await?
            .clone()
            .succeeded("reading the application")?;
        Ok(answer.body)
    }

    /// Edit Configuration: changes members of the application.
    ///
    /// # Errors
    /// When the IdP refuses the change.
    pub async fn edits_application(&mut self, changes: Value) -> Outcome {
        let mut application = self.application().await?;
        if let (Some(application), Value::Object(changes)) = (application.as_object_mut(), changes)
        {
            for read_only in ["_links", "id", "environment", "createdAt", "updatedAt"] {
                application.remove(read_only);
            }
            application.extend(changes);
        }
        let path = format!("/applications/{}", self.directory.application);
        self.at_management(Method::PUT, &path, Some(application))
            .await?
            .clone()
            .succeeded("changing the application")?;
        Ok(())
    }

    /// Attribute Mappings: adds a mapping.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn adds_mapping(&mut self, name: &str, expression: &str) -> Outcome {
        let path = format!("/applications/{}/attributes", self.directory.application);
        let body = json!({"name": name, "value": expression, "required": false});
        self.at_management(Method::POST, &path, Some(body))
            .await?
            .clone()
            .succeeded("adding the attribute mapping")?;
        Ok(())
    }

    /// Identities → Groups → +: creates a group.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn creates_group(&mut self, name: &str) -> Outcome {
        self.idp_environment().await?;
        let body = json!({"name": name, "description": "for the product"});
        let answer = self
            .at_management(Method::POST, "/groups", Some(body))
            .await?
            .clone()
            .succeeded("making the group")?;
        let id = text(&answer.body, "/id")?.to_owned();
        self.directory.groups.insert(name.to_owned(), id);
        Ok(())
    }

    /// Returns the id that the IdP assigned to a group.
    ///
    /// # Errors
    /// When no earlier step created the group.
    pub fn group_id(&self, name: &str) -> Outcome<String> {
        self.directory
            .groups
            .get(name)
            .cloned()
            .ok_or_else(|| Failed::Unknown(format!("the group {name}")))
    }

    /// Identities → Users → Add User: creates a user with a password.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn creates_user(&mut self, given: &str) -> Outcome {
        self.idp_environment().await?;
        let person = self.person(given)?;
        let mut body = json!({
            "username": person.email,
            "email": person.email,
            "name": {"given": person.given, "family": person.family},
        });
        if let Some(population) = &self.directory.population {
            body["population"] = json!({"id": population});
        }
        let answer = self
            .at_management(Method::POST, "/users", Some(body))
            .await?
            .clone()
            .succeeded("making the user")?;
        let id = text(&answer.body, "/id")?.to_owned();
        let password = json!({"value": CORPORATE_PASSWORD, "forceChange": false});
        self.at_management(
            Method::PUT,
            &format!("/users/{id}/password"),
            Some(password),
        )
        .await?
        .clone()
        .succeeded("setting the password")?;
        let key = given.to_ascii_lowercase();
        self.directory.users.insert(key, id);
        Ok(())
    }

    /// Returns the id that the IdP assigned to a user.
    ///
    /// # Errors
    /// When no earlier step created the user.
    pub fn user_id(&self, given: &str) -> Outcome<String> {
        self.directory
            .users
            .get(&given.to_ascii_lowercase())
            .cloned()
            .ok_or_else(|| Failed::Unknown(format!("the user {given}")))
    }

    /// Adds a user to a group.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn joins_group(&mut self, given: &str, group: &str) -> Outcome {
        let path = format!("/users/{}/memberOfGroups", self.user_id(given)?);
        let body = json!({"id": self.group_id(group)?});
        self.at_management(Method::POST, &path, Some(body))
            .await?
            .clone()
            .succeeded("joining the group")?;
        Ok(())
    }

    /// Removes a user from a group.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn leaves_group(&mut self, given: &str, group: &str) -> Outcome {
        let path = format!(
            "/users/{}/memberOfGroups/{}",
            self.user_id(given)?,
            self.group_id(group)?
        );
        self.at_management(Method::DELETE, &path, None)
            .await?
            .clone()
            .succeeded("leaving the group")?;
        Ok(())
    }

    /// Enables or disables a user.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn user_enabled(&mut self, given: &str, enabled: bool) -> Outcome {
        let path = format!("/users/{}/enabled", self.user_id(given)?);
        self.at_management(Method::PUT, &path, Some(json!({"enabled": enabled})))
            .await?
            .clone()
            .succeeded("turning the user on or off")?;
        Ok(())
    }

    /// Changes a user's family name.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn renames_user(&mut self, given: &str, family: &str) -> Outcome {
        let path = format!("/users/{}", self.user_id(given)?);
        let body = json!({"name": {"given": self.person(given)?.given, "family": family}});
        self.at_management(Method::PATCH, &path, Some(body))
            .await?
            .clone()
            .succeeded("changing the user")?;
        Ok(())
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn deletes_user(&mut self, given: &str) -> Outcome {
        let path = format!("/users/{}", self.user_id(given)?);
        self.at_management(Method::DELETE, &path, None)
            .await?
            .clone()
            .succeeded("deleting the user")?;
        Ok(())
    }

    /// Fetches the IdP's SAML metadata for the application.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub async fn idp_metadata(&mut self) -> Outcome<String> {
        let url = self.idp_metadata_url()?;
        let client = self.person("the-idp-administrator")?.browser.client();
        Ok(client
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?)
    }

    /// Returns the URL of the IdP's SAML metadata for the application.
    ///
    /// # Errors
    /// When the result is not a URL.
    pub fn idp_metadata_url(&self) -> Outcome<String> {
        let path = format!(
            "/{}/saml20/metadata/{}",
            self.directory.environment, self.directory.application
        );
        Ok(self.rehearsal.idp_url().join(&path)?.to_string())
    }

    /// Download Signing Certificate: returns the PEM file.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub async fn signing_certificate(&mut self) -> Outcome<String> {
        let keys = self
            .at_management(Method::GET, "/keys", None)
            .await?
            .clone()
            .succeeded("listing the keys")?;
        let id = text(&keys.body, "/_embedded/keys/0/id")?;
        let path = format!("/v1/environments/{}/keys/{id}", self.directory.environment);
        let url = self.rehearsal.idp_url().join(&path)?;
        let token = self.rehearsal.idp_admin_token().to_owned();
        let client = self.person("the-idp-administrator")?.browser.client();
        let answer = client
            .get(url)
            .bearer_auth(token)
            .header(reqwest::header::ACCEPT, "application/x-pem-file")
            .send()
            .await?;
        Ok(answer_body::read_text(answer.error_for_status()?, MAX_ANSWER_BYTES).await?)
    }
}
