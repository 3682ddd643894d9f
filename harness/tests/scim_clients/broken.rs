//! Servers that break an act of a client each, and the acts that fail there.

use rehearsal::check::scim::wire::{ScimAnswer, ScimRequest};
use serde_json::{Value, json};

use super::super::mutant_scim::{
    Mutation, Refusal, answer, edit, error, filter_of, is, rewrite, sent, under,
};

/// All clients, as in the ids of their checks.
const ALL: &[&str] = &[
    "ENTRA",
    "ENTRA2020",
    "GOOGLE",
    "JUMPCLOUD",
    "OKTA",
    "OKTAAIW",
    "ONELOGIN",
    "PINGONE",
];

/// A broken server: what it does, how, and the acts that fail, by number, each with its clients.
pub(super) struct Broken {
    pub(super) name: &'static str,
    pub(super) bend: Mutation,
    pub(super) fails: &'static [(&'static str, &'static [&'static str])],
}

pub(super) const BROKEN: &[Broken] = &[
    Broken {
        name: "a search that finds nothing is answered with 404",
        bend: Mutation::ChangesAnswer(|request, answer| {
            let is_empty = answer.text.contains("\"totalResults\":0");
            if filter_of(request).is_some() && is_empty {
                *answer = refusal(404, None);
            }
        }),
        // Okta takes a 404 for an empty list.
        fails: &[
            ("01", &["ENTRA", "ENTRA2020"]),
            (
                "02",
                &[
                    "ENTRA",
                    "ENTRA2020",
                    "GOOGLE",
                    "JUMPCLOUD",
                    "ONELOGIN",
                    "PINGONE",
                ],
            ),
        ],
    },
    Broken {
        name: "the list of all users is an array",
        bend: Mutation::AnswersInstead(|_, request| {
            let is_list = is(request, "GET", "/Users") && filter_of(request).is_none();
            is_list.then(|| answer(200, &json!([])))
        }),
        fails: &[(
            "01",
            &[
                "GOOGLE",
                "JUMPCLOUD",
                "OKTA",
                "OKTAAIW",
                "ONELOGIN",
                "PINGONE",
            ],
        )],
    },
    Broken {
        name: "new users are inactive",
        bend: Mutation::ChangesRequest(|request| {
            if is(request, "POST", "/Users") && sent(request)["name"]["givenName"] == "Grace" {
                rewrite(request, |body| body["active"] = false.into());
            }
        }),
        fails: &[("02", ALL)],
    },
    Broken {
        name: "names do not change",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Users/") && answer.text.contains("Murray") {
                edit(answer, |body| body["name"]["familyName"] = "Hopper".into());
            }
        }),
        fails: &[("03", ALL)],
    },
    Broken {
        name: "users of the client stay active",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Users/") && answer.text.contains("\"Grace\"") {
                edit(answer, |body| body["active"] = true.into());
            }
        }),
        fails: &[("04", ALL), ("10", &["OKTA", "OKTAAIW"])],
    },
    Broken {
        name: "a disabled user stays disabled",
        bend: Mutation::AnswersInstead(|server, request| {
            let is_change = ["PUT", "PATCH"].contains(&request.method.as_str());
            let now = server.now(&request.target);
            let is_disabled = now["active"] == false && now["name"]["givenName"] == "Grace";
            (is_change && is_disabled).then(|| answer(200, &now))
        }),
        fails: &[("05", ALL)],
    },
    Broken {
        name: "searches hide disabled users",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if filter_of(request).is_some() && answer.text.contains("\"active\":false") {
                edit(answer, |body| {
                    body["Resources"] = json!([]);
                    body["totalResults"] = 0.into();
                });
            }
        }),
        fails: &[("05", &["ENTRA", "ENTRA2020", "OKTA", "OKTAAIW"])],
    },
    Broken {
        name: "a new group is returned without its id",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if is(request, "POST", "/Groups") {
                edit(answer, |body| {
                    drop(body.as_object_mut().map(|it| it.remove("id")));
                });
            }
        }),
        fails: &[("06", ALL)],
    },
    Broken {
        name: "groups have no members",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Groups/") {
                edit(answer, |body| {
                    drop(body.as_object_mut().map(|it| it.remove("members")));
                });
            }
        }),
        fails: &[("07", ALL)],
    },
    Broken {
        name: "add of members replaces all",
        bend: Mutation::ChangesRequest(|request| {
            if under(request, "PATCH", "/Groups/") {
                rewrite(request, |body| {
                    for one in operations(body) {
                        if one["op"]
                            .as_str()
                            .is_some_and(|op| op.eq_ignore_ascii_case("add"))
                        {
                            one["op"] = "replace".into();
                        }
                    }
                });
            }
        }),
        fails: &[("07", &["ENTRA", "ENTRA2020", "OKTA", "ONELOGIN", "PINGONE"])],
    },
    Broken {
        name: "a group keeps its name",
        bend: Mutation::AnswersInstead(|server, request| {
            let is_change =
                under(request, "PUT", "/Groups/") || under(request, "PATCH", "/Groups/");
            is_change.then(|| {
                let mut changed = request.clone();
                let name = server.now(&request.target)["displayName"].clone();
                rewrite(&mut changed, |body| {
                    if body.get("displayName").is_some() {
                        body["displayName"] = name.clone();
                    }
                    for one in operations(body) {
                        if one["path"] == "displayName" {
                            one["value"] = name.clone();
                        } else if one["value"].get("displayName").is_some() {
                            one["value"]["displayName"] = name.clone();
                        }
                    }
                });
                server.answer(&changed)
            })
        }),
        fails: &[("08", ALL)],
    },
    Broken {
        name: "members cannot leave a group",
        bend: Mutation::AnswersInstead(|server, request| {
            let is_change =
                under(request, "PUT", "/Groups/") || under(request, "PATCH", "/Groups/");
            is_change.then(|| {
                let before = server.now(&request.target)["members"].clone();
                let done = server.answer(request);
                if before.is_array() {
                    let mut again = request.clone();
                    again.method = reqwest::Method::PATCH;
                    again.body = Some(
                        json!({
                            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                            "Operations": [{"op": "add", "path": "members", "value": before}],
                        })
                        .to_string(),
                    );
                    server.answer(&again);
                }
                done
            })
        }),
        fails: &[("09", ALL)],
    },
    Broken {
        name: "users are not deleted",
        bend: Mutation::AnswersInstead(|server, request| {
            let is_it = under(request, "DELETE", "/Users/")
                && server.now(&request.target)["name"]["givenName"] == "Grace";
            is_it.then(|| ScimAnswer {
                text: String::new(),
                ..answer(204, &Value::Null)
            })
        }),
        fails: &[(
            "10",
            &[
                "ENTRA",
                "ENTRA2020",
                "GOOGLE",
                "JUMPCLOUD",
                "ONELOGIN",
                "PINGONE",
            ],
        )],
    },
    Broken {
        name: "groups are not deleted",
        bend: Mutation::AnswersInstead(|_, request| {
            under(request, "DELETE", "/Groups/").then(|| ScimAnswer {
                text: String::new(),
                ..answer(204, &Value::Null)
            })
        }),
        fails: &[("11", ALL)],
    },
    Broken {
        name: "a filter in a path creates nothing",
        bend: Mutation::AnswersInstead(|_, request| {
            request_has(request, |one| {
                one["path"]
                    .as_str()
                    .is_some_and(|it| it.starts_with("phoneNumbers["))
            })
            .then(|| refusal(400, Some("noTarget")))
        }),
        fails: &[("12", &["ENTRA", "ENTRA2020"])],
    },
    Broken {
        name: "the manager must be an object",
        bend: Mutation::AnswersInstead(|_, request| {
            request_has(request, |one| {
                let path = one["path"].as_str().unwrap_or_default();
                path.ends_with("manager") && one["value"].is_string()
            })
            .then(|| refusal(400, Some("invalidValue")))
        }),
        fails: &[("13", &["ENTRA", "ENTRA2020"])],
    },
    Broken {
        name: "the department does not change",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Users/") {
                answer.text = answer.text.replace("\"Sales\"", "\"Research\"");
            }
        }),
        fails: &[("14", &["ENTRA", "ENTRA2020"])],
    },
    Broken {
        name: "the name of an operation must be in lower case",
        bend: Mutation::AnswersInstead(|_, request| {
            request_has(request, |one| {
                let op = one["op"].as_str().unwrap_or_default();
                op.chars().any(char::is_uppercase)
            })
            .then(|| refusal(400, Some("invalidSyntax")))
        }),
        fails: &[
            ("03", &["ENTRA"]),
            ("04", &["ENTRA"]),
            ("07", &["ENTRA"]),
            ("12", &["ENTRA"]),
            ("13", &["ENTRA"]),
            ("14", &["ENTRA"]),
        ],
    },
    Broken {
        name: "active must be a boolean",
        bend: Mutation::AnswersInstead(|_, request| {
            request_has(request, |one| {
                one["path"] == "active" && one["value"].is_string()
            })
            .then(|| refusal(400, Some("invalidValue")))
        }),
        fails: &[("04", &["ENTRA"])],
    },
    Broken {
        name: "an operation must have a path",
        bend: Mutation::AnswersInstead(|_, request| {
            request_has(request, |one| one["path"].is_null())
                .then(|| refusal(400, Some("invalidSyntax")))
        }),
        fails: &[
            ("03", &["ENTRA2020", "GOOGLE"]),
            ("04", &["GOOGLE", "OKTA"]),
            ("08", &["OKTA"]),
            ("10", &["OKTA"]),
            ("14", &["ENTRA2020"]),
        ],
    },
    Broken {
        name: "remove ignores the members in value and removes all",
        bend: Mutation::ChangesRequest(|request| {
            if under(request, "PATCH", "/Groups/") {
                rewrite(request, |body| {
                    for one in operations(body) {
                        let op = one["op"].as_str().unwrap_or_default();
                        if op.eq_ignore_ascii_case("remove") {
                            drop(one.as_object_mut().map(|it| it.remove("value")));
                        }
                    }
                });
            }
        }),
        fails: &[("09", &["ENTRA", "ONELOGIN"])],
    },
    Broken {
        name: "there is no PUT",
        bend: Mutation::AnswersInstead(|_, request| {
            (request.method == "PUT").then(|| refusal(501, None))
        }),
        fails: &[
            (
                "03",
                &["JUMPCLOUD", "OKTA", "OKTAAIW", "ONELOGIN", "PINGONE"],
            ),
            ("04", &["JUMPCLOUD", "OKTAAIW", "PINGONE"]),
            ("07", &["GOOGLE", "OKTAAIW"]),
            ("10", &["OKTAAIW"]),
        ],
    },
];

pub(super) fn refusal(status: u16, keyword: Option<&'static str>) -> ScimAnswer {
    let refusal = Refusal(status, keyword, "this server refuses it".to_owned());
    answer(status, &error(&refusal))
}

/// Returns the operations of a PATCH.
fn operations(body: &mut Value) -> impl Iterator<Item = &mut Value> {
    let all = body.get_mut("Operations").and_then(Value::as_array_mut);
    all.into_iter().flatten()
}

/// True if the request is a PATCH with such an operation.
fn request_has(request: &ScimRequest, is_such: impl Fn(&Value) -> bool) -> bool {
    let body = sent(request);
    let all = body["Operations"].as_array().cloned().unwrap_or_default();
    request.method == "PATCH" && all.iter().any(is_such)
}
