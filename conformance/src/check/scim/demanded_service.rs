//! Checks of the whole service that only profiles require: `ServiceProviderConfig`, schemas,
//! base URL, errors and access tokens.

use browser::site::is_trustworthy;
use serde_json::{Value, json};
use url::Url;

use super::OAuthToken;
use super::auth::send_wrong_token;
use super::discovery::read_entries;
use super::item::{Judged, Need, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{at, member, text, value_to_text, values};
use super::schema::{GROUP, USER};

checks! {
harm Style;
"SCIM-PROFILE-01", May, "Entra gallery, draft-zollner-scim-interop-profile-02 (Updating Resources)"; "ServiceProviderConfig says that PATCH is supported";
    expects "patch.supported true";
    fix "Support PATCH, and set patch.supported to true: identity providers update users and groups with PATCH.";
    needs []; act(judge_patch_support)
"SCIM-PROFILE-02", May, "draft-zollner-scim-interop-profile-02 (Filtering)"; "ServiceProviderConfig says that filters are supported";
    expects "filter.supported true";
    fix "Support filters with the operators `eq` and `and`, and set filter.supported to true.";
    needs []; act(judge_filter_support)
"SCIM-PROFILE-03", May, "Entra gallery, IPSIE AL SCIM profile (Performance and Efficiency)"; "ServiceProviderConfig says that bulk requests are supported";
    expects "bulk.supported true";
    fix "Support requests to /Bulk, and set bulk.supported to true.";
    needs []; act(judge_bulk_support)
"SCIM-PROFILE-04", May, "Entra gallery (group tests), RFC 7643 §4.2"; "/Schemas contains the schema of groups";
    expects "urn:ietf:params:scim:schemas:core:2.0:Group among the schemas";
    fix "Support groups, and list their schema at /Schemas: without it the group tests of the marketplace fail instead of being skipped.";
    needs []; act(judge_group_schema)
"SCIM-PROFILE-05", May, "Okta OIN, draft-zollner-scim-interop-profile-02 (Transport Security)"; "The base URL uses TLS";
    expects "a base URL with https";
    fix "Offer SCIM only by https.";
    needs []; act(judge_https)
"SCIM-PROFILE-06", May, "Okta OIN"; "The base URL contains no underscore";
    expects "a base URL without _";
    fix "Choose a base URL without underscores: Okta refuses URLs that contain one.";
    needs []; act(judge_underscore)
"SCIM-PROFILE-07", May, "draft-zollner-scim-interop-profile-02 (Canonical Values for Typed Attributes)"; "The schema of users lists canonical values for every type sub-attribute";
    expects "canonicalValues for the type of emails, phoneNumbers and every other attribute that has a type";
    fix "At /Schemas, list the types that you accept in canonicalValues: clients use them to map attributes.";
    needs []; act(judge_canonical_types)
"SCIM-PROFILE-08", May, "draft-zollner-scim-interop-profile-02 (Discovery Endpoints)"; "The id of each resource type equals its name";
    expects "id equal to name";
    fix "Set id of each resource type to its name.";
    needs []; act(judge_ids_of_types)
"SCIM-PROFILE-09", May, "draft-zollner-scim-interop-profile-02 (Scope and Conformance)"; "ServiceProviderConfig contains interopProfileConformant true";
    expects "interopProfileConformant true";
    fix "Set interopProfileConformant to true when the server meets every requirement of the profile.";
    needs []; act(judge_conformance_claim)
"SCIM-PROFILE-10", May, "IPSIE AL SCIM profile (Passwords and other credentials)"; "The schema of users has no password";
    expects "a schema of users without the attribute password";
    fix "Remove password from the schema of users: the profile forbids credentials in SCIM.";
    needs []; act(judge_password_in_schema)
"SCIM-PROFILE-11", May, "IPSIE AL SCIM profile (User Provisioning, Schema)"; "The schema of users contains userName, displayName and active";
    expects "all three attributes in the schema of users at /Schemas";
    fix "Support the three attributes, and list them in the schema of users.";
    needs []; act(judge_user_attributes)
"SCIM-PROFILE-12", May, "IPSIE AL SCIM profile (Group Provisioning, Schema)"; "The schema of groups contains displayName and members";
    expects "both attributes in the schema of groups at /Schemas";
    fix "Support both attributes, and list them in the schema of groups.";
    needs [Need::Groups]; act(judge_group_attributes)
"SCIM-PROFILE-13", May, "Okta-SCIM-20-SPEC-Test (Check status 401)"; "An answer with HTTP 401 contains detail";
    expects "a text in detail, in the answer to a wrong token";
    fix "Return an Error body with detail for HTTP 401 too.";
    needs []; act(judge_detail_of_refusal)
"SCIM-PROFILE-14", May, "Entra gallery (Schema_Discoverability_Test)"; "/Schemas lists every attribute that users contain";
    expects "each attribute of a returned user in the schema of users, or below the URN of an extension";
    fix "List exactly the supported attributes at /Schemas: clients offer only those for mapping.";
    needs []; act(judge_complete_schemas)
"SCIM-PROFILE-16", May, "Entra gallery (Schema_Discoverability_Test)"; "The schema of users lists the types of emails, phoneNumbers and addresses";
    expects "a sub-attribute type with canonicalValues in each of the three that the schema of users contains";
    fix "Declare the sub-attribute type, and list work, home and all other accepted types in its canonicalValues: Entra ID builds the attributes of a mapping from them.";
    needs []; act(judge_mapped_types)
"SCIM-PROFILE-17", May, "IPSIE AL SCIM profile (Authentication and Authorization)"; "The token endpoint accepts a signed client assertion";
    expects "an access token for client credentials with a JWT signed by the client (RFC 7523 §2.2)";
    fix "Support the client authentication method private_key_jwt at the token endpoint.";
    needs []; act(judge_client_assertion)
"SCIM-PROFILE-18", May, "IPSIE AL SCIM profile (Authentication and Authorization)"; "The access token has only the scope scim";
    expects "scope \"scim\" in the answer of the token endpoint";
    fix "Issue tokens for the scope scim, and return scope in the answer.";
    needs []; act(judge_scope)
"SCIM-PROFILE-19", May, "IPSIE AL SCIM profile (Authentication and Authorization), RFC 7523 §3"; "The token endpoint refuses an invalid client assertion";
    expects "HTTP 400 or 401 for an assertion that has expired, is for another audience, is from another client, is unsigned, or is signed with another key";
    fix "Verify the signature with the client's own key and a fixed list of algorithms, then check iss, sub, aud and exp.";
    needs []; act(judge_wrong_assertions)
"SCIM-PROFILE-15", May, "Entra gallery (Validate_Credentials_Test)"; "The client credentials grant issues an access token that is valid for one to six hours";
    expects "expires_in between 3600 and 21600 seconds";
    fix "Issue access tokens by the client credentials grant, valid for at least 60 minutes and at most 6 hours, and return the lifetime in expires_in.";
    needs []; act(judge_token_lifetime)
}

async fn require_true(probe: &Probe<'_>, names: &[&str]) -> Judged {
    let answer = probe.get("/ServiceProviderConfig").await?;
    let body = answer.require_body_of_step("reading ServiceProviderConfig")?;
    let said = at(&body, names);
    ensure(said == Some(&json!(true)), || {
        format!("{} is {}", names.join("."), value_to_text(said))
    })
}

async fn judge_patch_support(probe: &Probe<'_>) -> Judged {
    require_true(probe, &["patch", "supported"]).await
}

async fn judge_filter_support(probe: &Probe<'_>) -> Judged {
    require_true(probe, &["filter", "supported"]).await
}

async fn judge_bulk_support(probe: &Probe<'_>) -> Judged {
    require_true(probe, &["bulk", "supported"]).await
}

async fn judge_conformance_claim(probe: &Probe<'_>) -> Judged {
    require_true(probe, &["interopProfileConformant"]).await
}

/// Returns the schema with this URN at `/Schemas`.
async fn find_schema(probe: &Probe<'_>, urn: &str) -> Judged<Option<Value>> {
    let (_, all) = read_entries(probe, "/Schemas").await?;
    let mut all = all.into_iter();
    Ok(all.find(|one| text(one, &["id"]).is_some_and(|id| id.eq_ignore_ascii_case(urn))))
}

async fn has_schema(probe: &Probe<'_>, urn: &str, names: &[&str]) -> Judged {
    let found = find_schema(probe, urn).await?;
    ensure(found.is_some(), || format!("/Schemas has no {urn}"))?;
    let found = found.unwrap_or_default();
    let listed = |name: &str| {
        let mut all = values(&found, "attributes").iter();
        all.any(|one| text(one, &["name"]).is_some_and(|it| it.eq_ignore_ascii_case(name)))
    };
    let missing: Vec<&str> = names.iter().copied().filter(|it| !listed(it)).collect();
    ensure(missing.is_empty(), || {
        format!("{urn} has no {}", missing.join(", "))
    })
}

async fn judge_group_schema(probe: &Probe<'_>) -> Judged {
    has_schema(probe, GROUP, &[]).await
}

async fn judge_user_attributes(probe: &Probe<'_>) -> Judged {
    has_schema(probe, USER, &["userName", "displayName", "active"]).await
}

async fn judge_group_attributes(probe: &Probe<'_>) -> Judged {
    has_schema(probe, GROUP, &["displayName", "members"]).await
}

/// True if the URL is on this machine or below `.test`, where TLS is not needed.
fn is_local(base: &str) -> bool {
    let is_test = |url: &Url| {
        let name = url.host_str().unwrap_or_default();
        name == "test" || name.ends_with(".test")
    };
    Url::parse(base).is_ok_and(|url| is_trustworthy(&url) || is_test(&url))
}

async fn judge_https(probe: &Probe<'_>) -> Judged {
    let base = &probe.session.base;
    if base.to_ascii_lowercase().starts_with("https://") {
        return Ok(());
    }
    if is_local(base) {
        return unjudged(format!(
            "{base} is a URL of this machine or of a test, where TLS is not needed"
        ));
    }
    ensure(false, || format!("the base URL is {base}"))
}

async fn judge_underscore(probe: &Probe<'_>) -> Judged {
    let base = &probe.session.base;
    ensure(!base.contains('_'), || format!("the base URL is {base}"))
}

async fn judge_canonical_types(probe: &Probe<'_>) -> Judged {
    let is_typed = |_: &str, kind: Option<&Value>| kind.is_some();
    require_canonical_types(probe, is_typed).await
}

async fn judge_mapped_types(probe: &Probe<'_>) -> Judged {
    // Without a type, a mapping has no attribute such as emails[type eq "work"].value.
    let is_mapped =
        |name: &str, _: Option<&Value>| ["emails", "phoneNumbers", "addresses"].contains(&name);
    require_canonical_types(probe, is_mapped).await
}

/// Requires `canonicalValues` for the sub-attribute `type` of the multi-valued attributes of users
/// for whose name and sub-attribute `is_meant` is true.
async fn require_canonical_types(
    probe: &Probe<'_>,
    is_meant: fn(&str, Option<&Value>) -> bool,
) -> Judged {
    let Some(users) = find_schema(probe, USER).await? else {
        return unjudged("/Schemas contains no schema of users");
    };
    let mut bare = Vec::new();
    let mut seen = 0;
    for attribute in values(&users, "attributes") {
        let mut parts = values(attribute, "subAttributes").iter();
        let kind = parts.find(|one| text(one, &["name"]) == Some("type"));
        let name = text(attribute, &["name"]).unwrap_or_default();
        let is_list = member(attribute, "multiValued") == Some(&json!(true));
        if !is_list || !is_meant(name, kind) {
            continue;
        }
        seen += 1;
        match kind {
            None => bare.push(format!("{name} has no sub-attribute type")),
            Some(kind) if values(kind, "canonicalValues").is_empty() => {
                bare.push(format!("the type of {name} has no canonicalValues"));
            }
            Some(_) => {}
        }
    }
    if seen == 0 {
        return unjudged("the schema of users has no attribute of which this is required");
    }
    ensure(bare.is_empty(), || bare.join("; "))
}

async fn judge_ids_of_types(probe: &Probe<'_>) -> Judged {
    let (_, all) = read_entries(probe, "/ResourceTypes").await?;
    for one in &all {
        let (id, name) = (member(one, "id"), member(one, "name"));
        ensure(id.is_some() && id == name, || {
            format!(
                "id is {}, name is {}",
                value_to_text(id),
                value_to_text(name)
            )
        })?;
    }
    Ok(())
}

async fn judge_password_in_schema(probe: &Probe<'_>) -> Judged {
    let Some(users) = find_schema(probe, USER).await? else {
        return unjudged("/Schemas contains no schema of users");
    };
    let all = values(&users, "attributes");
    if all.is_empty() {
        return unjudged("the schema of users lists no attributes");
    }
    let is_password = |one: &Value| {
        text(one, &["name"]).is_some_and(|name| name.eq_ignore_ascii_case("password"))
    };
    let has = all.iter().any(is_password);
    ensure(!has, || "the schema of users contains password".to_owned())
}

async fn judge_detail_of_refusal(probe: &Probe<'_>) -> Judged {
    let answer = send_wrong_token(probe).await?;
    if answer.status != 401 {
        return unjudged(format!("the answer is not HTTP 401: {}", answer.quote()));
    }
    let detail = answer.json();
    let detail = detail.as_ref().and_then(|body| text(body, &["detail"]));
    ensure(detail.is_some_and(|it| !it.trim().is_empty()), || {
        format!("the answer contains no detail: {}", answer.quote())
    })
}

/// Common attributes, which schemas need not list (RFC 7643 §3.1).
const COMMON: [&str; 4] = ["schemas", "id", "externalId", "meta"];

async fn judge_complete_schemas(probe: &Probe<'_>) -> Judged {
    let Some(users) = find_schema(probe, USER).await? else {
        return unjudged("/Schemas contains no schema of users");
    };
    let test_users = probe.test_users().await.ok();
    let ann = test_users.and_then(|it| it.people.first());
    let shown = match ann.filter(|ann| ann.kept.is_object()) {
        Some(ann) => ann.kept.clone(),
        None => {
            let answer = probe.list_users(&[("count", "1")]).await?;
            answer.require_step("listing users")?;
            match answer.listed_resources()?.first() {
                Some(first) => first.clone(),
                None => return unjudged("the server has no user to compare with the schemas"),
            }
        }
    };
    let known = |name: &str| {
        let mut all = values(&users, "attributes").iter();
        all.any(|one| text(one, &["name"]).is_some_and(|it| it.eq_ignore_ascii_case(name)))
    };
    let unlisted: Vec<&str> = shown
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .filter(|name| !COMMON.contains(name) && !name.starts_with("urn:") && !known(name))
        .collect();
    ensure(unlisted.is_empty(), || {
        format!(
            "a user contains {}, which the schema of users does not list",
            unlisted.join(", ")
        )
    })
}

/// Required lifetime of an access token, in seconds.
const LIFE: std::ops::RangeInclusive<u64> = 3600..=21600;

/// Returns what the token endpoint answered.
fn require_oauth<'p>(probe: &'p Probe<'_>) -> Judged<&'p OAuthToken> {
    match &probe.session.options.oauth {
        Some(oauth) => Ok(oauth),
        None => unjudged("the run does not use OAuth client credentials: give --oauth-token-url"),
    }
}

async fn judge_client_assertion(probe: &Probe<'_>) -> Judged {
    if require_oauth(probe)?.by_assertion {
        return Ok(());
    }
    unjudged("the client authenticated with a secret: give --client-key instead")
}

async fn judge_wrong_assertions(probe: &Probe<'_>) -> Judged {
    let tried = &require_oauth(probe)?.tried;
    if tried.is_empty() {
        return unjudged("the client does not sign assertions: give --client-key");
    }
    for one in tried {
        let (fault, status) = (one.fault, one.status);
        probe.note(json!({"assertion": fault, "status": status, "token": one.is_issued}));
    }
    for one in tried {
        let (fault, status) = (one.fault, one.status);
        ensure(!one.is_issued, || {
            format!(
                "the token endpoint issued a token for an assertion although {fault}: HTTP {status}"
            )
        })?;
        if status == 429 || status == 503 {
            return unjudged(format!("the token endpoint limits requests: HTTP {status}"));
        }
        ensure(matches!(status, 400 | 401), || {
            format!("expected HTTP 400 or 401 for an assertion because {fault}, got {status}")
        })?;
    }
    Ok(())
}

async fn judge_scope(probe: &Probe<'_>) -> Judged {
    let Some(scope) = &require_oauth(probe)?.scope else {
        return unjudged(
            "the answer of the token endpoint contains no scope: request it with --scope scim",
        );
    };
    ensure(scope == "scim", || format!("scope is {scope:?}"))
}

async fn judge_token_lifetime(probe: &Probe<'_>) -> Judged {
    let oauth = require_oauth(probe)?;
    ensure(
        oauth.expires_in.is_some_and(|it| LIFE.contains(&it)),
        || {
            let said = oauth.expires_in;
            let said = said.map_or("missing".to_owned(), |it| it.to_string());
            format!("expires_in is {said}")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_known() {
        for base in [
            "http://127.0.0.1:8080/scim",
            "http://[::1]/v2",
            "http://a.localhost",
            "http://scim.test/v2",
        ] {
            assert!(is_local(base), "{base}");
        }
        for base in [
            "http://scim.example.com/v2",
            "http://10.0.0.1",
            "http://latest",
        ] {
            assert!(!is_local(base), "{base}");
        }
    }
}
