//! Mutants of HTTP: media types, status codes and error bodies.

use serde_json::json;

use super::super::{Mutant, edit, is, rewrite, under};
use super::{hears, says};

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
];
