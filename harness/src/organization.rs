//! The demo organization, set up from license key to active integration by
//! the same acts that the scenarios use.

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

/// The domain of the guide's organization.
pub const FIRST_DOMAIN: &str = DOMAIN;

/// What of the organization differs from the guide.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Seats of the subscription.
    pub seats: u32,
    /// Macs per user, when the order says so.
    pub macs: Option<u32>,
    /// After how many days the subscription ends, when not in a year.
    pub days: Option<i64>,
    /// Whether step 5 is done with SCIM or turned off.
    pub scim: bool,
    /// How the admins group's name is entered in the portal.
    pub admins_entered_as: String,
    /// An attribute mapping of the guide's and what is written in its place.
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

/// Metadata of an identity provider that the organization is to trust.
#[derive(Debug, Clone, Default)]
pub struct TrustedMetadata {
    /// The document.
    pub xml: String,
    /// Of a document with several entities: which.
    pub entity_id: Option<String>,
    /// Every signing certificate is past its end, and is accepted.
    pub is_expired: bool,
}

impl World {
    /// Everything up to seven green steps, by Ada, with two groups in the IdP
    /// and nobody in them.
    ///
    /// # Errors
    /// When a part of it doesn't succeed.
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

    /// The same, activated; with SCIM, the IdP's connection is saved and its
    /// rule active, so that the directory is in sync from here on.
    ///
    /// # Errors
    /// When a part of it doesn't succeed.
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

    /// The two groups in the IdP.
    ///
    /// # Errors
    /// When the IdP doesn't make them.
    pub async fn has_groups(&mut self, admins: &str, product_users: &str) -> Outcome {
        self.creates_group(admins).await?;
        self.creates_group(product_users).await?;
        admins.clone_into(&mut self.directory.admins);
        product_users.clone_into(&mut self.directory.product_users);
        Ok(())
    }
}

impl World {
    /// The demo organization: active, with Ada as admin and Grace as product
    /// user. Where the database has it already, it is taken up as it is.
    ///
    /// # Errors
    /// When a part of it doesn't succeed, and [`Failed::Incomplete`] when an
    /// earlier start was interrupted.
    pub async fn demo_organization(&mut self, plan: Plan) -> Outcome {
        self.logs_in("Ada", PORTAL_PASSWORD).await?;
        if self.answer()?.status == 200 {
            return self.takes_organization_up().await;
        }
        self.integration_is_active(plan).await?;
        for (given, group) in [("Ada", ADMINS), ("Grace", PRODUCT_USERS)] {
            self.creates_user(given).await?;
            self.joins_group(given, group).await?;
        }
        self.directory_is_in_sync().await?;
        self.marks_organization_complete().await
    }

    /// The organization trusts another identity provider than the simulated
    /// one (step 4), and knows its groups by their names.
    ///
    /// # Errors
    /// When the portal doesn't take the metadata.
    pub async fn trusts(&mut self, given: &str, metadata_xml: &str) -> Outcome {
        let metadata = TrustedMetadata {
            xml: metadata_xml.to_owned(),
            ..TrustedMetadata::default()
        };
        self.trusts_one_of(given, &metadata).await
    }

    /// The same, with one entity of several, or with certificates that are past
    /// their end.
    ///
    /// # Errors
    /// When the portal doesn't take the metadata.
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

    /// The simulated identity provider registers a service provider of
    /// somebody else's by its metadata, with the guide's attribute mappings:
    /// the demo users can sign on there. One that it knows already is left as
    /// it is.
    ///
    /// # Errors
    /// When the IdP doesn't take the metadata.
    pub async fn registers(&mut self, name: &str, metadata_xml: &str) -> Outcome<String> {
        self.registers_one_of(name, metadata_xml, None).await
    }

    /// The same, with one entity of several.
    ///
    /// # Errors
    /// When the IdP doesn't take the metadata.
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

    /// The same by whatever the management API takes, with these mappings.
    ///
    /// # Errors
    /// When the IdP doesn't take it.
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

    /// Learns the ids of an organization that an earlier run set up. The SCIM
    /// token was shown once and isn't known any more: a new one is made.
    async fn takes_organization_up(&mut self) -> Outcome {
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

    /// The last step: an environment without this description was set up by a
    /// start that was interrupted, or by a version that wrote none.
    async fn marks_organization_complete(&mut self) -> Outcome {
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

/// The description of an environment whose demo organization is complete.
const COMPLETE: &str = "The demo organization of Rehearsal";

fn last_id(body: &Value, collection: &str) -> String {
    body.pointer(&format!("/_embedded/{collection}"))
        .and_then(Value::as_array)
        .and_then(|all| all.last())
        .and_then(|item| item["id"].as_str())
        .unwrap_or_default()
        .to_owned()
}
