//! The set-up as one file (`rehearsal up --seed FILE`, `rehearsal export`): how the
//! organization differs from the guide, and what else the simulated identity provider
//! contains. TOML or JSON; the schema is `docs/schemas/seed.schema.json`, which `rehearsal
//! schema seed` prints.

mod export;
mod management;
mod plant;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use export::export;

use crate::organization::Plan;

/// The content of a seed file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// True to remove what is not named: groups, users and applications that the guide's
    /// set-up or an earlier run created.
    #[serde(skip_serializing_if = "is_off")]
    pub exact: bool,
    /// The organization at the portal.
    pub organization: Organization,
    /// Groups of the identity provider, in addition to the two of the guide.
    pub groups: Vec<Group>,
    /// Users of the identity provider, in addition to Ada and Grace. A user who already
    /// exists is changed to these values.
    pub users: Vec<User>,
    /// Applications of the identity provider, in addition to the portal's.
    pub applications: Vec<Application>,
}

/// How the organization differs from the guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Organization {
    /// Number of seats of the subscription.
    pub seats: u32,
    /// True if users are provisioned by SCIM.
    pub scim: bool,
    /// Domains to add and verify, in addition to the guide's domain.
    pub domains: Vec<String>,
    /// Faults in the Responses to the portal, as the control port accepts them: ids, or
    /// objects with an id and the number of times.
    pub faults: Vec<Value>,
}

impl Default for Organization {
    fn default() -> Self {
        let plan = Plan::default();
        Self {
            seats: plan.seats,
            scim: plan.scim,
            domains: Vec::new(),
            faults: Vec::new(),
        }
    }
}

/// A group of the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The name, which must be unique.
    pub name: String,
    /// The names of the groups that this group is a member of. Its users are members of
    /// them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// A SCIM filter: users who match it are members automatically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// A user of the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user name, which is the e-mail address too.
    pub username: String,
    /// The given name.
    pub given: String,
    /// The family name.
    pub family: String,
    /// The password; that of the demo users if missing. It is never exported.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// True if the account is enabled.
    #[serde(default = "on")]
    pub enabled: bool,
    /// The names of the user's groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

fn on() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde requires
fn is_off(flag: &bool) -> bool {
    !flag
}

/// An application for another service provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The name of the application.
    pub name: String,
    /// The service provider's metadata, a file or a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// The service provider's entity ID, if there is no metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// The service provider's ACS URLs, if there is no metadata.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acs_urls: Vec<String>,
    /// True if the application is enabled.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Faults in the Responses to the application, as the control port accepts them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Value>,
    /// Attribute mappings, from name to expression; those of the guide if empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mappings: BTreeMap<String, String>,
}

/// Why a seed cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file is not TOML with the members of a seed.
    #[error("expected TOML with the members of a seed (`rehearsal schema seed`): {0}")]
    Toml(#[from] toml::de::Error),
    /// The file is not JSON with the members of a seed.
    #[error("expected JSON with the members of a seed (`rehearsal schema seed`): {0}")]
    Json(#[from] serde_json::Error),
}

impl Seed {
    /// Reads a seed: JSON if it begins with a brace, TOML otherwise.
    ///
    /// # Errors
    /// [`SeedError`], with line and column.
    pub fn read(text: &str) -> Result<Self, SeedError> {
        if text.trim_start().starts_with('{') {
            return Ok(serde_json::from_str(text)?);
        }
        Ok(toml::from_str(text)?)
    }

    /// True if the seed describes anything of the identity provider.
    fn holds_directory(&self) -> bool {
        self.exact
            || !(self.groups.is_empty()
                && self.users.is_empty()
                && self.applications.is_empty()
                && self.organization.faults.is_empty())
    }

    /// Returns the plan of the organization.
    pub fn plan(&self) -> Plan {
        Plan {
            seats: self.organization.seats,
            scim: self.organization.scim,
            ..Plan::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_and_json_are_equivalent_and_a_typing_error_is_reported() {
        let toml = "[organization]\nseats = 9\n[[users]]\nusername = \"a@b\"\ngiven = \"A\"\nfamily = \"B\"\n";
        let json = r#"{"organization": {"seats": 9}, "users": [{"username": "a@b", "given": "A", "family": "B"}]}"#;
        let seed = Seed::read(toml).unwrap();
        assert_eq!(seed, Seed::read(json).unwrap());
        assert!(seed.users[0].enabled && seed.organization.scim);
        let error = Seed::read("[[user]]\n").unwrap_err().to_string();
        assert!(error.contains("unknown field `user`"), "{error}");
    }
}
