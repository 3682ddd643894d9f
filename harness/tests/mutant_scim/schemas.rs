//! The schema of this server's resources: a table of attributes, used for `/Schemas` and
//! for reading requests.

use std::sync::LazyLock;

use serde_json::{Value, json};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// An attribute of the schema.
#[derive(Debug, Clone)]
pub(crate) struct Attr {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    marks: &'static str,
    pub(crate) inner: Vec<Attr>,
}

impl Attr {
    fn is(&self, mark: &str) -> bool {
        self.marks.split(' ').any(|one| one == mark)
    }

    pub(crate) fn multi(&self) -> bool {
        self.is("multi")
    }

    pub(crate) fn required(&self) -> bool {
        self.is("required")
    }

    pub(crate) fn exact(&self) -> bool {
        self.is("exact")
    }

    pub(crate) fn read_only(&self) -> bool {
        self.is("readOnly")
    }

    pub(crate) fn never(&self) -> bool {
        self.is("never")
    }

    pub(crate) fn always(&self) -> bool {
        self.is("always")
    }

    fn json(&self) -> Value {
        let or = |mark: &str, this: &'static str, other: &'static str| {
            if self.is(mark) { this } else { other }
        };
        let mutability = match () {
            () if self.read_only() => "readOnly",
            () if self.never() => "writeOnly",
            () => "readWrite",
        };
        let mut said = json!({
            "name": self.name,
            "type": self.kind,
            "multiValued": self.multi(),
            "required": self.required(),
            "caseExact": self.exact(),
            "mutability": mutability,
            "returned": or("never", "never", or("always", "always", "default")),
            "uniqueness": or("unique", "server", "none"),
            "description": self.name,
        });
        if self.is("places") {
            said["canonicalValues"] = json!(["work", "home", "other"]);
        }
        if !self.inner.is_empty() {
            said["subAttributes"] = self.inner.iter().map(Self::json).collect();
        }
        said
    }
}

/// A resource type.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) endpoint: &'static str,
    pub(crate) urn: &'static str,
    pub(crate) attrs: Vec<Attr>,
    pub(crate) extension: Vec<Attr>,
}

type Row = (&'static str, &'static str, &'static str);

const COMMON: &[Row] = &[
    ("schemas", "reference", "multi always exact"),
    ("id", "string", "readOnly always exact unique"),
    ("externalId", "string", "exact"),
    ("meta", "complex", "readOnly"),
    ("meta.resourceType", "string", "readOnly exact"),
    ("meta.created", "dateTime", "readOnly"),
    ("meta.lastModified", "dateTime", "readOnly"),
    ("meta.location", "reference", "readOnly exact"),
    ("meta.version", "string", "readOnly exact"),
];

const OF_USERS: &[Row] = &[
    ("userName", "string", "required unique"),
    ("displayName", "string", ""),
    ("nickName", "string", ""),
    ("title", "string", ""),
    ("userType", "string", ""),
    ("active", "boolean", ""),
    ("password", "string", "never"),
    ("name", "complex", ""),
    ("name.givenName", "string", ""),
    ("name.familyName", "string", ""),
    ("emails", "complex", "multi"),
    ("emails.value", "string", ""),
    ("emails.display", "string", ""),
    ("emails.type", "string", "places"),
    ("emails.primary", "boolean", ""),
    ("phoneNumbers", "complex", "multi"),
    ("phoneNumbers.value", "string", ""),
    ("phoneNumbers.type", "string", "places"),
    ("phoneNumbers.primary", "boolean", ""),
    ("groups", "complex", "multi readOnly"),
    ("groups.value", "string", "exact readOnly"),
];

const OF_GROUPS: &[Row] = &[
    ("displayName", "string", "required"),
    ("members", "complex", "multi"),
    ("members.value", "string", "exact"),
    ("members.$ref", "reference", "exact"),
    ("members.type", "string", ""),
];

const OF_ENTERPRISE: &[Row] = &[
    ("employeeNumber", "string", ""),
    ("department", "string", ""),
    ("manager", "complex", ""),
    ("manager.value", "string", "exact"),
];

fn attrs(rows: &[&[Row]]) -> Vec<Attr> {
    let mut all: Vec<Attr> = Vec::new();
    for (path, kind, marks) in rows.iter().copied().flatten() {
        let (outer, name) = path.split_once('.').map_or(("", *path), |(a, b)| (a, b));
        let one = Attr {
            name,
            kind,
            marks,
            inner: Vec::new(),
        };
        match all.iter_mut().find(|known| known.name == outer) {
            Some(outer) => outer.inner.push(one),
            None => all.push(one),
        }
    }
    all
}

pub(crate) static KINDS: LazyLock<[Kind; 2]> = LazyLock::new(|| {
    [
        Kind {
            name: "User",
            endpoint: "/Users",
            urn: USER,
            attrs: attrs(&[COMMON, OF_USERS]),
            extension: attrs(&[OF_ENTERPRISE]),
        },
        Kind {
            name: "Group",
            endpoint: "/Groups",
            urn: GROUP,
            attrs: attrs(&[COMMON, OF_GROUPS]),
            extension: Vec::new(),
        },
    ]
});

/// Finds an attribute by its name, ignoring case.
pub(crate) fn find<'a>(among: &'a [Attr], name: &str) -> Option<&'a Attr> {
    among.iter().find(|one| one.name.eq_ignore_ascii_case(name))
}

/// Returns a member of an object, ignoring the case of its name.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let mut all = value.as_object()?.iter();
    all.find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Returns the documents of `/Schemas`.
pub(crate) fn schemas() -> Vec<Value> {
    let document = |urn: &str, name: &str, rows: &[&[Row]]| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": urn,
            "name": name,
            "description": name,
            "attributes": attrs(rows).iter().map(Attr::json).collect::<Vec<_>>(),
        })
    };
    vec![
        document(USER, "User", &[OF_USERS]),
        document(GROUP, "Group", &[OF_GROUPS]),
        document(ENTERPRISE, "EnterpriseUser", &[OF_ENTERPRISE]),
    ]
}

/// Returns the documents of `/ResourceTypes`.
pub(crate) fn types() -> Vec<Value> {
    let all = KINDS.iter().map(|kind| {
        let mut said = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": kind.name,
            "name": kind.name,
            "endpoint": kind.endpoint,
            "schema": kind.urn,
        });
        if !kind.extension.is_empty() {
            said["schemaExtensions"] = json!([{"schema": ENTERPRISE, "required": false}]);
        }
        said
    });
    all.collect()
}

/// Returns the document of `/ServiceProviderConfig`.
pub(crate) fn config(base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": true, "maxOperations": 20, "maxPayloadSize": 16384},
        "filter": {"supported": true, "maxResults": 200},
        "changePassword": {"supported": true},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {"cursor": true, "index": true},
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "Bearer", "description": "A token."},
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}
