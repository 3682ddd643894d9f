//! Mutants of PUT: replacement of users.

use serde_json::{Value, json};

use super::super::{Mutant, ScimRequest, edit, rewrite, sent, under};
use super::{does, hears, read_of_user, says, status};

fn puts(request: &ScimRequest) -> bool {
    under(request, "PUT", "/Users/")
}

pub(super) const MUTANTS: &[Mutant] = &[
    says("SCIM-PUT-01", |a, t| {
        if puts(a) {
            status(t, 200, 202);
        }
    }),
    hears("SCIM-PUT-02", |a| {
        if puts(a) {
            rewrite(a, |v| {
                if v["displayName"] == "After" {
                    v["displayName"] = json!("Before");
                }
            });
        }
    }),
    hears("SCIM-PUT-03", |a| {
        if puts(a) {
            rewrite(a, |v| {
                if let Some(emails) = v["emails"].as_array_mut().filter(|all| all.len() == 1) {
                    emails.push(json!({"value": "merged@example.com"}));
                }
            });
        }
    }),
    says("SCIM-PUT-05", |a, t| {
        if puts(a) && sent(a)["id"] == "lie" {
            t.status = 400;
        }
    }),
    says("SCIM-PUT-06", |a, t| {
        if puts(a) && a.target.ends_with("-new") {
            t.status = 201;
        }
    }),
    says("SCIM-PUT-07", |a, t| {
        if puts(a) && sent(a)["userName"].is_null() {
            status(t, 400, 200);
        }
    }),
    says("SCIM-PUT-08", |a, t| {
        if puts(a) {
            status(t, 409, 400);
        }
    }),
    hears("SCIM-PUT-09", |a| {
        if puts(a) {
            rewrite(a, |v| {
                if v.as_object()
                    .is_some_and(|v| v.get("nickName") == Some(&Value::Null))
                {
                    v["nickName"] = json!("Before");
                }
            });
        }
    }),
    hears("SCIM-PUT-10", |a| {
        if puts(a) {
            rewrite(a, |v| {
                if v["emails"] == json!([]) {
                    v["emails"] = json!([{"value": "kept@example.com"}]);
                }
            });
        }
    }),
    says("SCIM-PUT-13", |a, t| {
        read_of_user(a, t, |v| {
            v["meta"]["lastModified"] = v["meta"]["created"].clone();
        });
    }),
    does("SCIM-PUT-14", |server, a| {
        if !puts(a) || sent(a)["displayName"] != "After" {
            return None;
        }
        let before = server.now(&a.target);
        let mut done = server.answer(a);
        if done.status == 200 {
            edit(&mut done, |v| {
                v["displayName"] = before["displayName"].clone()
            });
        }
        Some(done)
    }),
    says("SCIM-PUT-12", |a, t| {
        read_of_user(a, t, |v| {
            if v["meta"]["version"] != "W/\"1\"" {
                v["meta"]["lastModified"] = json!("2001-01-01T00:00:00Z");
            }
        });
    }),
    Mutant {
        // Okta puts back what GET returned, too, with a change.
        also: &["SCIM-VENDOR-10"],
        ..says("SCIM-PUT-11", |a, t| {
            let body = sent(a);
            // Only what GET returned contains the version.
            if puts(a) && !body["meta"]["version"].is_null() {
                t.status = 400;
            }
        })
    },
    does("SCIM-PUT-04", |server, a| {
        let nickname = server.now(&a.target)["nickName"].clone();
        let is_left_out = !sent(a).as_object()?.contains_key("nickName");
        if !puts(a) || !is_left_out || nickname.is_null() {
            return None;
        }
        let mut merged = a.clone();
        rewrite(&mut merged, |v| v["nickName"] = nickname);
        Some(server.answer(&merged))
    }),
    does("SCIM-PUT-15", |server, a| {
        let before = server.now(&a.target)["externalId"].clone();
        if !puts(a) || before.is_null() || sent(a)["externalId"].is_null() {
            return None;
        }
        let mut kept = a.clone();
        rewrite(&mut kept, |v| v["externalId"] = before);
        Some(server.answer(&kept))
    }),
];
