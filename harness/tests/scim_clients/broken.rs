//! Servers that break an act of a client each, and the acts that fail there.

use rehearsal::check::scim::wire::{ScimAnswer, ScimRequest};
use serde_json::{Value, json};

use super::super::mutant_scim::{
    Mutation, Refusal, answer, edit, error, filter_of, is, rewrite, sent, under,
};

/// A broken server: what it does, how, and the checks that fail: the client and the number of its act.
pub(super) struct Broken {
    pub(super) name: &'static str,
    pub(super) bend: Mutation,
    pub(super) fails: &'static [&'static str],
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
            "SCIM-CLIENT-ENTRA-01",
            "SCIM-CLIENT-ENTRA2020-01",
            "SCIM-CLIENT-ENTRA-02",
            "SCIM-CLIENT-ENTRA2020-02",
            "SCIM-CLIENT-GOOGLE-02",
            "SCIM-CLIENT-JUMPCLOUD-02",
            "SCIM-CLIENT-ONELOGIN-02",
            "SCIM-CLIENT-PINGONE-02",
        ],
    },
    Broken {
        name: "the list of all users is an array",
        bend: Mutation::AnswersInstead(|_, request| {
            let is_list = is(request, "GET", "/Users") && filter_of(request).is_none();
            is_list.then(|| answer(200, &json!([])))
        }),
        fails: &[
            "SCIM-CLIENT-GOOGLE-01",
            "SCIM-CLIENT-JUMPCLOUD-01",
            "SCIM-CLIENT-OKTA-01",
            "SCIM-CLIENT-OKTAAIW-01",
            "SCIM-CLIENT-ONELOGIN-01",
            "SCIM-CLIENT-PINGONE-01",
        ],
    },
    Broken {
        name: "new users are inactive",
        bend: Mutation::ChangesRequest(|request| {
            if is(request, "POST", "/Users") && sent(request)["name"]["givenName"] == "Grace" {
                rewrite(request, |body| body["active"] = false.into());
            }
        }),
        fails: &[
            "SCIM-CLIENT-ENTRA-02",
            "SCIM-CLIENT-ENTRA2020-02",
            "SCIM-CLIENT-GOOGLE-02",
            "SCIM-CLIENT-JUMPCLOUD-02",
            "SCIM-CLIENT-OKTA-02",
            "SCIM-CLIENT-OKTAAIW-02",
            "SCIM-CLIENT-ONELOGIN-02",
            "SCIM-CLIENT-PINGONE-02",
        ],
    },
    Broken {
        name: "names do not change",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Users/") && answer.text.contains("Murray") {
                edit(answer, |body| body["name"]["familyName"] = "Hopper".into());
            }
        }),
        fails: &[
            "SCIM-CLIENT-ENTRA-03",
            "SCIM-CLIENT-ENTRA2020-03",
            "SCIM-CLIENT-GOOGLE-03",
            "SCIM-CLIENT-JUMPCLOUD-03",
            "SCIM-CLIENT-OKTA-03",
            "SCIM-CLIENT-OKTAAIW-03",
            "SCIM-CLIENT-ONELOGIN-03",
            "SCIM-CLIENT-PINGONE-03",
        ],
    },
    Broken {
        name: "users of the client stay active",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Users/") && answer.text.contains("\"Grace\"") {
                edit(answer, |body| body["active"] = true.into());
            }
        }),
        fails: &[
            "SCIM-CLIENT-ENTRA-04",
            "SCIM-CLIENT-ENTRA2020-04",
            "SCIM-CLIENT-GOOGLE-04",
            "SCIM-CLIENT-JUMPCLOUD-04",
            "SCIM-CLIENT-OKTA-04",
            "SCIM-CLIENT-OKTAAIW-04",
            "SCIM-CLIENT-ONELOGIN-04",
            "SCIM-CLIENT-PINGONE-04",
            "SCIM-CLIENT-OKTA-10",
            "SCIM-CLIENT-OKTAAIW-10",
        ],
    },
    Broken {
        name: "a disabled user stays disabled",
        bend: Mutation::AnswersInstead(|server, request| {
            let is_change = ["PUT", "PATCH"].contains(&request.method.as_str());
            let now = server.now(&request.target);
            let is_disabled = now["active"] == false && now["name"]["givenName"] == "Grace";
            (is_change && is_disabled).then(|| answer(200, &now))
        }),
        fails: &[
            "SCIM-CLIENT-ENTRA-05",
            "SCIM-CLIENT-ENTRA2020-05",
            "SCIM-CLIENT-GOOGLE-05",
            "SCIM-CLIENT-JUMPCLOUD-05",
            "SCIM-CLIENT-OKTA-05",
            "SCIM-CLIENT-OKTAAIW-05",
            "SCIM-CLIENT-ONELOGIN-05",
            "SCIM-CLIENT-PINGONE-05",
        ],
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
        fails: &[
            "SCIM-CLIENT-ENTRA-05",
            "SCIM-CLIENT-ENTRA2020-05",
            "SCIM-CLIENT-OKTA-05",
            "SCIM-CLIENT-OKTAAIW-05",
        ],
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
        fails: &[
            "SCIM-CLIENT-ENTRA-06",
            "SCIM-CLIENT-ENTRA2020-06",
            "SCIM-CLIENT-GOOGLE-06",
            "SCIM-CLIENT-JUMPCLOUD-06",
            "SCIM-CLIENT-OKTA-06",
            "SCIM-CLIENT-OKTAAIW-06",
            "SCIM-CLIENT-ONELOGIN-06",
            "SCIM-CLIENT-PINGONE-06",
        ],
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
        fails: &[
            "SCIM-CLIENT-ENTRA-07",
            "SCIM-CLIENT-ENTRA2020-07",
            "SCIM-CLIENT-GOOGLE-07",
            "SCIM-CLIENT-JUMPCLOUD-07",
            "SCIM-CLIENT-OKTA-07",
            "SCIM-CLIENT-OKTAAIW-07",
            "SCIM-CLIENT-ONELOGIN-07",
            "SCIM-CLIENT-PINGONE-07",
        ],
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
        fails: &[
            "SCIM-CLIENT-ENTRA-07",
            "SCIM-CLIENT-ENTRA2020-07",
            "SCIM-CLIENT-OKTA-07",
            "SCIM-CLIENT-ONELOGIN-07",
            "SCIM-CLIENT-PINGONE-07",
        ],
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
        fails: &[
            "SCIM-CLIENT-ENTRA-08",
            "SCIM-CLIENT-ENTRA2020-08",
            "SCIM-CLIENT-GOOGLE-08",
            "SCIM-CLIENT-JUMPCLOUD-08",
            "SCIM-CLIENT-OKTA-08",
            "SCIM-CLIENT-OKTAAIW-08",
            "SCIM-CLIENT-ONELOGIN-08",
            "SCIM-CLIENT-PINGONE-08",
        ],
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
        fails: &[
            "SCIM-CLIENT-ENTRA-09",
            "SCIM-CLIENT-ENTRA2020-09",
            "SCIM-CLIENT-GOOGLE-09",
            "SCIM-CLIENT-JUMPCLOUD-09",
            "SCIM-CLIENT-OKTA-09",
            "SCIM-CLIENT-OKTAAIW-09",
            "SCIM-CLIENT-ONELOGIN-09",
            "SCIM-CLIENT-PINGONE-09",
        ],
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
        fails: &[
            "SCIM-CLIENT-ENTRA-10",
            "SCIM-CLIENT-ENTRA2020-10",
            "SCIM-CLIENT-GOOGLE-10",
            "SCIM-CLIENT-JUMPCLOUD-10",
            "SCIM-CLIENT-ONELOGIN-10",
            "SCIM-CLIENT-PINGONE-10",
        ],
    },
    Broken {
        name: "groups are not deleted",
        bend: Mutation::AnswersInstead(|_, request| {
            under(request, "DELETE", "/Groups/").then(|| ScimAnswer {
                text: String::new(),
                ..answer(204, &Value::Null)
            })
        }),
        fails: &[
            "SCIM-CLIENT-ENTRA-11",
            "SCIM-CLIENT-ENTRA2020-11",
            "SCIM-CLIENT-GOOGLE-11",
            "SCIM-CLIENT-JUMPCLOUD-11",
            "SCIM-CLIENT-OKTA-11",
            "SCIM-CLIENT-OKTAAIW-11",
            "SCIM-CLIENT-ONELOGIN-11",
            "SCIM-CLIENT-PINGONE-11",
        ],
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
        fails: &["SCIM-CLIENT-ENTRA-12", "SCIM-CLIENT-ENTRA2020-12"],
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
        fails: &["SCIM-CLIENT-ENTRA-13", "SCIM-CLIENT-ENTRA2020-13"],
    },
    Broken {
        name: "the department does not change",
        bend: Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Users/") {
                answer.text = answer.text.replace("\"Sales\"", "\"Research\"");
            }
        }),
        fails: &["SCIM-CLIENT-ENTRA-14", "SCIM-CLIENT-ENTRA2020-14"],
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
            "SCIM-CLIENT-ENTRA-03",
            "SCIM-CLIENT-ENTRA-04",
            "SCIM-CLIENT-ENTRA-07",
            "SCIM-CLIENT-ENTRA-12",
            "SCIM-CLIENT-ENTRA-13",
            "SCIM-CLIENT-ENTRA-14",
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
        fails: &["SCIM-CLIENT-ENTRA-04"],
    },
    Broken {
        name: "an operation must have a path",
        bend: Mutation::AnswersInstead(|_, request| {
            request_has(request, |one| one["path"].is_null())
                .then(|| refusal(400, Some("invalidSyntax")))
        }),
        fails: &[
            "SCIM-CLIENT-ENTRA2020-03",
            "SCIM-CLIENT-GOOGLE-03",
            "SCIM-CLIENT-GOOGLE-04",
            "SCIM-CLIENT-OKTA-04",
            "SCIM-CLIENT-OKTA-08",
            "SCIM-CLIENT-OKTA-10",
            "SCIM-CLIENT-ENTRA2020-14",
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
        fails: &["SCIM-CLIENT-ENTRA-09", "SCIM-CLIENT-ONELOGIN-09"],
    },
    Broken {
        name: "there is no PUT",
        bend: Mutation::AnswersInstead(|_, request| {
            (request.method == "PUT").then(|| refusal(501, None))
        }),
        fails: &[
            "SCIM-CLIENT-JUMPCLOUD-03",
            "SCIM-CLIENT-OKTA-03",
            "SCIM-CLIENT-OKTAAIW-03",
            "SCIM-CLIENT-ONELOGIN-03",
            "SCIM-CLIENT-PINGONE-03",
            "SCIM-CLIENT-JUMPCLOUD-04",
            "SCIM-CLIENT-OKTAAIW-04",
            "SCIM-CLIENT-PINGONE-04",
            "SCIM-CLIENT-GOOGLE-07",
            "SCIM-CLIENT-OKTAAIW-07",
            "SCIM-CLIENT-OKTAAIW-10",
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
