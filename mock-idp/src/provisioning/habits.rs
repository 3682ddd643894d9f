//! The differences between providers as SCIM clients. One engine serves all flavors, with a row
//! of settings for each.
//!
//! The comment on a row lists the known behavior of that provider; everything else follows RFC
//! 7644.

use serde_json::{Value, json};

use crate::flavor::Flavor;

/// The behavior of a provider as a SCIM client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Habits {
    /// True: `op` is `Add`, `Replace` or `Remove`, not in lower case.
    pub capitalized: bool,
    /// True: booleans in a PATCH are strings, `"False"` in place of `false`.
    pub booleans_are_text: bool,
    /// True: a user is changed by PATCH, attribute by attribute; false: by PUT.
    pub users_by_patch: bool,
    /// True: each PATCH operation has only one member.
    pub one_member_each: bool,
    /// True: a member is removed by `Remove members` with a value, not with a filter in the
    /// path.
    pub remove_by_value: bool,
    /// Query of a look-up, besides the filter.
    pub look_up: &'static str,
    /// True: a user is read before it is replaced.
    pub reads_first: bool,
    /// True: users are disabled and never deleted, whatever the connection says.
    pub never_deletes: bool,
}

const PLAIN: Habits = Habits {
    capitalized: false,
    booleans_are_text: false,
    users_by_patch: false,
    one_member_each: false,
    remove_by_value: false,
    look_up: "",
    reads_first: false,
    never_deletes: false,
};

impl Habits {
    pub(crate) fn of(flavor: Flavor) -> Self {
        match flavor {
            // Ping: PUT for users, PATCH for groups.
            Flavor::Ping => PLAIN,
            // Entra ID: PATCH for users and groups, `op` with a capital letter, booleans as
            // strings, members one by one and removed by value.
            Flavor::Entra => Self {
                capitalized: true,
                booleans_are_text: true,
                users_by_patch: true,
                one_member_each: true,
                remove_by_value: true,
                ..PLAIN
            },
            // Okta: look-ups with `startIndex` and `count`, GET and then PUT of the whole user,
            // and never a DELETE of a user.
            Flavor::Okta => Self {
                look_up: "?startIndex=1&count=100",
                reads_first: true,
                never_deletes: true,
                ..PLAIN
            },
        }
    }

    fn op(&self, op: &str) -> String {
        if self.capitalized {
            op[..1].to_uppercase() + &op[1..]
        } else {
            op.to_owned()
        }
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::Bool(true) if self.booleans_are_text => "True".into(),
            Value::Bool(false) if self.booleans_are_text => "False".into(),
            other => other.clone(),
        }
    }

    /// Returns the PATCH operation that sets an attribute.
    pub(crate) fn replace(&self, path: &str, value: &Value) -> Value {
        json!({"op": self.op("replace"), "path": path, "value": self.value(value)})
    }

    /// Returns the PATCH operations that change a user from one state to another, one for each
    /// attribute that differs.
    pub(crate) fn differences(&self, former: Option<&Value>, wanted: &Value) -> Vec<Value> {
        let empty = serde_json::Map::new();
        let former = former.and_then(Value::as_object).unwrap_or(&empty);
        let wanted = wanted.as_object().unwrap_or(&empty);
        let mut operations = Vec::new();
        for (name, value) in wanted {
            if name != "schemas" && former.get(name) != Some(value) {
                operations.push(self.replace(name, value));
            }
        }
        for name in former.keys() {
            if !wanted.contains_key(name) {
                operations.push(json!({"op": self.op("remove"), "path": name}));
            }
        }
        operations
    }

    /// Returns the PATCH operations that add and remove members of a group.
    pub(crate) fn members<'i>(
        &self,
        joined: impl Iterator<Item = &'i String>,
        left: impl Iterator<Item = &'i String>,
    ) -> Vec<Value> {
        let one = |id: &String| json!({"value": id});
        let joined: Vec<Value> = joined.map(one).collect();
        let mut operations = Vec::new();
        let most = if self.one_member_each {
            1
        } else {
            joined.len()
        };
        for some in joined.chunks(most.max(1)) {
            operations.push(json!({"op": self.op("add"), "path": "members", "value": some}));
        }
        for id in left {
            operations.push(if self.remove_by_value {
                json!({"op": self.op("remove"), "path": "members", "value": [one(id)]})
            } else {
                let path = format!("members[value eq {}]", Value::from(id.as_str()));
                json!({"op": self.op("remove"), "path": path})
            });
        }
        operations
    }

    /// Returns the PATCH operation that replaces all members of a group.
    pub(crate) fn all_members<'i>(&self, ids: impl Iterator<Item = &'i String>) -> Value {
        let all: Vec<Value> = ids.map(|id| json!({"value": id})).collect();
        json!({"op": self.op("replace"), "path": "members", "value": all})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entra_writes_its_own_way() {
        let habits = Habits::of(Flavor::Entra);
        let former = json!({"schemas": ["u"], "active": true, "title": "x", "userName": "a"});
        let wanted = json!({"schemas": ["u"], "active": false, "userName": "a"});
        assert_eq!(
            habits.differences(Some(&former), &wanted),
            [
                json!({"op": "Replace", "path": "active", "value": "False"}),
                json!({"op": "Remove", "path": "title"}),
            ]
        );
        let (a, b) = ("a".to_owned(), "b".to_owned());
        assert_eq!(
            habits.members([&a, &b].into_iter(), [&a].into_iter()),
            [
                json!({"op": "Add", "path": "members", "value": [{"value": "a"}]}),
                json!({"op": "Add", "path": "members", "value": [{"value": "b"}]}),
                json!({"op": "Remove", "path": "members", "value": [{"value": "a"}]}),
            ]
        );
    }
}
