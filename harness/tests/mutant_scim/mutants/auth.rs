//! Mutants of authentication.

use super::super::{Mutant, Refusal, ScimRequest, answer, edit, error, let_in, parameter, under};
use super::{does, hears, says};

fn bare(request: &ScimRequest) -> bool {
    request.header("authorization").is_none()
}

fn wrong(request: &ScimRequest) -> bool {
    request
        .header("authorization")
        .is_some_and(|said| said.contains("wrong-"))
}

pub(super) const MUTANTS: &[Mutant] = &[
    hears("SCIM-AUTH-01", |a| {
        if bare(a) && a.method == "GET" && a.target == "/Users" {
            let_in(a);
        }
    }),
    hears("SCIM-AUTH-02", |a| {
        if wrong(a) && a.method == "GET" {
            let_in(a);
        }
    }),
    says("SCIM-AUTH-03", |_, t| {
        t.headers.retain(|(name, _)| name != "www-authenticate")
    }),
    says("SCIM-AUTH-04", |_, t| {
        if t.status == 401 {
            t.text = "{}".into();
        }
    }),
    says("SCIM-AUTH-05", |a, t| {
        let said = a.header("authorization").unwrap_or_default().to_owned();
        if t.status == 401 && wrong(a) {
            edit(t, |v| v["detail"] = format!("unknown token: {said}").into());
        }
    }),
    hears("SCIM-AUTH-07", |a| {
        let small = |said: &str| said.starts_with("bearer ");
        if a.header("authorization").is_some_and(small) {
            a.headers.retain(|(name, _)| name != "authorization");
        }
    }),
    hears("SCIM-AUTH-08", |a| {
        if bare(a) && a.method == "POST" {
            let_in(a);
        }
    }),
    hears("SCIM-AUTH-09", |a| {
        if wrong(a) && a.method == "DELETE" {
            let_in(a);
        }
    }),
    hears("SCIM-AUTH-06", |a| {
        if bare(a) && parameter(a, "access_token").is_some() {
            let_in(a);
        }
    }),
    does("SCIM-AUTH-10", |server, a| {
        let unknown = under(a, "GET", "/Users/") && server.now(&a.target).is_null();
        let refusal = Refusal(404, None, "there is no such user".to_owned());
        (bare(a) && unknown).then(|| answer(404, &error(&refusal)))
    }),
];
