//! Sets up the demo organization, from the license key to the active integration, by the
//! same actions that the scenarios use.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::World;
use crate::actions::{GUIDE_MAPPINGS, per_user_key};
use crate::judge::{Failed, Outcome, text};
use crate::world::{DOMAIN, PORTAL_PASSWORD};

/// The admins group of the guide.
pub const ADMINS: &str = "Parallels Business Account Admins";

/// The product users group of the guide.
pub const PRODUCT_USERS: &str = "Parallels Desktop Users";

/// The e-mail domain of the demo organization.
pub const FIRST_DOMAIN: &str = DOMAIN;

/// How the organization is set up; the default is as in the guide.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Number of seats of the subscription.
    pub seats: u32,
    /// Number of Macs for each user, if the order limits it.
    pub macs: Option<u32>,
    /// Number of days until the subscription ends; None for a year.
    pub days: Option<i64>,
    /// True if SCIM is set up in step 5; false if it is turned off there.
    pub scim: bool,
    /// The name of the admins group as it is typed in the portal.
    pub admins_entered_as: String,
    /// An attribute mapping of the guide, and the text that is entered instead of it.
    pub mapping_written: Option<(String, String)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seats: 5,
            macs: None,
            days: None,
            scim: true,
            admins_entered_as: ADMINS.to_owned(),
            mapping_written: None,
        }
    }
}

/// The metadata of another identity provider that the organization has to trust.
#[derive(Debug, Clone, Default)]
pub struct TrustedMetadata {
    /// The metadata document, XML.
    pub xml: String,
    /// The entity to use, if the document contains several.
    pub entity_id: Option<String>,
    /// True if all signing certificates have expired and are to be accepted anyway.
    pub is_expired: bool,
}

impl World {
    /// Completes all seven steps as Ada. The IdP then has the two groups, without members.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn integration_is_configured(&mut self, plan: Plan) -> Outcome {
        let mut order = per_user_key(plan.seats);
        if let Some(macs) = plan.macs {
            order["devices"] = macs.into();
        }
        if let Some(days) = plan.days {
            let end = self.rehearsal.ambient.now() + SignedDuration::from_hours(24 * days);
            order["ends"] = end.to_string().into();
        }
        self.has_business_account_by("Ada", order).await?;
        self.starts_configuring("Ada")
            .await?
            .succeeded("Start Configuring")?;
        self.completes_domains("Ada").await?;
        self.creates_application("Parallels").await?;
        self.confirms_done("Ada", "application")
            .await?
            .succeeded("step 2")?;
        self.has_groups(ADMINS, PRODUCT_USERS).await?;
        let (admins, users) = (self.group_id(ADMINS)?, self.group_id(PRODUCT_USERS)?);
        self.enters_groups(
            "Ada",
            (&plan.admins_entered_as, &admins),
            (PRODUCT_USERS, &users),
        )
        .await?
        .succeeded("step 3")?;
        for (name, expression) in GUIDE_MAPPINGS {
            let written = match &plan.mapping_written {
                Some((right, wrong)) if right == name => wrong.as_str(),
                _ => name,
            };
            self.adds_mapping(written, expression).await?;
        }
        self.edits_application(json!({"enabled": true})).await?;
        let metadata_xml = self.idp_metadata().await?;
        self.enters_saml("Ada", json!({"metadata_xml": metadata_xml}))
            .await?
            .succeeded("step 4")?;
        if plan.scim {
            self.copies_scim_token("Ada").await?;
            self.confirms_done("Ada", "scim")
                .await?
                .succeeded("step 5")?;
        } else {
            let off = json!({"enabled": false, "done": true});
            self.at_configurator("Ada", reqwest::Method::PUT, "/scim", Some(off))
                .await?
                .succeeded("turning SCIM off")?;
        }
        self.confirms_done("Ada", "users")
            .await?
            .succeeded("step 6")?;
        let email = self.email_of("Ada")?;
        self.enters_backup_login("Ada", &email)
            .await?
            .succeeded("step 7")?;
        Ok(())
    }

    /// Completes all seven steps and activates the integration. With SCIM, also saves the
    /// IdP's connection and activates its rule, so that the directory is provisioned from
    /// now on.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn integration_is_active(&mut self, plan: Plan) -> Outcome {
        let scim = plan.scim;
        self.integration_is_configured(plan).await?;
        self.at_configurator("Ada", reqwest::Method::POST, "/activate", None)
            .await?
            .succeeded("Activate Integration")?;
        if scim {
            self.saves_connection("Parallels").await?;
            self.starts_provisioning().await?;
        }
        Ok(())
    }

    /// Creates the two groups in the IdP.
    ///
    /// # Errors
    /// When the IdP refuses a group.
    pub async fn has_groups(&mut self, admins: &str, product_users: &str) -> Outcome {
        self.creates_group(admins).await?;
        self.creates_group(product_users).await?;
        admins.clone_into(&mut self.directory.admins);
        product_users.clone_into(&mut self.directory.product_users);
        Ok(())
    }
}

impl World {
    /// Sets up the demo organization: active, with the administrator Ada and the product
    /// user Grace. If the database already contains it, it is used as it is.
    ///
    /// # Errors
    /// When a step fails, and [`Failed::Incomplete`] when an earlier start was interrupted.
    pub async fn demo_organization(&mut self, plan: Plan) -> Outcome {
        self.logs_in("Ada", PORTAL_PASSWORD).await?;
        if self.answer()?.status == 200 {
            return self.read_existing_organization().await;
        }
        self.integration_is_active(plan).await?;
        for (given, group) in [("Ada", ADMINS), ("Grace", PRODUCT_USERS)] {
            self.creates_user(given).await?;
            self.joins_group(given, group).await?;
        }
        self.directory_is_in_sync().await?;
        self.mark_organization_complete().await
    }

    /// Makes the organization trust another identity provider than the simulated one (step
    /// 4), whose groups are identified by their names.
    ///
    /// # Errors
    /// When the portal refuses the metadata.
    pub async fn trusts(&mut self, given: &str, metadata_xml: &str) -> Outcome {
        let metadata = TrustedMetadata {
            xml: metadata_xml.to_owned(),
            ..TrustedMetadata::default()
        };
        self.trusts_one_of(given, &metadata).await
    }

    /// Does the same for one entity of metadata with several, or with expired certificates.
    ///
    /// # Errors
    /// When the portal refuses the metadata.
    pub async fn trusts_one_of(&mut self, given: &str, metadata: &TrustedMetadata) -> Outcome {
        if metadata.is_expired {
            let settings = json!({"accept_expired_certificates": true});
            self.at_configurator(
                given,
                reqwest::Method::PUT,
                "/saml-settings",
                Some(settings),
            )
            .await?
            .succeeded("step 4")?;
        }
        let source = json!({
            "metadata_xml": metadata.xml,
            "metadata_entity_id": metadata.entity_id,
        });
        self.enters_saml(given, source).await?.succeeded("step 4")?;
        Ok(())
    }

    /// Registers another service provider at the simulated identity provider by its
    /// metadata, with the attribute mappings of the guide, so that the demo users can sign
    /// on there. If it is already registered, nothing changes. Returns the id of the
    /// application.
    ///
    /// # Errors
    /// When the IdP refuses the metadata.
    pub async fn registers(&mut self, name: &str, metadata_xml: &str) -> Outcome<String> {
        self.registers_one_of(name, metadata_xml, None).await
    }

    /// Does the same for one entity of metadata with several.
    ///
    /// # Errors
    /// When the IdP refuses the metadata.
    pub async fn registers_one_of(
        &mut self,
        name: &str,
        metadata_xml: &str,
        entity_id: Option<&str>,
    ) -> Outcome<String> {
        let mut body = json!({
            "name": name,
            "enabled": true,
            "protocol": "SAML",
            "type": "WEB_APP",
            "spMetadata": metadata_xml,
        });
        if let Some(entity_id) = entity_id {
            body["name"] = entity_id.into();
            body["spEntityId"] = entity_id.into();
        }
        let guide = GUIDE_MAPPINGS.map(|(name, it)| (name.to_owned(), it.to_owned()));
        self.registers_as(body, &guide).await
    }

    /// Registers an application with this body of the management API and these mappings.
    ///
    /// # Errors
    /// When the IdP refuses it.
    pub async fn registers_as(
        &mut self,
        body: Value,
        mappings: &[(String, String)],
    ) -> Outcome<String> {
        let answer = self
            .at_management(reqwest::Method::POST, "/applications", Some(body))
            .await?
            .clone();
        if answer.status == 400 && answer.body.to_string().contains("UNIQUENESS_VIOLATION") {
            return Ok(String::new());
        }
        let made = answer.succeeded("registering the service provider")?;
        let application = text(&made.body, "/id")?.to_owned();
        for (mapping, expression) in mappings {
            let body = json!({"name": mapping, "value": expression, "required": false});
            self.at_management(
                reqwest::Method::POST,
                &format!("/applications/{application}/attributes"),
                Some(body),
            )
            .await?
            .clone()
            .succeeded("adding a mapping")?;
        }
        self.directory.registered.push(application.clone());
        Ok(application)
    }

    /// Reads the ids of an organization that an earlier run set up. The SCIM token was
    /// shown only once, so a new token is created.
    async fn read_existing_organization(&mut self) -> Outcome {
        let page = self.look_at_configurator("Ada").await?;
        let is_open = (200..300).contains(&page.status);
        let copied = match is_open {
            true => self.copies_scim_token("Ada").await,
            false => Ok(()),
        };
        if !is_open || matches!(copied, Err(Failed::Mismatch { .. })) {
            let what = "the portal has no IdP integration";
            return Err(Failed::Incomplete(what.to_owned()));
        }
        copied?;
        let url = self.rehearsal.idp_url().join("/v1/environments")?;
        let answer = self
            .ask_management(reqwest::Method::GET, url, None)
            .await?
            .clone();
        self.directory.environment = last_id(&answer.body, "environments");
        self.is_organization_complete().await?;
        let answer = self
            .at_management(reqwest::Method::GET, "/applications", None)
            .await?
            .clone();
        self.directory.application = last_id(&answer.body, "applications");
        Ok(())
    }

    /// Marks the environment as complete, as the last step. Without this mark, a start was
    /// interrupted, or an older version made the environment.
    async fn mark_organization_complete(&mut self) -> Outcome {
        let shown = self.at_management(reqwest::Method::GET, "", None).await?;
        let mut environment = shown.clone().succeeded("showing the environment")?.body;
        environment["description"] = COMPLETE.into();
        self.at_management(reqwest::Method::PUT, "", Some(environment))
            .await?
            .clone()
            .succeeded("describing the environment")?;
        Ok(())
    }

    async fn is_organization_complete(&mut self) -> Outcome {
        if self.directory.environment.is_empty() {
            let what = "the identity provider has no environment";
            return Err(Failed::Incomplete(what.to_owned()));
        }
        let environment = self.at_management(reqwest::Method::GET, "", None).await?;
        if environment.body["description"] == COMPLETE {
            return Ok(());
        }
        let answer = self.at_management(reqwest::Method::GET, "/users", None);
        let users = answer.await?.body["_embedded"]["users"].clone();
        for given in ["Ada", "Grace"] {
            let email = self.email_of(given)?;
            let user = users.as_array().and_then(|users| {
                let is_it = |user: &&Value| user["username"] == email.as_str();
                users.iter().find(is_it)
            });
            let Some(id) = user.and_then(|user| user["id"].as_str()) else {
                let what = format!("the identity provider has no user {email}");
                return Err(Failed::Incomplete(what));
            };
            let path = format!("/users/{id}/memberOfGroups");
            let answer = self.at_management(reqwest::Method::GET, &path, None);
            let groups = answer.await?.body["_embedded"]["groupMemberships"].clone();
            if groups.as_array().is_none_or(Vec::is_empty) {
                let what = format!("{email} is in no group of the identity provider");
                return Err(Failed::Incomplete(what));
            }
        }
        Ok(())
    }
}

/// Description of the environment whose demo organization is complete.
const COMPLETE: &str = "The demo organization of Rehearsal";

fn last_id(body: &Value, collection: &str) -> String {
    body.pointer(&format!("/_embedded/{collection}"))
        .and_then(Value::as_array)
        .and_then(|all| all.last())
        .and_then(|item| item["id"].as_str())
        .unwrap_or_default()
        .to_owned()
}
