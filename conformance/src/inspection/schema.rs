//! Checks order, number and required attributes against the SAML 2.0 schemas, for the elements of
//! sign-on and metadata.

use roxmltree::Node;

use super::ns;

/// The children and attributes that the schema allows for an element.
struct Shape {
    name: &'static str,
    attributes: &'static [&'static str],
    /// The child elements in their order: names, smallest number, largest number.
    places: &'static [(&'static [&'static str], usize, usize)],
}

const MANY: usize = usize::MAX;

const STATEMENTS: &[&str] = &[
    "Statement",
    "AuthnStatement",
    "AuthzDecisionStatement",
    "AttributeStatement",
];

const ROLES: &[&str] = &[
    "RoleDescriptor",
    "IDPSSODescriptor",
    "SPSSODescriptor",
    "AuthnAuthorityDescriptor",
    "AttributeAuthorityDescriptor",
    "PDPDescriptor",
    "AffiliationDescriptor",
];

/// The rules of saml-schema-protocol, -assertion and -metadata.
const SHAPES: &[Shape] = &[
    Shape {
        name: "Response",
        attributes: &["ID", "Version", "IssueInstant"],
        places: &[
            (&["Issuer"], 0, 1),
            (&["Signature"], 0, 1),
            (&["Extensions"], 0, 1),
            (&["Status"], 1, 1),
            (&["Assertion", "EncryptedAssertion"], 0, MANY),
        ],
    },
    Shape {
        name: "LogoutRequest",
        attributes: &["ID", "Version", "IssueInstant"],
        places: &[
            (&["Issuer"], 0, 1),
            (&["Signature"], 0, 1),
            (&["Extensions"], 0, 1),
            (&["BaseID", "NameID", "EncryptedID"], 1, 1),
            (&["SessionIndex"], 0, MANY),
        ],
    },
    Shape {
        name: "AuthnRequest",
        attributes: &["ID", "Version", "IssueInstant"],
        places: &[
            (&["Issuer"], 0, 1),
            (&["Signature"], 0, 1),
            (&["Extensions"], 0, 1),
            (&["Subject"], 0, 1),
            (&["NameIDPolicy"], 0, 1),
            (&["Conditions"], 0, 1),
            (&["RequestedAuthnContext"], 0, 1),
            (&["Scoping"], 0, 1),
        ],
    },
    Shape {
        name: "RequestedAuthnContext",
        attributes: &[],
        places: &[(&["AuthnContextClassRef", "AuthnContextDeclRef"], 1, MANY)],
    },
    Shape {
        name: "Status",
        attributes: &[],
        places: &[
            (&["StatusCode"], 1, 1),
            (&["StatusMessage"], 0, 1),
            (&["StatusDetail"], 0, 1),
        ],
    },
    Shape {
        name: "StatusCode",
        attributes: &["Value"],
        places: &[(&["StatusCode"], 0, 1)],
    },
    Shape {
        name: "Assertion",
        attributes: &["ID", "Version", "IssueInstant"],
        places: &[
            (&["Issuer"], 1, 1),
            (&["Signature"], 0, 1),
            (&["Subject"], 0, 1),
            (&["Conditions"], 0, 1),
            (&["Advice"], 0, 1),
            (STATEMENTS, 0, MANY),
        ],
    },
    Shape {
        name: "Subject",
        attributes: &[],
        places: &[
            (&["BaseID", "NameID", "EncryptedID"], 0, 1),
            (&["SubjectConfirmation"], 0, MANY),
        ],
    },
    Shape {
        name: "SubjectConfirmation",
        attributes: &["Method"],
        places: &[
            (&["BaseID", "NameID", "EncryptedID"], 0, 1),
            (&["SubjectConfirmationData"], 0, 1),
        ],
    },
    Shape {
        name: "Conditions",
        attributes: &[],
        places: &[(
            &[
                "Condition",
                "AudienceRestriction",
                "OneTimeUse",
                "ProxyRestriction",
            ],
            0,
            MANY,
        )],
    },
    Shape {
        name: "AudienceRestriction",
        attributes: &[],
        places: &[(&["Audience"], 1, MANY)],
    },
    Shape {
        name: "AuthnStatement",
        attributes: &["AuthnInstant"],
        places: &[(&["SubjectLocality"], 0, 1), (&["AuthnContext"], 1, 1)],
    },
    Shape {
        name: "AttributeStatement",
        attributes: &[],
        places: &[(&["Attribute", "EncryptedAttribute"], 1, MANY)],
    },
    Shape {
        name: "Attribute",
        attributes: &["Name"],
        places: &[(&["AttributeValue"], 0, MANY)],
    },
    Shape {
        name: "NameID",
        attributes: &[],
        places: &[],
    },
    Shape {
        name: "EntityDescriptor",
        attributes: &["entityID"],
        places: &[
            (&["Signature"], 0, 1),
            (&["Extensions"], 0, 1),
            (ROLES, 1, MANY),
            (&["Organization"], 0, 1),
            (&["ContactPerson"], 0, MANY),
            (&["AdditionalMetadataLocation"], 0, MANY),
        ],
    },
    Shape {
        name: "IDPSSODescriptor",
        attributes: &["protocolSupportEnumeration"],
        places: &[
            (&["Signature"], 0, 1),
            (&["Extensions"], 0, 1),
            (&["KeyDescriptor"], 0, MANY),
            (&["Organization"], 0, 1),
            (&["ContactPerson"], 0, MANY),
            (&["ArtifactResolutionService"], 0, MANY),
            (&["SingleLogoutService"], 0, MANY),
            (&["ManageNameIDService"], 0, MANY),
            (&["NameIDFormat"], 0, MANY),
            (&["SingleSignOnService"], 1, MANY),
            (&["NameIDMappingService"], 0, MANY),
            (&["AssertionIDRequestService"], 0, MANY),
            (&["AttributeProfile"], 0, MANY),
            (&["Attribute"], 0, MANY),
        ],
    },
    Shape {
        name: "SPSSODescriptor",
        attributes: &["protocolSupportEnumeration"],
        places: &[
            (&["Signature"], 0, 1),
            (&["Extensions"], 0, 1),
            (&["KeyDescriptor"], 0, MANY),
            (&["Organization"], 0, 1),
            (&["ContactPerson"], 0, MANY),
            (&["ArtifactResolutionService"], 0, MANY),
            (&["SingleLogoutService"], 0, MANY),
            (&["ManageNameIDService"], 0, MANY),
            (&["NameIDFormat"], 0, MANY),
            (&["AssertionConsumerService"], 1, MANY),
            (&["AttributeConsumingService"], 0, MANY),
        ],
    },
    Shape {
        name: "AssertionConsumerService",
        attributes: &["Binding", "Location", "index"],
        places: &[],
    },
    Shape {
        name: "AttributeConsumingService",
        attributes: &["index"],
        places: &[
            (&["ServiceName"], 1, MANY),
            (&["ServiceDescription"], 0, MANY),
            (&["RequestedAttribute"], 1, MANY),
        ],
    },
    Shape {
        name: "RequestedAttribute",
        attributes: &["Name"],
        places: &[(&["AttributeValue"], 0, MANY)],
    },
    Shape {
        name: "KeyDescriptor",
        attributes: &[],
        places: &[(&["KeyInfo"], 1, 1), (&["EncryptionMethod"], 0, MANY)],
    },
    Shape {
        name: "SingleSignOnService",
        attributes: &["Binding", "Location"],
        places: &[],
    },
    Shape {
        name: "SingleLogoutService",
        attributes: &["Binding", "Location"],
        places: &[],
    },
    Shape {
        name: "ContactPerson",
        attributes: &["contactType"],
        places: &[
            (&["Extensions"], 0, 1),
            (&["Company"], 0, 1),
            (&["GivenName"], 0, 1),
            (&["SureName"], 0, 1),
            (&["EmailAddress"], 0, MANY),
            (&["TelephoneNumber"], 0, MANY),
        ],
    },
];

/// Returns the violations of the schemas in a subtree, in words.
pub fn violations(apex: Node<'_, '_>) -> Vec<String> {
    let mut found = Vec::new();
    // The contents of signatures, extensions and values follow other schemas.
    let foreign = [
        "Signature",
        "Extensions",
        "AttributeValue",
        "Advice",
        "StatusDetail",
    ];
    let mut waiting = vec![apex];
    while let Some(node) = waiting.pop() {
        let name = node.tag_name().name();
        let space = node.tag_name().namespace();
        if ![ns::ASSERTION, ns::PROTOCOL, ns::METADATA]
            .map(Some)
            .contains(&space)
        {
            continue;
        }
        if let Some(shape) = SHAPES.iter().find(|shape| shape.name == name) {
            judge(node, shape, &mut found);
        }
        if !foreign.contains(&name) {
            waiting.extend(node.children().filter(Node::is_element));
        }
    }
    found
}

fn judge(node: Node<'_, '_>, shape: &Shape, found: &mut Vec<String>) {
    let name = shape.name;
    for attribute in shape.attributes {
        if node.attribute(*attribute).is_none() {
            found.push(format!("{name} lacks its attribute {attribute}"));
        }
    }
    let mut counts = vec![0_usize; shape.places.len()];
    let mut at = 0;
    for child in node.children().filter(Node::is_element) {
        let inner = child.tag_name().name();
        let place = shape
            .places
            .iter()
            .position(|(names, ..)| names.contains(&inner));
        let known = [ns::ASSERTION, ns::PROTOCOL, ns::METADATA, ns::DSIG].map(Some);
        match place {
            Some(place) if known.contains(&child.tag_name().namespace()) => {
                counts[place] += 1;
                if place < at {
                    let late = format!("{inner} is too late in {name}");
                    if !found.contains(&late) {
                        found.push(late);
                    }
                }
                at = at.max(place);
            }
            _ => found.push(format!("{name} holds {inner}, which has no place there")),
        }
    }
    for ((names, least, most), count) in shape.places.iter().zip(counts) {
        if count < *least {
            found.push(format!("{name} lacks {}", names.join(" or ")));
        }
        if count > *most {
            let children = node.children().filter(Node::is_element);
            let those = children.map(|child| child.tag_name().name());
            let those: Vec<&str> = those.filter(|inner| names.contains(inner)).collect();
            let (those, names) = (those.join(", "), names.join(" or "));
            found.push(format!(
                "{name} holds {those} ({count} in all), where at most {most} of {names} may stand"
            ));
        }
    }
}
