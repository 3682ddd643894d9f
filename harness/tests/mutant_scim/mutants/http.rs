//! Mutants of HTTP: media types, status codes and error bodies.

use serde_json::json;

use super::super::{
    Mutant, Refusal, ScimAnswer, answer, edit, error, filter_of, is, rewrite, under,
};
use super::{does, drop_member, hears, says};

fn refused(status: u16) -> ScimAnswer {
    let refusal = Refusal(status, None, "this server does not do that".to_owned());
    answer(status, &error(&refusal))
}

pub(super) const MUTANTS: &[Mutant] = &[
    says("SCIM-HTTP-01", |a, t| {
        if a.header("accept") == Some("application/scim+json") {
            t.headers.retain(|(name, _)| name != "content-type");
            t.headers
                .push(("content-type".into(), "application/json".into()));
        }
    }),
    hears("SCIM-HTTP-04", |a| {
        if a.body.as_deref().is_some_and(|text| text.contains('山')) {
            rewrite(a, |v| v["displayName"] = json!("?????"));
        }
    }),
    says("SCIM-HTTP-07", |a, t| {
        if under(a, "GET", "/Users/rh") && t.status == 404 {
            t.status = 410;
            edit(t, |v| v["status"] = json!("410"));
        }
    }),
    says("SCIM-HTTP-08", |_, t| {
        if t.status == 404 {
            edit(t, |v| v["schemas"] = json!([]));
        }
    }),
    says("SCIM-HTTP-09", |_, t| {
        if t.status == 404 {
            edit(t, |v| v["status"] = json!(404));
        }
    }),
    says("SCIM-HTTP-10", |a, t| {
        if a.target == "/Nonesuch" {
            t.status = 400;
        }
    }),
    says("SCIM-HTTP-12", |_, t| {
        t.headers.retain(|(name, _)| name != "allow")
    }),
    says("SCIM-HTTP-13", |a, t| {
        if a.body.as_deref() == Some("{\"schemas\": [") {
            t.status = 500;
        }
    }),
    says("SCIM-HTTP-17", |a, t| {
        if a.body.as_deref() == Some("[]") {
            t.status = 500;
        }
    }),
    says("SCIM-HTTP-18", |a, t| {
        if under(a, "GET", "/Users/%27") && is(a, "GET", &a.target) {
            t.status = 500;
        }
    }),
    does("SCIM-HTTP-02", |_, a| {
        (a.header("accept") == Some("application/json")).then(|| refused(406))
    }),
    says("SCIM-HTTP-03", |a, t| {
        if a.header("accept") == Some("*/*") {
            t.headers.retain(|(name, _)| name != "content-type");
            t.headers
                .push(("content-type".into(), "application/json".into()));
        }
    }),
    does("SCIM-HTTP-05", |_, a| {
        (a.header("content-type") == Some("application/json")).then(|| refused(415))
    }),
    does("SCIM-HTTP-06", |_, a| {
        let media_type = a.header("content-type").unwrap_or_default();
        media_type.contains("charset").then(|| refused(415))
    }),
    does("SCIM-HTTP-11", |_, a| {
        is(a, "PUT", "/Users").then(|| refused(400))
    }),
    says("SCIM-HTTP-14", |a, t| {
        if a.body.as_deref() == Some("{\"schemas\": [") {
            edit(t, |v| drop_member(v, "scimType"));
        }
    }),
    hears("SCIM-HTTP-15", |a| {
        for (_, value) in a.headers.iter_mut().filter(|(_, it)| it == "text/plain") {
            *value = "application/json".to_owned();
        }
    }),
    says("SCIM-HTTP-16", |a, t| {
        if a.header("accept") == Some("text/html") {
            t.text = "<!doctype html><title>Users</title>".to_owned();
        }
    }),
    does("SCIM-HTTP-19", |_, a| {
        let filter = filter_of(a)?;
        filter.starts_with("((((").then(|| refused(500))
    }),
    does("SCIM-HTTP-20", |_, a| {
        is(a, "GET", "/Me").then(|| refused(400))
    }),
    says("SCIM-HTTP-21", |_, t| {
        if t.status == 404 {
            edit(t, |v| drop_member(v, "detail"));
        }
    }),
];
