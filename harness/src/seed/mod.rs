//! The set-up as one file (`rehearsal up --seed FILE`, `rehearsal export`):
//! what of the organization differs from the guide's, and what the simulated
//! identity provider holds besides. TOML or JSON; the form is
//! `docs/schemas/seed.schema.json`, which `rehearsal schema seed` prints.

mod export;
mod management;
mod plant;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use export::export;

use crate::organization::Plan;

/// The set-up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// Whether what isn't named is taken away: groups, users and applications
    /// that the guide's set-up or an earlier run made.
    #[serde(skip_serializing_if = "is_off")]
    pub exact: bool,
    /// The organization at the portal.
    pub organization: Organization,
    /// Groups of the identity provider, besides the guide's two.
    pub groups: Vec<Group>,
    /// Users of the identity provider, besides Ada and Grace; who is there
    /// already becomes what is said here.
    pub users: Vec<User>,
    /// Applications of the identity provider, besides the portal's.
    pub applications: Vec<Application>,
}

/// What of the organization differs from the guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Organization {
    /// Seats of the subscription.
    pub seats: u32,
    /// Whether users are provisioned by SCIM.
    pub scim: bool,
    /// Domains besides the guide's, to be verified.
    pub domains: Vec<String>,
    /// Faults of the identity provider's answers to the portal, as the control
    /// port takes them: ids, or objects with an id and how often it strikes.
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

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name, unique.
    pub name: String,
    /// The names of the groups that it is a member of: whoever is in it is in
    /// them, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// A SCIM filter: whoever matches it is in the group by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user name, which is the e-mail address too.
    pub username: String,
    /// The given name.
    pub given: String,
    /// The family name.
    pub family: String,
    /// The password; the demo users' when not given. Never exported.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// Whether they are switched on.
    #[serde(default = "on")]
    pub enabled: bool,
    /// The names of their groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

fn on() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_off(flag: &bool) -> bool {
    !flag
}

/// An application: a service provider of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its metadata, a file or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Without metadata: its entity ID …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// … and where it takes Responses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acs_urls: Vec<String>,
    /// Whether it is switched on.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Faults of the answers to it, as the control port takes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Value>,
    /// Attribute mappings: the name to the expression. The guide's when none
    /// is given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mappings: BTreeMap<String, String>,
}

/// Why a seed can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It isn't TOML of this form.
    #[error("expected a seed in TOML: {0}")]
    Toml(#[from] toml::de::Error),
    /// It isn't JSON of this form.
    #[error("expected a seed in JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Seed {
    /// Reads a seed; JSON when it begins with a brace, TOML otherwise.
    ///
    /// # Errors
    /// [`SeedError`], with line and column.
    pub fn read(text: &str) -> Result<Self, SeedError> {
        if text.trim_start().starts_with('{') {
            return Ok(serde_json::from_str(text)?);
        }
        Ok(toml::from_str(text)?)
    }

    /// Whether it says anything of the identity provider.
    fn holds_directory(&self) -> bool {
        self.exact
            || !(self.groups.is_empty()
                && self.users.is_empty()
                && self.applications.is_empty()
                && self.organization.faults.is_empty())
    }

    /// The plan of the organization.
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
    fn toml_and_json_say_the_same_and_a_typing_mistake_is_told() {
        let toml = "[organization]\nseats = 9\n[[users]]\nusername = \"a@b\"\ngiven = \"A\"\nfamily = \"B\"\n";
        let json = r#"{"organization": {"seats": 9}, "users": [{"username": "a@b", "given": "A", "family": "B"}]}"#;
        let seed = Seed::read(toml).unwrap();
        assert_eq!(seed, Seed::read(json).unwrap());
        assert!(seed.users[0].enabled && seed.organization.scim);
        let error = Seed::read("[[user]]\n").unwrap_err().to_string();
        assert!(error.contains("unknown field `user`"), "{error}");
    }
}
