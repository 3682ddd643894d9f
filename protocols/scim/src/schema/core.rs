//! The core schemas (RFC 7643 §3.1, §4.1, §4.2, §4.3).

use super::{Attribute, Kind, Mutability, ResourceType, Returned, Schema};

const TEXT: Attribute = Attribute {
    name: "",
    kind: Kind::String,
    multi_valued: false,
    required: false,
    case_exact: false,
    mutability: Mutability::ReadWrite,
    returned: Returned::Default,
    unique: false,
    canonical: &[],
    refers_to: &[],
    description: "",
    sub_attributes: &[],
};

const fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name,
        description,
        ..TEXT
    }
}

const fn exact(name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name,
        description,
        case_exact: true,
        ..TEXT
    }
}

const fn flag(name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name,
        description,
        kind: Kind::Boolean,
        ..TEXT
    }
}

const fn reference(
    name: &'static str,
    refers_to: &'static [&'static str],
    description: &'static str,
) -> Attribute {
    Attribute {
        name,
        description,
        kind: Kind::Reference,
        case_exact: true,
        refers_to,
        ..TEXT
    }
}

const fn complex(
    name: &'static str,
    multi_valued: bool,
    sub_attributes: &'static [Attribute],
    description: &'static str,
) -> Attribute {
    Attribute {
        name,
        description,
        kind: Kind::Complex,
        multi_valued,
        sub_attributes,
        ..TEXT
    }
}

const fn read_only(attribute: Attribute) -> Attribute {
    Attribute {
        mutability: Mutability::ReadOnly,
        ..attribute
    }
}

const fn immutable(attribute: Attribute) -> Attribute {
    Attribute {
        mutability: Mutability::Immutable,
        ..attribute
    }
}

const fn types(canonical: &'static [&'static str]) -> Attribute {
    Attribute {
        canonical,
        ..text("type", "What the value is used for.")
    }
}

const DISPLAY: Attribute = text("display", "The value, for a person to read.");
const PRIMARY: Attribute = flag(
    "primary",
    "Whether this is the preferred value; at most one is.",
);
const VALUE: Attribute = text("value", "The value.");

/// Attributes that every resource has (RFC 7643 §3.1).
pub(super) static COMMON: &[Attribute] = &[
    Attribute {
        kind: Kind::Reference,
        multi_valued: true,
        returned: Returned::Always,
        ..exact(
            "schemas",
            "The URNs of the schemas the resource has attributes of.",
        )
    },
    Attribute {
        returned: Returned::Always,
        unique: true,
        mutability: Mutability::ReadOnly,
        ..exact("id", "The service provider's identifier of the resource.")
    },
    exact("externalId", "The client's identifier of the resource."),
    read_only(complex(
        "meta",
        false,
        &[
            read_only(exact("resourceType", "The kind of resource.")),
            read_only(Attribute {
                kind: Kind::DateTime,
                ..text("created", "When it was created.")
            }),
            read_only(Attribute {
                kind: Kind::DateTime,
                ..text("lastModified", "When it last changed.")
            }),
            read_only(reference("location", &["uri"], "Its URI.")),
            read_only(exact("version", "Its version, as in the ETag.")),
        ],
        "Data of the service provider about the resource.",
    )),
];

/// The User schema (RFC 7643 §4.1).
pub static USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    description: "User Account",
    attributes: &[
        Attribute {
            required: true,
            unique: true,
            ..text("userName", "The name the user signs on with.")
        },
        complex(
            "name",
            false,
            &[
                text("formatted", "The whole name."),
                text("familyName", "The family name."),
                text("givenName", "The given name."),
                text("middleName", "The middle names."),
                text("honorificPrefix", "Titles before the name."),
                text("honorificSuffix", "Suffixes after the name."),
            ],
            "The parts of the user's name.",
        ),
        text("displayName", "The name to show."),
        text("nickName", "What the user is called."),
        reference("profileUrl", &["external"], "The user's page."),
        text("title", "The user's title."),
        text("userType", "The user's relation to the organization."),
        text("preferredLanguage", "As in Accept-Language."),
        text("locale", "For currency, dates and numbers."),
        text("timezone", "As in the time zone database."),
        flag("active", "Whether the user may sign on."),
        Attribute {
            mutability: Mutability::WriteOnly,
            returned: Returned::Never,
            ..text("password", "A password, to set it.")
        },
        complex(
            "emails",
            true,
            &[VALUE, DISPLAY, types(&["work", "home", "other"]), PRIMARY],
            "E-mail addresses.",
        ),
        complex(
            "phoneNumbers",
            true,
            &[
                VALUE,
                DISPLAY,
                types(&["work", "home", "mobile", "fax", "pager", "other"]),
                PRIMARY,
            ],
            "Telephone numbers.",
        ),
        complex(
            "ims",
            true,
            &[
                VALUE,
                DISPLAY,
                types(&["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"]),
                PRIMARY,
            ],
            "Messaging addresses.",
        ),
        complex(
            "photos",
            true,
            &[
                reference("value", &["external"], "The picture's URI."),
                DISPLAY,
                types(&["photo", "thumbnail"]),
                PRIMARY,
            ],
            "Pictures.",
        ),
        complex(
            "addresses",
            true,
            &[
                text("formatted", "The whole address."),
                text("streetAddress", "Street and number."),
                text("locality", "City."),
                text("region", "State or region."),
                text("postalCode", "Postal code."),
                text("country", "Country, ISO 3166-1 alpha-2."),
                types(&["work", "home", "other"]),
                PRIMARY,
            ],
            "Postal addresses.",
        ),
        read_only(complex(
            "groups",
            true,
            &[
                read_only(exact("value", "The group's id.")),
                read_only(reference("$ref", &["User", "Group"], "The group's URI.")),
                read_only(DISPLAY),
                read_only(types(&["direct", "indirect"])),
            ],
            "The groups the user is in; changed at the group.",
        )),
        complex(
            "entitlements",
            true,
            &[VALUE, DISPLAY, types(&[]), PRIMARY],
            "What the user is entitled to.",
        ),
        complex(
            "roles",
            true,
            &[VALUE, DISPLAY, types(&[]), PRIMARY],
            "The user's roles.",
        ),
        complex(
            "x509Certificates",
            true,
            &[
                Attribute {
                    kind: Kind::Binary,
                    ..exact("value", "DER in base64.")
                },
                DISPLAY,
                types(&[]),
                PRIMARY,
            ],
            "Certificates.",
        ),
    ],
};

/// The enterprise extension (RFC 7643 §4.3).
pub static ENTERPRISE_USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name: "EnterpriseUser",
    description: "Enterprise User",
    attributes: &[
        text("employeeNumber", "The user's number in the organization."),
        text("costCenter", "The cost center."),
        text("organization", "The organization."),
        text("division", "The division."),
        text("department", "The department."),
        complex(
            "manager",
            false,
            &[
                exact("value", "The manager's id."),
                reference("$ref", &["User"], "The manager's URI."),
                read_only(text("displayName", "The manager's name.")),
            ],
            "The user's manager.",
        ),
    ],
};

/// The Group schema (RFC 7643 §4.2).
pub static GROUP: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    description: "Group",
    attributes: &[
        Attribute {
            required: true,
            ..text("displayName", "The group's name.")
        },
        complex(
            "members",
            true,
            &[
                immutable(exact("value", "The member's id.")),
                immutable(reference("$ref", &["User", "Group"], "The member's URI.")),
                immutable(Attribute {
                    canonical: &["User", "Group"],
                    ..text("type", "User or Group.")
                }),
                // Not in RFC 7643 §8.7.1: only returned if the client requests it by name.
                Attribute {
                    returned: Returned::Request,
                    ..read_only(DISPLAY)
                },
            ],
            "The users and groups in the group.",
        ),
    ],
};

/// The resource type User (RFC 7643, section 4.1).
pub static USER_TYPE: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    description: "User Account",
    schema: &USER,
    extensions: &[&ENTERPRISE_USER],
};

/// The resource type Group (RFC 7643, section 4.2).
pub static GROUP_TYPE: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "Group",
    schema: &GROUP,
    extensions: &[],
};
