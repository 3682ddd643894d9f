//! The differences between providers as SCIM clients: the table `[scim]` of a flavor's file
//! (`fixtures/flavors`, whose README explains each key). One engine serves all flavors.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

/// How a whole resource or its state is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    Put,
    Patch,
}

/// What one PATCH operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Paths {
    /// A whole attribute, such as `name` or `emails`.
    Attribute,
    /// One value: `name.givenName`, `emails[type eq "work"].value`.
    Value,
}

/// How changes of a group's members are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Members {
    /// One operation adds all new members.
    Changes,
    /// One operation for each member.
    OneEach,
    /// One operation replaces all members.
    List,
}

/// How a member is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RemovesBy {
    /// `members[value eq "…"]`
    Filter,
    /// `members`, with the member in `value`.
    Value,
}

/// The behavior of a provider as a SCIM client.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Habits {
    pub user_agent: Option<String>,
    pub users_by: By,
    /// `None`: as other changes, and by PATCH if the user leaves.
    pub activates_by: Option<By>,
    pub groups_by: By,
    pub reads_users_first: bool,
    pub reads_groups_first: bool,
    user_query: String,
    pub group_query: String,
    pub lists_groups: bool,
    capitalized: bool,
    booleans_are_text: bool,
    pub paths: Paths,
    object_from: usize,
    pub members: Members,
    removes_members_by: RemovesBy,
    renames_with_id: bool,
    pub members_after_creation: bool,
    pub disables_before_delete: bool,
    pub deletes_users: bool,
    new_user: Map<String, Value>,
    new_group: Map<String, Value>,
    flags: BTreeMap<String, Habits>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            user_agent: None,
            users_by: By::Put,
            activates_by: None,
            groups_by: By::Patch,
            reads_users_first: false,
            reads_groups_first: false,
            user_query: String::new(),
            group_query: String::new(),
            lists_groups: false,
            capitalized: false,
            booleans_are_text: false,
            paths: Paths::Attribute,
            object_from: 0,
            members: Members::Changes,
            removes_members_by: RemovesBy::Filter,
            renames_with_id: false,
            members_after_creation: false,
            disables_before_delete: false,
            deletes_users: true,
            new_user: Map::new(),
            new_group: Map::new(),
            flags: BTreeMap::new(),
        }
    }
}

/// The value at one path of a resource, before and after a change.
type Values = BTreeMap<String, Value>;

impl Habits {
    /// Returns the habits for a target with this base URL: those of the flag in its query, if it
    /// has one.
    pub(crate) fn at(&self, base_url: &str) -> Self {
        let url = Url::parse(base_url).ok();
        let query = url.as_ref().and_then(Url::query).unwrap_or_default();
        let is_set = |flag: &str| {
            let mut all = form_urlencoded::parse(query.as_bytes());
            all.any(|(key, _)| key.eq_ignore_ascii_case(flag))
        };
        let set = self.flags.iter().find(|(flag, _)| is_set(flag));
        set.map_or(self, |(_, habits)| habits).clone()
    }

    /// Returns the path of users with the query of a look-up.
    pub(crate) fn user_look_up(&self, path: &str) -> String {
        with_query(path, &self.user_query)
    }

    /// Returns the path of groups with the query of a look-up.
    pub(crate) fn group_look_up(&self, path: &str) -> String {
        with_query(path, &self.group_query)
    }

    /// Returns the body that creates a user.
    pub(crate) fn new_user(&self, resource: &Value) -> Value {
        with_members(resource, &self.new_user)
    }

    /// Returns the body that creates a group.
    pub(crate) fn new_group(&self, resource: &Value) -> Value {
        let mut resource = resource.clone();
        if let Some(group) = resource
            .as_object_mut()
            .filter(|_| self.members_after_creation)
        {
            group.shift_remove("members");
        }
        with_members(&resource, &self.new_group)
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

    fn operation(&self, op: &str, path: &str, value: &Value) -> Value {
        json!({"op": self.op(op), "path": path, "value": self.value(value)})
    }

    /// Returns the PATCH operation that sets an attribute.
    pub(crate) fn replace(&self, path: &str, value: &Value) -> Value {
        if self.object_from == 1 {
            return self.replace_all([(path, value)].into_iter());
        }
        self.operation("replace", path, value)
    }

    /// Returns the PATCH operation without a path that replaces these values.
    fn replace_all<'v>(&self, values: impl Iterator<Item = (&'v str, &'v Value)>) -> Value {
        let values = values.map(|(path, value)| (path.to_owned(), self.value(value)));
        json!({"op": self.op("replace"), "value": Value::Object(values.collect())})
    }

    /// Returns the PATCH operation that renames a group.
    pub(crate) fn rename(&self, id: &str, name: &Value) -> Value {
        if self.renames_with_id {
            return json!({"op": self.op("replace"), "value": {"id": id, "displayName": name}});
        }
        self.replace("displayName", name)
    }

    /// Returns the PATCH operations that change a user from one state to another. Attributes that
    /// the wanted state lacks are removed, unless `keeps_others`.
    pub(crate) fn differences(
        &self,
        former: Option<&Value>,
        wanted: &Value,
        keeps_others: bool,
    ) -> Vec<Value> {
        let former = former.map(|it| self.values(it)).unwrap_or_default();
        let wanted = self.values(wanted);
        let mut replaced: Vec<(&str, &Value)> = Vec::new();
        let mut operations = Vec::new();
        for (path, value) in &wanted {
            match former.get(path) {
                Some(same) if same == value => {}
                // Only whole attributes can be replaced although they do not exist yet.
                None if self.paths == Paths::Value => {
                    operations.push(self.operation("add", path, value));
                }
                _ => replaced.push((path, value)),
            }
        }
        let (filtered, plain): (Vec<_>, Vec<_>) = replaced
            .into_iter()
            .partition(|(path, _)| path.contains('['));
        operations.extend(
            filtered
                .into_iter()
                .map(|(path, value)| self.operation("replace", path, value)),
        );
        if self.object_from > 0 && plain.len() >= self.object_from {
            operations.push(self.replace_all(plain.into_iter()));
        } else {
            operations.extend(
                plain
                    .into_iter()
                    .map(|(path, value)| self.operation("replace", path, value)),
            );
        }
        for path in former.keys() {
            if !keeps_others && !wanted.contains_key(path) {
                operations.push(json!({"op": self.op("remove"), "path": path}));
            }
        }
        operations
    }

    /// Returns the values of a user by the paths that PATCH operations name.
    fn values(&self, user: &Value) -> Values {
        let mut values = Values::new();
        for (name, value) in user.as_object().into_iter().flatten() {
            if ["schemas", "id", "meta", "groups"].contains(&name.as_str()) {
                continue;
            }
            match self.paths {
                Paths::Attribute => {
                    values.insert(name.clone(), value.clone());
                }
                // An attribute of an extension follows a colon.
                Paths::Value if name.starts_with("urn:") => leaves(name, ':', value, &mut values),
                Paths::Value => leaves(name, '.', value, &mut values),
            }
        }
        values
    }

    /// Returns the PATCH operations that add and remove members of a group, which then has `all`.
    pub(crate) fn members<'i>(
        &self,
        joined: impl Iterator<Item = &'i String>,
        left: impl Iterator<Item = &'i String>,
        all: impl Iterator<Item = &'i String>,
    ) -> Vec<Value> {
        let one = |id: &String| json!({"value": id});
        let joined: Vec<Value> = joined.map(one).collect();
        let left: Vec<&String> = left.collect();
        if self.members == Members::List {
            let is_changed = !joined.is_empty() || !left.is_empty();
            return is_changed
                .then(|| self.all_members(all))
                .into_iter()
                .collect();
        }
        let most = match self.members {
            Members::OneEach => 1,
            _ => joined.len().max(1),
        };
        let mut operations = Vec::new();
        for some in joined.chunks(most) {
            operations.push(json!({"op": self.op("add"), "path": "members", "value": some}));
        }
        for id in left {
            operations.push(match self.removes_members_by {
                RemovesBy::Value => {
                    json!({"op": self.op("remove"), "path": "members", "value": [one(id)]})
                }
                RemovesBy::Filter => {
                    let path = format!("members[value eq {}]", Value::from(id.as_str()));
                    json!({"op": self.op("remove"), "path": path})
                }
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

/// Adds the leaves of an attribute by their paths. A value of a multi-valued attribute has its
/// `type` in the path; where that is not enough to name it, the attribute is one leaf.
fn leaves(path: &str, joint: char, value: &Value, values: &mut Values) {
    match value {
        Value::Object(parts) => {
            for (part, value) in parts {
                leaves(&format!("{path}{joint}{part}"), '.', value, values);
            }
        }
        Value::Array(items) if types(items).is_some() => {
            for (kind, item) in types(items).into_iter().flatten() {
                for (part, value) in item {
                    if part != "type" && part != "primary" {
                        let path = format!("{path}[type eq {}].{part}", Value::from(kind));
                        values.insert(path, value.clone());
                    }
                }
            }
        }
        leaf => {
            values.insert(path.to_owned(), leaf.clone());
        }
    }
}

/// Returns the values of a multi-valued attribute by their types; `None` if a value has no type,
/// or two have the same.
fn types(items: &[Value]) -> Option<Vec<(&str, &Map<String, Value>)>> {
    let mut all: Vec<(&str, &Map<String, Value>)> = Vec::new();
    for item in items {
        let item = item.as_object()?;
        let kind = item.get("type")?.as_str()?;
        if all.iter().any(|(other, _)| *other == kind) {
            return None;
        }
        all.push((kind, item));
    }
    (!all.is_empty()).then_some(all)
}

fn with_query(path: &str, query: &str) -> String {
    match query {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// Returns a resource with more members; those that it has are kept.
fn with_members(resource: &Value, more: &Map<String, Value>) -> Value {
    let mut resource = resource.clone();
    let Some(object) = resource.as_object_mut() else {
        return resource;
    };
    for (name, value) in more {
        if !object.contains_key(name) {
            object.insert(name.clone(), value.clone());
        }
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flavor::Flavor;

    fn habits(flavor: &str, base_url: &str) -> Habits {
        Flavor::find_by_name(flavor).unwrap().habits(base_url)
    }

    fn user(family: &str, more: Value) -> Value {
        let mut user = json!({
            "schemas": ["u"], "active": true, "userName": "a",
            "name": {"givenName": "Ann", "familyName": family},
            "emails": [{"value": format!("{family}@example.com"), "type": "work", "primary": true}],
            "urn:x:User": {"department": family},
        });
        for (name, value) in more.as_object().unwrap() {
            user[name] = value.clone();
        }
        user
    }

    #[test]
    fn entra_changes_each_value_by_its_path() {
        let habits = habits("entra", "https://sp.example/scim");
        let former = user("Old", json!({"title": "x"}));
        let wanted = user("New", json!({"active": false, "nickName": "Babs"}));
        assert_eq!(
            habits.differences(Some(&former), &wanted, false),
            [
                json!({"op": "Add", "path": "nickName", "value": "Babs"}),
                json!({"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "New@example.com"}),
                json!({"op": "Replace", "path": "active", "value": "False"}),
                json!({"op": "Replace", "path": "name.familyName", "value": "New"}),
                json!({"op": "Replace", "path": "urn:x:User:department", "value": "New"}),
                json!({"op": "Remove", "path": "title"}),
            ]
        );
        let (a, b) = ("a".to_owned(), "b".to_owned());
        assert_eq!(
            habits.members([&a, &b].into_iter(), [&a].into_iter(), [].into_iter()),
            [
                json!({"op": "Add", "path": "members", "value": [{"value": "a"}]}),
                json!({"op": "Add", "path": "members", "value": [{"value": "b"}]}),
                json!({"op": "Remove", "path": "members", "value": [{"value": "a"}]}),
            ]
        );
    }

    #[test]
    fn a_flag_in_the_base_url_makes_entra_write_as_the_rfc_says() {
        for query in ["aadOptscim062020", "tenant=1&AADOptSCIM062020=true"] {
            let habits = habits("entra", &format!("https://sp.example/scim?{query}"));
            let former = user("Old", json!({}));
            let wanted = user("New", json!({"active": false}));
            assert_eq!(
                habits.differences(Some(&former), &wanted, false),
                [
                    json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "New@example.com"}),
                    json!({"op": "replace", "value": {
                        "active": false, "name.familyName": "New", "urn:x:User:department": "New",
                    }}),
                ]
            );
            let disabled = user("Old", json!({"active": false}));
            assert_eq!(
                habits.differences(Some(&former), &disabled, false),
                [json!({"op": "replace", "path": "active", "value": false})]
            );
            let left = "a".to_owned();
            assert_eq!(
                habits.members([].into_iter(), [&left].into_iter(), [].into_iter()),
                [json!({"op": "remove", "path": "members[value eq \"a\"]"})]
            );
        }
        let other = habits("entra", "https://sp.example/aadOptscim062020");
        assert!(other.capitalized);
    }

    #[test]
    fn each_provider_changes_members_and_names_in_its_way() {
        let (a, b) = ("a".to_owned(), "b".to_owned());
        let members = |flavor| {
            let habits = habits(flavor, "https://sp.example");
            habits.members([&a].into_iter(), [&b].into_iter(), [&a].into_iter())
        };
        assert_eq!(
            members("jumpcloud"),
            [json!({"op": "replace", "path": "members", "value": [{"value": "a"}]})]
        );
        assert_eq!(
            members("onelogin")[1],
            json!({"op": "remove", "path": "members", "value": [{"value": "b"}]})
        );
        let okta = habits("okta", "https://sp.example");
        assert_eq!(
            okta.rename("7", &"New".into()),
            json!({"op": "replace", "value": {"id": "7", "displayName": "New"}})
        );
        assert_eq!(
            okta.replace("active", &false.into()),
            json!({"op": "replace", "value": {"active": false}})
        );
    }

    #[test]
    fn what_a_provider_adds_to_post_replaces_no_mapped_attribute() {
        let entra = habits("entra", "https://sp.example");
        let group = json!({"schemas": ["g"], "displayName": "x", "members": [{"value": "1"}]});
        let new = entra.new_group(&group);
        assert_eq!(
            (&new["members"], &new["meta"]["resourceType"]),
            (&Value::Null, &json!("Group"))
        );
        let okta = habits("okta", "https://sp.example");
        assert_eq!(okta.new_user(&json!({"locale": "de"}))["locale"], "de");
        assert_eq!(okta.new_group(&group)["members"], json!([]));
    }
}
