//! Checks of filters (RFC 7644 §3.4.2.2): each is judged by the test users that it finds.

use std::collections::BTreeSet;

use jiff::{SignedDuration, tz};
use serde_json::json;

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{names_to_text, parse_timestamp, text, values};
use super::support::{
    UNKNOWN_OPERATOR, find_cause_of_failure, list_all_filtered_users, list_filtered_users,
    require_found_by_attributes,
};
use super::wire::ScimAnswer;

checks! {
"SCIM-FILTER-01", Must, "RFC 7644 §3.4.2.2"; "The operator `eq` finds a user by userName";
    expects "ann alone"; fix "Support eq on userName: every client looks users up by it.";
    needs [Need::Filter]; finds(r#"userName eq "{u}-ann@example.com""#, ["ann"])
"SCIM-FILTER-02", Must, "RFC 7643 §4.1.1"; "The attribute userName is compared without regard to letter case";
    expects "ann, though asked for in capitals"; fix "Ignore letter case on both sides when you compare userName: it is not caseExact.";
    needs [Need::Filter]; act(judge_user_name_in_capitals)
"SCIM-FILTER-03", Must, "RFC 7644 §3.4.2.2"; "The operator `eq` finds a user by externalId";
    expects "ann alone"; fix "Support eq on externalId: clients find their own resources by it.";
    needs [Need::Filter, Need::Keeps(&["externalId"])]; finds(r#"externalId eq "{u}-Ext-A""#, ["ann"])
"SCIM-FILTER-04", Must, "RFC 7643 §3.1"; "The attribute externalId is compared with regard to letter case";
    expects "nobody, since the letter case differs"; fix "Compare externalId as it is, with its letter case: it is caseExact.";
    needs [Need::Filter, Need::Keeps(&["externalId"])]; finds(r#"externalId eq "{u}-EXT-A""#, [])
"SCIM-FILTER-05", Must, "RFC 7644 §3.4.2.2"; "The operator `ne` finds resources with another value";
    expects "bob and cyd"; fix "Let ne match all values that are not equal to the value in the filter.";
    needs [Need::Filter, Need::Keeps(&["userType"])];
    finds(r#"userName sw "{u}-" and userType ne "{u}-Staff""#, ["bob", "cyd"])
"SCIM-FILTER-06", Must, "RFC 7644 §3.4.2.2"; "The operator `co` finds resources whose value contains a text";
    expects "dee and eve"; fix "Let co match a text anywhere in the value.";
    needs [Need::Filter, Need::Keeps(&["nickName"])]; finds(r#"nickName co "{m}-de""#, ["dee", "eve"])
"SCIM-FILTER-07", Must, "RFC 7644 §3.4.2.2"; "The operator `sw` finds resources whose value starts with a text";
    expects "dee and eve"; fix "Let sw match only at the beginning of the value.";
    needs [Need::Filter, Need::Keeps(&["nickName"])]; finds(r#"nickName sw "{u}-de""#, ["dee", "eve"])
"SCIM-FILTER-08", Must, "RFC 7644 §3.4.2.2"; "The operator `sw` does not match in the middle of a value";
    expects "nobody"; fix "Let sw match only at the beginning of the value.";
    needs [Need::Filter, Need::Keeps(&["nickName"])]; finds(r#"nickName sw "{m}-de""#, [])
"SCIM-FILTER-09", Must, "RFC 7644 §3.4.2.2"; "The operator `ew` finds resources whose value ends with a text";
    expects "dee alone"; fix "Let ew match only at the end of the value.";
    needs [Need::Filter, Need::Keeps(&["nickName"])];
    finds(r#"userName sw "{u}-" and nickName ew "-dee_1""#, ["dee"])
"SCIM-FILTER-10", Must, "RFC 7644 §3.4.2.2"; "The operator `pr` finds resources with a value";
    expects "all but cyd, who has no nickName"; fix "Let pr match values that are neither null nor empty.";
    needs [Need::Filter, Need::Keeps(&["nickName"])];
    finds(r#"userName sw "{u}-" and nickName pr"#, ["ann", "bob", "dee", "eve"])
"SCIM-FILTER-11", Must, "RFC 7644 §3.4.2.2"; "The operator `gt` finds greater values";
    expects "dee and eve"; fix "Compare strings in lexicographical order. Let gt match only greater values, not the value itself.";
    needs [Need::Filter]; finds(r#"userName sw "{u}-" and userName gt "{u}-cyd@example.com""#, ["dee", "eve"])
"SCIM-FILTER-12", Must, "RFC 7644 §3.4.2.2"; "The operator `ge` finds greater or equal values";
    expects "cyd, dee and eve"; fix "Let ge match the value itself, too.";
    needs [Need::Filter]; finds(r#"userName sw "{u}-" and userName ge "{u}-cyd@example.com""#, ["cyd", "dee", "eve"])
"SCIM-FILTER-13", Must, "RFC 7644 §3.4.2.2"; "The operator `lt` finds smaller values";
    expects "ann and bob"; fix "Let lt match only smaller values, not the value itself.";
    needs [Need::Filter]; finds(r#"userName sw "{u}-" and userName lt "{u}-cyd@example.com""#, ["ann", "bob"])
"SCIM-FILTER-14", Must, "RFC 7644 §3.4.2.2"; "The operator `le` finds smaller or equal values";
    expects "ann, bob and cyd"; fix "Let le match the value itself, too.";
    needs [Need::Filter]; finds(r#"userName sw "{u}-" and userName le "{u}-cyd@example.com""#, ["ann", "bob", "cyd"])
"SCIM-FILTER-15", Must, "RFC 7644 §3.4.2.2"; "The operator `and` matches if both conditions match";
    expects "ann by her userName and her familyName, and nobody by her userName and the familyName of bob";
    fix "Evaluate and as true only where both sides match.";
    needs [Need::Filter, Need::Keeps(&["name.familyName"])];
    act(judge_and)
"SCIM-FILTER-16", Must, "RFC 7644 §3.4.2.2"; "The operator `or` matches if one condition matches";
    expects "ann and bob"; fix "Evaluate or as true where at least one side matches.";
    needs [Need::Filter, Need::Keeps(&["name.familyName"])];
    finds(r#"name.familyName eq "{u}-Arbor" or name.familyName eq "{u}-Baker""#, ["ann", "bob"])
"SCIM-FILTER-17", Must, "RFC 7644 §3.4.2.2"; "The operator `not` negates a group of conditions";
    expects "ann, dee and eve"; fix "Let not (…) match where the group in the parentheses does not match.";
    needs [Need::Filter, Need::Keeps(&["userType"])];
    finds(r#"userName sw "{u}-" and not (userType eq "{u}-Guest")"#, ["ann", "dee", "eve"])
"SCIM-FILTER-18", Must, "RFC 7644 §3.4.2.2"; "The operator `and` has a higher precedence than `or`";
    expects "ann and bob"; fix "Evaluate a or b and c as a or (b and c).";
    needs [Need::Filter, Need::Keeps(&["nickName", "active"])];
    finds(r#"nickName eq "{u}-Ann" or nickName eq "{u}-Bob" and active eq false"#, ["ann", "bob"])
"SCIM-FILTER-19", Must, "RFC 7644 §3.4.2.2"; "Parentheses have a higher precedence than `and`";
    expects "ann alone"; fix "Evaluate (a or b) and c as written: c must match in both cases.";
    needs [Need::Filter, Need::Keeps(&["nickName", "userType"])];
    finds(r#"(nickName eq "{u}-Bob" or nickName eq "{u}-Ann") and userType eq "{u}-Staff""#, ["ann"])
"SCIM-FILTER-20", Must, "RFC 7644 §3.4.2.2"; "The operator `not` has a higher precedence than `and`";
    expects "dee and eve"; fix "Evaluate not (a) and b as (not a) and b.";
    needs [Need::Filter, Need::Keeps(&["title"])];
    finds(r#"not (title co "off") and userName gt "{u}-d" and userName lt "{u}-f""#, ["dee", "eve"])
"SCIM-FILTER-21", Must, "RFC 7644 §3.4.2.2"; "Operators in filters are compared without regard to letter case";
    expects "ann alone"; fix "Ignore letter case when comparing operators: clients send Eq and EQ.";
    needs [Need::Filter]; finds(r#"userName Eq "{u}-ann@example.com""#, ["ann"])
"SCIM-FILTER-22", Must, "RFC 7644 §3.4.2.2"; "Attribute names in filters are compared without regard to letter case";
    expects "ann alone"; fix "Ignore letter case when comparing attribute names.";
    needs [Need::Filter]; finds(r#"USERNAME eq "{u}-ann@example.com""#, ["ann"])
"SCIM-FILTER-23", Should, "RFC 7644 §3.4.2.2"; "The operators `and`, `or` and `not` are recognized in any letter case";
    expects "ann alone"; fix "Ignore letter case when comparing logical operators too.";
    needs [Need::Filter]; finds(r#"userName sw "{u}-" AND userName co "ann""#, ["ann"])
"SCIM-FILTER-24", Must, "RFC 7644 §3.4.2.2"; "A boolean can be compared with `true`";
    expects "ann, cyd and dee"; fix "Accept true and false without quotes: filters write booleans as JSON does.";
    needs [Need::Filter, Need::Keeps(&["active"])];
    finds(r#"userName sw "{u}-" and active eq true"#, ["ann", "cyd", "dee"])
"SCIM-FILTER-25", Must, "RFC 7644 §3.4.2.2"; "A boolean can be compared with `false`";
    expects "bob and eve"; fix "Accept true and false without quotes: filters write booleans as JSON does.";
    needs [Need::Filter, Need::Keeps(&["active"])];
    finds(r#"active eq false and userName sw "{u}-""#, ["bob", "eve"])
"SCIM-FILTER-26", Must, "RFC 7644 §3.4.2.2"; "A filter can name a sub-attribute, such as name.familyName";
    expects "bob alone"; fix "Support paths such as name.familyName.";
    needs [Need::Filter, Need::Keeps(&["name.familyName"])]; finds(r#"name.familyName eq "{u}-Baker""#, ["bob"])
"SCIM-FILTER-27", Must, "RFC 7644 §3.4.2.2"; "A multi-valued attribute matches if one of its values matches";
    expects "ann, by her second e-mail"; fix "Compare all values of a multi-valued attribute; one match is enough.";
    needs [Need::Filter, Need::TwoEmails, Need::Keeps(&["emails.value"])]; finds(r#"emails.value eq "{u}-ann@example.org""#, ["ann"])
"SCIM-FILTER-28", Must, "RFC 7644 §3.4.2.2"; "A filter in brackets matches values of a multi-valued attribute";
    expects "ann, bob and dee"; fix "Support attribute[filter], such as emails[type eq \"work\"].";
    needs [Need::Filter, Need::Keeps(&["emails.value", "emails.type"])];
    finds(r#"emails[type eq "work" and value sw "{u}-"]"#, ["ann", "bob", "dee"])
"SCIM-FILTER-29", Must, "RFC 7644 §3.4.2.2"; "All conditions in brackets apply to the same value";
    expects "nobody: bob's work e-mail is another"; fix "Apply all conditions in brackets to the same value.";
    needs [Need::Filter, Need::TwoEmails, Need::Keeps(&["emails.value", "emails.type"])];
    act(judge_same_value)
"SCIM-FILTER-30", Must, "RFC 7644 §3.4.2.2"; "Conditions outside brackets can match different values";
    expects "bob: one e-mail is work, another has the value"; fix "Evaluate each condition separately.";
    needs [Need::Filter, Need::TwoEmails, Need::Keeps(&["emails.value", "emails.type"])];
    finds(r#"emails.type eq "work" and emails.value eq "{u}-bob@example.com""#, ["bob"])
"SCIM-FILTER-31", Must, "RFC 7644 §3.4.2.2"; "The operator `not` works inside brackets";
    expects "ann, bob and dee"; fix "Support the whole filter grammar in brackets, but no brackets within brackets.";
    needs [Need::Filter, Need::Keeps(&["emails.value", "emails.type"])];
    finds(r#"emails[value sw "{u}-" and not (type eq "home")]"#, ["ann", "bob", "dee"])
"SCIM-FILTER-32", Must, "RFC 7644 §3.4.2.2"; "A filter in brackets can be combined with other conditions";
    expects "bob alone"; fix "Allow and, or and not with attribute[filter].";
    needs [Need::Filter, Need::TwoEmails, Need::Keeps(&["emails.value", "emails.type", "userType"])];
    finds(r#"emails[type eq "home" and value sw "{u}-"] and userType eq "{u}-Guest""#, ["bob"])
"SCIM-FILTER-33", Must, "RFC 7644 §3.10"; "A filter accepts an attribute name with the URN of its schema";
    expects "ann alone"; fix "Treat urn:ietf:params:scim:schemas:core:2.0:User:userName as userName.";
    needs [Need::Filter];
    finds(r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "{u}-ann@example.com""#, ["ann"])
"SCIM-FILTER-34", Must, "RFC 7644 §3.10"; "A filter accepts an extension's attribute with its URN";
    expects "bob alone"; fix "Support the URNs of extensions in filters.";
    needs [Need::Filter, Need::KeepsEnterprise];
    finds(r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "{u}-Dep-B""#, ["bob"])
"SCIM-FILTER-35", Must, "RFC 7644 §3.4.2.2"; "Timestamps are compared chronologically (`gt`)";
    expects "everybody"; fix "Compare dateTime values chronologically.";
    needs [Need::Filter];
    finds(r#"userName sw "{u}-" and meta.created gt "2001-02-03T04:05:06Z""#, ["ann", "bob", "cyd", "dee", "eve"])
"SCIM-FILTER-36", Must, "RFC 7644 §3.4.2.2"; "Timestamps are compared chronologically (`lt`)";
    expects "nobody"; fix "Compare dateTime values chronologically.";
    needs [Need::Filter]; finds(r#"userName sw "{u}-" and meta.created lt "2001-02-03T04:05:06Z""#, [])
"SCIM-FILTER-37", Must, "RFC 7644 §3.4.2.2"; "Timestamps with another UTC offset are compared chronologically";
    expects "ann, asked for by her own meta.created in other zones"; fix "Apply the offset of dateTime values before comparing them.";
    needs [Need::Filter]; act(judge_other_zones)
"SCIM-FILTER-38", Must, "RFC 7644 §3.4.2.2"; "The operator `eq` finds a resource by id";
    expects "ann alone"; fix "Support eq on id.";
    needs [Need::Filter]; act(judge_filter_on_id)
"SCIM-FILTER-39", Should, "RFC 7643 §2.5"; "The filter `eq null` finds resources without a value";
    expects "cyd, who has no nickName"; fix "Treat null and unassigned as the same.";
    needs [Need::Filter, Need::Keeps(&["nickName"])]; finds(r#"userName sw "{u}-" and nickName eq null"#, ["cyd"])
"SCIM-FILTER-40", Must, "RFC 7644 §3.4.2.2"; "Quotes and backslashes in filter values are escaped as in JSON";
    expects "cyd alone"; fix "Decode the escape sequences of a string in a filter: it is a JSON string.";
    needs [Need::Filter, Need::Keeps(&["title"])]; finds(r#"title eq "{u} say \"hi\" \\ bye""#, ["cyd"])
"SCIM-FILTER-41", Must, "RFC 7644 §3.4.2.2"; "Unicode escapes in filter values are decoded as in JSON";
    expects "dee alone"; fix "Decode \\u escapes of a string in a filter: it is a JSON string.";
    needs [Need::Filter, Need::Keeps(&["title"])]; finds(r#"title eq "{u} Z\u00fcrich""#, ["dee"])
"SCIM-FILTER-42", Must, "RFC 7644 §3.8"; "Filter values can contain non-ASCII letters";
    expects "dee alone"; fix "Decode the query string as UTF-8.";
    needs [Need::Filter, Need::Keeps(&["title"])]; finds(r#"title eq "{u} Zürich""#, ["dee"])
"SCIM-FILTER-43", Must, "RFC 7644 §3.4.2.2"; "A percent sign in a value of `co` is not a wildcard";
    expects "ann alone"; fix "Escape % where you translate the filter to SQL LIKE.";
    needs [Need::Filter, Need::Keeps(&["title"])]; finds(r#"title co "{u} 50% o""#, ["ann"])
"SCIM-FILTER-44", Must, "RFC 7644 §3.4.2.2"; "An underscore in a value of `sw` is not a wildcard";
    expects "dee alone"; fix "Escape _ where you translate the filter to SQL LIKE.";
    needs [Need::Filter, Need::Keeps(&["nickName"])]; finds(r#"nickName sw "{u}-dee_""#, ["dee"])
"SCIM-FILTER-45", Must, "RFC 7644 §3.4.2.2"; "An asterisk is not a wildcard";
    expects "nobody"; fix "Compare * as an ordinary character: SCIM filters have no wildcards.";
    needs [Need::Filter, Need::Keeps(&["nickName"])]; finds(r#"nickName eq "{u}-*""#, [])
"SCIM-FILTER-46", Must, "RFC 7644 §3.4.2.2"; "Operators inside a string value are part of the string";
    expects "nobody, and no error"; fix "Parse the string as a whole before looking for operators.";
    needs [Need::Filter, Need::Keeps(&["title"])]; finds(r#"title eq "{u} and (active eq true) or [id pr]""#, [])
"SCIM-FILTER-47", Must, "RFC 7644 §3.4.2.2"; "The operator `pr` finds complex attributes with a value";
    expects "all but cyd, who has no e-mail"; fix "Let pr match a complex attribute if one of its sub-attributes has a value.";
    needs [Need::Filter, Need::Keeps(&["emails"])];
    finds(r#"userName sw "{u}-" and emails pr"#, ["ann", "bob", "dee", "eve"])
"SCIM-FILTER-48", Must, "RFC 7644 §3.4.2"; "A filter that finds nothing is answered with 200 and an empty list";
    expects "200 with totalResults 0"; fix "Answer 200 with totalResults 0 and no Resources: an empty result is not an error, and totalResults counts what the filter finds.";
    needs [Need::Filter]; act(judge_empty_result)
"SCIM-FILTER-49", Must, "RFC 7644 §3.4.2.2"; "A filter on an unknown attribute finds no resource";
    expects "400, or nobody"; fix "Never ignore a condition: the client may act on every user in the answer.";
    needs [Need::Filter]; act(judge_unknown_attribute)
"SCIM-FILTER-50", Must, "RFC 7644 §3.4.2.2"; "An unknown operator is refused with invalidFilter";
    expects "400 with scimType invalidFilter"; fix "Answer 400 invalidFilter to a filter that you cannot evaluate: never answer as if there were no filter.";
    needs [Need::Filter]; act(judge_unknown_operator)
"SCIM-FILTER-51", Must, "RFC 7644 §3.4.2.2"; "The operator `gt` on a boolean attribute is refused";
    expects "active gt true: 400 with scimType invalidFilter"; fix "Refuse gt, ge, lt and le on boolean and binary attributes.";
    needs [Need::Filter, Need::Keeps(&["active"])]; act(judge_order_of_booleans)
"SCIM-FILTER-52", Must, "RFC 7644 §3.4.2.2"; "A filter without a value is refused";
    expects "an answer with 400"; fix "Refuse filters that do not match the grammar of the RFC.";
    needs [Need::Filter]; refuses("userName eq")
"SCIM-FILTER-53", Must, "RFC 7644 §3.4.2.2"; "An unclosed parenthesis is refused";
    expects "an answer with 400"; fix "Refuse filters that do not match the grammar of the RFC.";
    needs [Need::Filter]; refuses(r#"(userName eq "{u}""#)
"SCIM-FILTER-54", Must, "RFC 7644 §3.4.2.2"; "A string without quotes is refused";
    expects "an answer with 400"; fix "Answer 400 invalidFilter if a value is not a JSON string, a number, true, false or null.";
    needs [Need::Filter]; refuses("userName eq {u}")
"SCIM-FILTER-55", Must, "RFC 7644 §3.4.2.2"; "A filter that ends with `and` is refused";
    expects "an answer with 400"; fix "Refuse filters that do not match the grammar of the RFC.";
    needs [Need::Filter]; refuses(r#"userName eq "{u}" and"#)
"SCIM-FILTER-56", Must, "RFC 7644 §3.4.2.2"; "An unclosed bracket is refused";
    expects "an answer with 400"; fix "Refuse filters that do not match the grammar of the RFC.";
    needs [Need::Filter, Need::Keeps(&["emails.type"])]; refuses(r#"emails[type eq "work""#)
"SCIM-FILTER-57", Must, "RFC 7644 §3.4.2.2"; "Extra text after a filter is refused";
    expects "an answer with 400"; fix "Parse the whole filter, or refuse it.";
    needs [Need::Filter]; refuses(r#"userName eq "{u}" nonsense"#)
"SCIM-FILTER-58", Should, "RFC 7644 §3.4.2.2"; "The operator `not` without parentheses is refused";
    expects "an answer with 400"; fix "Answer 400 invalidFilter to not without parentheses: the grammar allows only not (…).";
    needs [Need::Filter]; refuses(r#"not userName eq "{u}""#)
"SCIM-FILTER-59", Should, "RFC 7644 §3.12"; "The error for an invalid filter has scimType invalidFilter";
    expects "400 with scimType invalidFilter"; fix "Send scimType invalidFilter, and name in detail the place where parsing stopped.";
    needs [Need::Filter]; act(judge_invalid_filter_error)
"SCIM-FILTER-60", Should, "RFC 7643 §9"; "A filter on password matches nothing or is refused, so that no password can be guessed by filters";
    expects "password filters to be refused, or to find nobody"; fix "Do not allow filters on attributes that are never returned: each answer would say whether a guess is right.";
    needs [Need::Filter, Need::Writes, Need::Has(&["password"])]; act(judge_password_disclosure)
"SCIM-FILTER-62", Must, "RFC 7643 §7, RFC 7644 §3.4.2.2"; "The operators `eq`, `co`, `sw` and `ew` ignore letter case for attributes with caseExact false";
    expects "the same user for a value in capital letters as for the value itself";
    fix "Compare values without regard to letter case where the schema says caseExact: false.";
    needs [Need::Filter, Need::KeepsText]; act(judge_operators_in_capitals)
}

async fn judge_operators_in_capitals(probe: &Probe<'_>) -> Judged {
    let name = probe.text_attribute().await?;
    let attribute = probe.server.users.schema.attribute(name);
    if attribute.is_none_or(|it| it.case_exact) {
        return unjudged(format!("the User schema declares {name} as caseExact"));
    }
    let test_users = probe.test_users().await?;
    let ann = test_users.people.first();
    let Some(value) = ann.and_then(|it| text(&it.kept, &[name])) else {
        return unjudged(format!("the test user has no {name}"));
    };
    let mut wrong = Vec::new();
    for operator in ["eq", "co", "sw", "ew"] {
        let finds = async |value: &str| {
            let filter = format!("{name} {operator} \"{value}\"");
            let answer = probe.list_users(&[("filter", &filter)]).await?;
            let all = answer.json().unwrap_or_default();
            let found = test_users.among(values(&all, "Resources"));
            Ok::<_, Stop>(answer.has_succeeded() && found.contains(&"ann"))
        };
        // An operator that does not find the value itself is judged by its own check.
        if finds(value).await? && !finds(&value.to_uppercase()).await? {
            wrong.push(operator);
        }
    }
    ensure(wrong.is_empty(), || {
        let wrong = wrong.join(", ");
        format!("{name} in capital letters is not found with {wrong}")
    })
}

/// Returns the filter with this run's mark in place of `{u}`.
fn fill_in_mark(probe: &Probe<'_>, filter: &str) -> String {
    let mark = probe.session.test_user_mark();
    let mut filter = filter.replace("{u}", &mark).replace("{m}", &mark[1..]);
    let domain = &probe.session.domain;
    if domain != "example.com" {
        for place in ["org", "net"] {
            let address = format!(".{place}@{domain}");
            filter = filter.replace(&format!("@example.{place}"), &address);
        }
        filter = filter.replace("@example.com", &format!("@{domain}"));
    }
    filter
}

/// Judges which of the test users a filter finds.
pub(super) async fn judge_found_users(probe: &Probe<'_>, filter: &str, whom: &[&str]) -> Judged {
    let test_users = probe.test_users().await?;
    let filter = fill_in_mark(probe, filter);
    let all = list_all_filtered_users(probe, &filter).await?;
    let found: BTreeSet<&str> = test_users.among(&all).into_iter().collect();
    let wanted: BTreeSet<&str> = whom.iter().copied().collect();
    // Nobody is found also by an attribute that the server does not evaluate.
    if found != wanted || wanted.is_empty() {
        require_found_by_attributes(probe, &filter).await?;
    }
    ensure(found == wanted, || {
        format!(
            "{filter} found {}, expected {}",
            names_to_text(&found),
            names_to_text(&wanted)
        )
    })
}

/// Judges a filter that a profile demands: to decline it, which the RFC allows, is a failure.
pub(super) async fn judge_demanded_filter(
    probe: &Probe<'_>,
    filter: &str,
    whom: &[&str],
) -> Judged {
    probe.test_users().await?;
    let demanded = fill_in_mark(probe, filter);
    let answer = probe.list_users(&[("filter", &demanded)]).await?;
    answer.is_success()?;
    judge_found_users(probe, filter, whom).await
}

async fn judge_same_value(probe: &Probe<'_>) -> Judged {
    // The control: nobody is found also by a server that never finds anybody by brackets.
    let home = r#"emails[type eq "home" and value eq "{u}-bob@example.com"]"#;
    if let Err(Stop::Wrong(why)) = judge_found_users(probe, home, &["bob"]).await {
        return Err(Stop::Follows("SCIM-FILTER-28", why));
    }
    let work = r#"emails[type eq "work" and value eq "{u}-bob@example.com"]"#;
    judge_found_users(probe, work, &[]).await
}

async fn judge_and(probe: &Probe<'_>) -> Judged {
    let both = r#"userName eq "{u}-ann@example.com" and name.familyName eq "{u}-Arbor""#;
    judge_found_users(probe, both, &["ann"]).await?;
    let one = r#"userName eq "{u}-ann@example.com" and name.familyName eq "{u}-Baker""#;
    judge_found_users(probe, one, &[]).await
}

/// Judges whether a filter is refused.
pub(super) async fn judge_refused_filter(probe: &Probe<'_>, filter: &str) -> Judged {
    let filter = fill_in_mark(probe, filter);
    let answer = probe.list_users(&[("filter", &filter)]).await?;
    require_no_failure(probe, &answer).await?;
    answer.is(400)
}

/// A server with a 5xx status for an invalid filter fails in the same way at all of them: that is
/// one finding.
async fn require_no_failure(probe: &Probe<'_>, answer: &ScimAnswer) -> Judged {
    if answer.status < 500 {
        return Ok(());
    }
    let why = format!(
        "the server fails at filters it cannot read: {}",
        answer.quote()
    );
    Err(Stop::Follows(find_cause_of_failure(probe).await?, why))
}

async fn judge_user_name_in_capitals(probe: &Probe<'_>) -> Judged {
    let name = probe.server.users.schema.attribute("userName");
    if name.is_some_and(|name| name.case_exact) {
        return unjudged("the User schema declares userName as caseExact");
    }
    let test_users = probe.test_users().await?;
    let name = fill_in_mark(probe, "{u}-ann@example.com").to_uppercase();
    let filter = format!("userName eq \"{name}\"");
    let answer = list_filtered_users(probe, &[("filter", &filter)]).await?;
    let found = test_users.among(&answer.listed_resources()?);
    ensure(found == ["ann"], || found_instead(&filter, &found))
}

fn found_instead(filter: &str, found: &[&str]) -> String {
    format!("{filter} found {}, expected ann", names_to_text(found))
}

async fn judge_other_zones(probe: &Probe<'_>) -> Judged {
    let test_users = probe.test_users().await?;
    let ann = probe.fetch(test_users.one("ann")).await?;
    let Ok(created) = parse_timestamp(&ann, &["meta", "created"]) else {
        return unjudged("cannot read meta.created");
    };
    let in_zone = |at: jiff::Timestamp, hours: i8| {
        let offset = tz::Offset::constant(hours);
        let zoned = at.to_zoned_datetime(tz::TimeZone::fixed(offset));
        zoned.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
    };
    let later = created.saturating_add(SignedDuration::from_secs(1));
    let filter = format!(
        "userName eq \"{}\" and meta.created ge \"{}\" and meta.created lt \"{}\"",
        fill_in_mark(probe, "{u}-ann@example.com"),
        in_zone(created, 14),
        in_zone(later.unwrap_or(created), -12),
    );
    let answer = list_filtered_users(probe, &[("filter", &filter)]).await?;
    let found = test_users.among(&answer.listed_resources()?);
    ensure(found == ["ann"], || found_instead(&filter, &found))
}

async fn judge_filter_on_id(probe: &Probe<'_>) -> Judged {
    let test_users = probe.test_users().await?;
    let filter = format!("id eq \"{}\"", test_users.one("ann").id);
    let answer = list_filtered_users(probe, &[("filter", &filter)]).await?;
    let found = test_users.among(&answer.listed_resources()?);
    ensure(found == ["ann"], || found_instead(&filter, &found))
}

async fn judge_empty_result(probe: &Probe<'_>) -> Judged {
    let filter = fill_in_mark(probe, r#"userName eq "{u}-nobody""#);
    let answer = probe.list_users(&[("filter", &filter)]).await?;
    answer.is(200)?;
    if answer.total()? == 0 {
        return Ok(());
    }
    answer.wrong("totalResults is not 0")
}

async fn judge_unknown_attribute(probe: &Probe<'_>) -> Judged {
    // A value that a user has: a server that compares it with another attribute finds that user.
    let test_users = probe.test_users().await.ok();
    let ann = test_users.and_then(|it| text(&it.one("ann").sent, &["userName"]));
    let filter = format!("favoriteOtter eq \"{}\"", ann.unwrap_or("Otto"));
    let answer = probe.list_users(&[("filter", &filter)]).await?;
    if answer.status == 400 {
        return Ok(());
    }
    if answer.listed_resources()?.is_empty() {
        return Ok(());
    }
    answer.wrong("the filter on an unknown attribute found users")
}

async fn judge_unknown_operator(probe: &Probe<'_>) -> Judged {
    let answer = probe.list_users(&[("filter", UNKNOWN_OPERATOR)]).await?;
    answer.is_error(400, "invalidFilter")
}

async fn judge_order_of_booleans(probe: &Probe<'_>) -> Judged {
    let answer = probe.list_users(&[("filter", "active gt true")]).await?;
    require_no_failure(probe, &answer).await?;
    answer.is_error(400, "invalidFilter")
}

async fn judge_invalid_filter_error(probe: &Probe<'_>) -> Judged {
    let answer = probe
        .list_users(&[("filter", "userName eq \"half")])
        .await?;
    require_no_failure(probe, &answer).await?;
    answer.is_error(400, "invalidFilter")
}

/// Filters on passwords. A server that gives the name of the attribute to its database compares
/// the stored hash, which can then be read character by character.
const PASSWORD_FILTERS: [&str; 4] = [
    r#"password sw "Pw-{u}""#,
    "password pr",
    r#"password co "$""#,
    r#"password ne "rehearsal""#,
];

async fn judge_password_disclosure(probe: &Probe<'_>) -> Judged {
    let secret = format!("Pw-{}-x9!Q", probe.session.mark);
    let user = probe.create_user(json!({ "password": secret })).await?;
    for filter in PASSWORD_FILTERS {
        let filter = filter.replace("{u}", &probe.session.mark);
        let answer = probe.list_users(&[("filter", &filter)]).await?;
        require_no_failure(probe, &answer).await?;
        if answer.status >= 400 {
            answer.is_refused()?;
            continue;
        }
        let body = answer.body()?;
        let mut found = values(&body, "Resources").iter();
        if found.any(|one| text(one, &["id"]) == Some(&user.id)) {
            return answer.wrong(format!("the filter {filter} found a user"));
        }
    }
    Ok(())
}
