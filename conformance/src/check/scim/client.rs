//! The SCIM clients of identity providers, as data (`fixtures/scim`, one folder each): the requests
//! of each act, such as creating a user, and what must be true afterwards. Each act of each client is
//! a check, which belongs to the profile of that client only. `client_checks` lists the checks,
//! `client_replay` carries them out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::outcome::Need;

// ACTS, written by build.rs: (name, text) of each acts.json under fixtures/scim.
include!(concat!(env!("OUT_DIR"), "/acts.rs"));

/// A SCIM client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    /// The name of the product.
    pub(super) name: String,
    #[allow(dead_code, reason = "for readers of the file; a test wants them")]
    about: String,
    #[allow(dead_code, reason = "for readers of the file; a test wants them")]
    sources: Vec<String>,
    #[allow(dead_code, reason = "for readers of the file; a test wants them")]
    assumed: Vec<String>,
    /// Headers that it sends.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    acts: BTreeMap<String, Act>,
}

/// An act of a client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    /// The id of its check.
    pub(super) id: String,
    /// Acts about the same user that this client does before it, besides those of [`ActKind`].
    #[serde(default)]
    pub(super) after: Vec<String>,
    pub(super) requests: Vec<Request>,
    #[serde(default)]
    pub(super) then: Then,
}

/// A request of an act. Texts may contain placeholders in braces.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query, not encoded.
    pub(super) path: String,
    #[serde(default)]
    pub(super) body: Option<Value>,
    /// The status with which the portal answers it. Any success is right for the client.
    #[allow(dead_code, reason = "the scenarios compare it")]
    status: u16,
    /// Another status that is right for the client.
    #[serde(default)]
    pub(super) accepts: Option<u16>,
    /// Ids to remember from the answer: name, JSON Pointer.
    #[serde(default)]
    pub(super) keep: BTreeMap<String, String>,
    /// The ids of the resources in a list, all of them.
    #[serde(default)]
    pub(super) finds: Option<Vec<String>>,
    /// True: the members of `body` replace those of the resource that the request before returned.
    #[serde(default)]
    pub(super) onto_read: bool,
}

/// What must be true after an act, when the resources are read by their ids.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Then {
    /// Members of the user.
    pub(super) user: Option<Value>,
    /// Members of the user, if the server stores them.
    pub(super) if_stored: Option<Value>,
    /// Members of the group.
    pub(super) group: Option<Value>,
    /// True: the group has exactly the members that the client put into it.
    pub(super) members: bool,
    /// The resource that no longer exists: `user` or `group`.
    pub(super) gone: Option<String>,
}

/// An act, the same for all clients.
pub(super) struct ActKind {
    pub(super) name: &'static str,
    pub(super) spec: &'static str,
    pub(super) does: &'static str,
    pub(super) expected: &'static str,
    pub(super) fix: &'static str,
    /// The acts that must be done before this one, each with the person that it is about.
    pub(super) after: &'static [(&'static str, Person)],
    pub(super) needs: &'static [Need],
    /// What the act does to the membership of the person in the group.
    pub(super) membership: Membership,
    /// True if it changes attributes: then it can be judged only if the server stores one of them.
    pub(super) changes_attributes: bool,
    /// The placeholders that get new values before the act.
    pub(super) renews: &'static [&'static str],
}

/// What an act does to a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Stays,
    Begins,
    Ends,
}

/// The person of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    First,
    Second,
}

use Person::{First, Second};

const USERS: &[Need] = &[Need::Writes];
const GROUPS: &[Need] = &[Need::Writes, Need::Groups];
const ENTERPRISE: &[Need] = &[Need::Writes, Need::Enterprise];

/// The actions of SCIM clients (test the connection, create a user, …), sorted by check number.
pub(super) static ACT_KINDS: &[ActKind] = &[
    ActKind {
        name: "connect",
        spec: "RFC 7644 §3.4.2",
        does: "tests the connection",
        expected: "a ListResponse, also if no user matches",
        fix: "Answer a list or a search with 200 and a ListResponse; totalResults is 0 if nothing matches.",
        after: &[],
        needs: USERS,
        membership: Membership::Stays,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "create",
        spec: "RFC 7644 §3.3",
        does: "looks for a user, creates it, and finds it",
        expected: "nothing found before, the user with its id afterwards, active and with the userName that was sent",
        fix: "Accept the attributes of the request, ignore those that you do not know, and return the user with its id.",
        after: &[],
        needs: USERS,
        membership: Membership::Stays,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "update",
        spec: "RFC 7644 §3.5",
        does: "changes the name and the e-mail address of a user",
        expected: "the new values, and the user still active",
        fix: "Apply all operations of the request; accept the paths and the letter case that this client uses.",
        after: &[("create", First)],
        needs: USERS,
        membership: Membership::Stays,
        changes_attributes: true,
        renews: &["family", "email"],
    },
    ActKind {
        name: "disable",
        spec: "RFC 7643 §4.1.1",
        does: "disables a user",
        expected: "active false",
        fix: "Set active to false, in the form in which this client sends it.",
        after: &[("create", First)],
        needs: USERS,
        membership: Membership::Stays,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "enable",
        spec: "RFC 7643 §4.1.1",
        does: "enables a disabled user again",
        expected: "the disabled user found by a look-up, and active true afterwards",
        fix: "Return disabled users in searches too, and set active to true again.",
        after: &[("create", First), ("disable", First)],
        needs: USERS,
        membership: Membership::Stays,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "group",
        spec: "RFC 7644 §3.3",
        does: "looks for a group, creates it, and finds it",
        expected: "nothing found before, the group with its id and displayName afterwards",
        fix: "Accept a group without members, and find it by its displayName.",
        after: &[],
        needs: GROUPS,
        membership: Membership::Stays,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "join",
        spec: "RFC 7644 §3.5",
        does: "adds a member to a group",
        expected: "the member in the group, beside those who were in it before",
        fix: "Add the member, and keep all others.",
        after: &[
            ("create", Second),
            ("create", First),
            ("group", First),
            ("join", Second),
        ],
        needs: GROUPS,
        membership: Membership::Begins,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "rename",
        spec: "RFC 7644 §3.5",
        does: "renames a group",
        expected: "the new displayName, and the same members",
        fix: "Change displayName only; ignore the group's own id in the request.",
        after: &[("create", First), ("group", First), ("join", First)],
        needs: GROUPS,
        membership: Membership::Stays,
        changes_attributes: false,
        renews: &["groupName"],
    },
    ActKind {
        name: "leave",
        spec: "RFC 7644 §3.5",
        does: "removes a member from a group",
        expected: "the other member only",
        fix: "Remove only the members that the request names.",
        after: &[
            ("create", Second),
            ("create", First),
            ("group", First),
            ("join", Second),
            ("join", First),
        ],
        needs: GROUPS,
        membership: Membership::Ends,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "remove",
        spec: "RFC 7644 §3.6",
        does: "removes a user who no longer may use the application",
        expected: "the user disabled, or not found any more if the client deletes it",
        fix: "Disable the user, or answer DELETE with 204 and later requests for the id with 404.",
        after: &[("create", First)],
        needs: USERS,
        membership: Membership::Stays,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "dissolve",
        spec: "RFC 7644 §3.6",
        does: "deletes a group",
        expected: "the group not found any more",
        fix: "Answer DELETE with 204 and later requests for the id with 404.",
        after: &[("group", First)],
        needs: GROUPS,
        membership: Membership::Stays,
        changes_attributes: false,
        renews: &[],
    },
    ActKind {
        name: "add",
        spec: "RFC 7644 §3.5.2.1",
        does: "adds a value of a multi-valued attribute that the user does not have",
        expected: "the value, with the type of the filter in the path",
        fix: "Create the value that the filter in the path describes.",
        after: &[("create", First)],
        needs: USERS,
        membership: Membership::Stays,
        changes_attributes: true,
        renews: &[],
    },
    ActKind {
        name: "manager",
        spec: "RFC 7643 §4.3",
        does: "sets the manager of a user",
        expected: "manager.value to be the id of the other user",
        fix: "Treat a string as the sub-attribute value of the complex attribute.",
        after: &[("create", Second), ("create", First)],
        needs: ENTERPRISE,
        membership: Membership::Stays,
        changes_attributes: true,
        renews: &[],
    },
    ActKind {
        name: "extension",
        spec: "RFC 7644 §3.10",
        does: "changes an attribute of the enterprise extension",
        expected: "the new department",
        fix: "Treat a path or a key of value that begins with the URN of an extension as an attribute of that extension.",
        after: &[("create", First)],
        needs: ENTERPRISE,
        membership: Membership::Stays,
        changes_attributes: true,
        renews: &[],
    },
];

impl ActKind {
    /// Returns the act with this name.
    pub(super) fn find_by_name(name: &str) -> Option<&'static Self> {
        ACT_KINDS.iter().find(|it| it.name == name)
    }
}

/// A check: an act of a client.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) client: &'static Client,
    pub(super) kind: &'static ActKind,
}

impl Client {
    /// Returns an act; `None` if this client has no such act.
    pub(super) fn act(&self, name: &str) -> Option<&Act> {
        self.acts.get(name)
    }

    /// Returns the id of the check of an act; `None` if this client has no such act.
    pub(super) fn check_id(&self, kind: &ActKind) -> Option<&str> {
        self.act(kind.name).map(|act| act.id.as_str())
    }
}

fn read_all() -> Result<Vec<Client>, String> {
    let read = ACTS.iter().map(|(name, text)| {
        serde_json::from_str(text)
            .map_err(|error| format!("cannot read fixtures/scim/{name}/acts.json: {error}"))
    });
    read.collect()
}

/// All clients. If a file is invalid there are none; a test reads all files.
pub(super) static CLIENTS: LazyLock<Vec<Client>> = LazyLock::new(|| read_all().unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_says_where_its_facts_are_from() {
        let clients = read_all().unwrap();
        assert_eq!(clients.len(), ACTS.len());
        for client in &clients {
            let name = &client.name;
            let ids = ACT_KINDS.iter().filter_map(|kind| client.check_id(kind));
            let ids: Vec<_> = ids.map(|id| id.rsplit_once('-').unwrap()).collect();
            let (prefix, _) = ids[0];
            assert!(prefix.starts_with("SCIM-CLIENT-"), "{name}");
            assert!(ids.iter().all(|(it, _)| *it == prefix), "{name}: {ids:?}");
            assert!(ids.is_sorted_by(|(_, a), (_, b)| a < b), "{name}: {ids:?}");
            assert!(
                client.about.len() > 20 && !client.sources.is_empty(),
                "{name}"
            );
            assert!(!client.assumed.is_empty(), "{name}");
            for (act, it) in &client.acts {
                let kind =
                    ActKind::find_by_name(act).unwrap_or_else(|| panic!("{name}: {act} is no act"));
                assert!(!it.requests.is_empty(), "{name} {act}");
                let before = kind.after.iter().map(|(name, _)| *name);
                for before in before.chain(it.after.iter().map(String::as_str)) {
                    let is_known = client.act(before).is_some();
                    assert!(is_known, "{name}: {act} is after {before}");
                }
                let then = &it.then;
                let is_judged = then.user.is_some()
                    || then.group.is_some()
                    || then.if_stored.is_some()
                    || then.members
                    || then.gone.is_some();
                assert!(
                    is_judged || act == "connect",
                    "{name}: nothing shows that {act} was done"
                );
            }
        }
    }
}
