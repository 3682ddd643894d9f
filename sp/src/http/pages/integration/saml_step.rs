//! The section of step 4: values for the IdP, values from the IdP (by hand or
//! by metadata), and further settings.

use ::saml::keys::Certificate;
use maud::{Markup, html};

use super::super::form::{Attempt, Posted};
use super::super::shell::{self, copyable};
use super::{View, paste_summary, to};
use crate::configurator::Entered;
use crate::configurator::saml::{self, AuthnContext, Picked, Settings, Source};
use crate::store::instant;

/// The fields that can show an error next to them.
const FIELDS: [&str; 6] = [
    "metadata_xml",
    "metadata_url",
    "metadata_signed_by",
    "entity_id",
    "sso_url",
    "certificate",
];

/// Returns the first of the three sources that the form contains.
pub(super) fn source(form: &Posted) -> Source {
    let said = |name: &str| form.given(name).map(str::to_owned);
    let picked = Picked {
        entity_id: said("metadata_entity_id"),
        signed_by: said("metadata_signed_by"),
    };
    if let Some(xml) = said("metadata_file").or(said("metadata_xml")) {
        Source::Xml(xml, picked)
    } else if let Some(url) = said("metadata_url") {
        Source::Url(url, picked)
    } else {
        Source::Manual {
            entity_id: form.get("entity_id").to_owned(),
            sso_url: form.get("sso_url").to_owned(),
            certificate: form.get("certificate").to_owned(),
        }
    }
}

/// Returns all settings of the form.
pub(super) fn settings(form: &Posted) -> Settings {
    let said = |name: &str| form.given(name).map(str::to_owned);
    let classes = form.get("authn_context").split_whitespace();
    Settings {
        signature_policy: said("signature_policy"),
        unsolicited: Some(form.is_ticked("unsolicited")),
        sign_requests: Some(form.is_ticked("sign_requests")),
        encryption: Some(form.is_ticked("encryption")),
        request_binding: said("request_binding"),
        force_authn: Some(form.is_ticked("force_authn")),
        accept_expired_certificates: Some(form.is_ticked("accept_expired_certificates")),
        authn_context: Some(AuthnContext {
            comparison: said("comparison").unwrap_or_else(|| "exact".to_owned()),
            classes: classes.map(str::to_owned).collect(),
        }),
    }
}

pub(super) fn section(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    let sp = view.portal.service_provider(&entered.tenant.id);
    html! {
        h3 { "Copy to your IdP" }
        p { "Enter these in the application’s configuration, or import the metadata." }
        (copyable("sp-entity-id", "Service Provider Entity ID", &sp.entity_id))
        (copyable("sp-acs-url", "Assertion Consumer Service URL", &sp.acs_url))
        (copyable("sp-slo-url", "Single Logout URL", &sp.slo_url))
        (copyable("sp-metadata-url", "Service provider metadata", &sp.metadata_url))
        h3 { "Copy from your IdP" }
        (attempt.alert(&FIELDS))
        (by_hand(view, entered, attempt))
        (by_metadata(view, entered, attempt))
        (finer(view, entered))
    }
}

fn by_hand(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    let (tenant, now) = (&entered.tenant, view.portal.now());
    let known = saml::certificates(&entered.tenant);
    let pem: String = known.iter().map(Certificate::to_pem).collect();
    let stored = |value: &Option<String>| value.clone().unwrap_or_default();
    html! {
        form method="post" action=(to("saml")) {
            (view.hidden())
            (attempt.field("text", "entity_id", "Identity Provider Entity ID", &stored(&tenant.idp_entity_id), "PingOne calls it Issuer ID."))
            (attempt.field("text", "sso_url", "Identity Provider SSO URL", &stored(&tenant.idp_sso_url), "PingOne calls it Single Signon Service."))
            (attempt.field("textarea", "certificate", "Public Certificate", &pem, "The text of the file from Download Signing Certificate, with or without its BEGIN and END lines."))
            div id="certificate-understood" aria-live="polite" {
                // The error of the field already says it.
                @match attempt.typed.given("certificate") {
                    Some(_) if attempt.error_at("certificate").is_some() => {},
                    Some(typed) => (paste_summary::of("certificate", typed, now)),
                    None => @for certificate in &known { (paste_summary::facts(certificate, now)) },
                }
            }
            div.row {
                button type="submit" { "Save" }
                button.plain.nojs type="submit" formaction=(to("understood")) { "Check the certificate" }
            }
        }
    }
}

fn by_metadata(view: &View<'_>, entered: &Entered, attempt: &Attempt) -> Markup {
    let now = view.portal.now();
    let typed = |name: &str| attempt.typed.given(name).is_some();
    let picks = typed("metadata_entity_id") || typed("metadata_signed_by");
    html! {
        details.more open[typed("metadata_xml") || typed("metadata_url") || picks] {
            summary { "Or take them from the IdP’s metadata" }
            form method="post" action=(to("saml")) enctype="multipart/form-data" {
                (view.hidden())
                (attempt.field("text", "metadata_url", "Metadata URL", "", "The URL, a file or the pasted text: one of the three is enough."))
                label for="metadata_file" { "Metadata file" }
                input id="metadata_file" name="metadata_file" type="file" accept=".xml,application/xml,text/xml" data-into="metadata_xml";
                (attempt.field("textarea", "metadata_xml", "Metadata, pasted", "", ""))
                div id="metadata_xml-understood" aria-live="polite" {
                    (understood(attempt, "metadata_xml", now))
                }
                details.more open[picks] {
                    summary { "The metadata of a federation, or signed metadata" }
                    (attempt.field("text", "metadata_entity_id", "Entity ID of your IdP", "", "Optional. The metadata of a federation contains many identity providers; enter which one is yours."))
                    (attempt.field("textarea", "metadata_signed_by", "Certificate of the metadata’s signer", "", "Optional. If you enter it, metadata that is not signed with its key is refused, now and at every later fetch."))
                    div id="metadata_signed_by-understood" aria-live="polite" {
                        (understood(attempt, "metadata_signed_by", now))
                    }
                }
                div.row { button type="submit" { "Import Metadata" } }
            }
            (origin(entered))
        }
    }
}

/// Returns the summary of a pasted text, unless the field's error already says
/// that it is invalid. The metadata of a federation is listed anyway, because
/// the error asks to choose an entity.
fn understood(attempt: &Attempt, field: &str, now: jiff::Timestamp) -> Markup {
    let said = paste_summary::of(field, attempt.typed.get(field), now);
    let repeats = attempt.error_at(field).is_some() && said.0.contains("class=\"error\"");
    html! { @if !repeats { (said) } }
}

/// Returns the source of the current values and their validity.
fn origin(entered: &Entered) -> Markup {
    let tenant = &entered.tenant;
    html! {
        @if let Some(url) = &tenant.idp_metadata_url {
            dl.facts {
                dt { "Taken from" } dd { (url) }
                @if let Some(until) = tenant.idp_metadata_until { dt { "Valid until" } dd { (shell::instant(instant(until))) } }
                @if let Some(until) = tenant.idp_metadata_fresh_until { dt { "Fetched again after" } dd { (shell::instant(instant(until))) } }
                dt { "Signature" } dd { @if tenant.idp_metadata_signer.is_some() { "required" } @else { "not required" } }
            }
        }
        @let left_out = saml::left_out(tenant);
        @if !left_out.is_empty() {
            p { "Not used from the metadata:" }
            ul { @for part in &left_out { li { (part) } } }
        }
    }
}

fn tick(name: &str, on: bool, label: &str, hint: &str) -> Markup {
    html! {
        label.check { input type="checkbox" name=(name) value="1" checked[on] aria-describedby=(format!("{name}-hint")); (label) }
        p.hint id=(format!("{name}-hint")) { (hint) }
    }
}

fn pick(name: &str, label: &str, chosen: &str, options: &[(&str, &str)]) -> Markup {
    html! {
        label for=(name) { (label) }
        select id=(name) name=(name) {
            @for (value, words) in options { option value=(value) selected[*value == chosen] { (words) } }
        }
    }
}

/// Returns the form for the settings of requests and Responses.
fn finer(view: &View<'_>, entered: &Entered) -> Markup {
    let tenant = &entered.tenant;
    let asked = saml::requested_authn_context(tenant);
    let classes = asked.as_ref().map(|asked| asked.class_refs.join("\n"));
    let comparison = asked
        .as_ref()
        .map_or("exact", |asked| asked.comparison.name());
    html! {
        details.more open[view.is_done("saml-settings")] {
            summary { "More settings for requests and Responses" }
            form method="post" action=(to("saml-settings")) {
                (view.hidden())
                h3 { "Requests to the IdP" }
                @if tenant.idp_sso_post_url.is_some() {
                    (pick("request_binding", "Binding of requests", &tenant.request_binding,
                        &[("redirect", "HTTP-Redirect (in the URL)"), ("post", "HTTP-POST (as a form)")]))
                } @else if tenant.idp_sso_url.is_none() {
                    p.hint { "First enter the data of the IdP: then you can choose how requests are sent." }
                } @else {
                    p.hint { "Requests are sent by HTTP-Redirect: the IdP’s metadata has no SSO URL for HTTP-POST." }
                }
                (tick("sign_requests", tenant.signs_requests(), "Sign AuthnRequests",
                    "For an IdP that requires signed requests. The service provider metadata contains the key."))
                (tick("force_authn", tenant.force_authn == 1, "Require authentication at each login (ForceAuthn)",
                    "Users must sign on again, even if they have a session at the IdP."))
                label for="authn_context" { "Requested authentication context (RequestedAuthnContext)" }
                textarea id="authn_context" name="authn_context" rows="3" spellcheck="false" aria-describedby="authn_context-hint" { "\n" (classes.unwrap_or_default()) }
                p.hint id="authn_context-hint" { "URIs of authentication context classes, one per line, such as " code { (::saml::names::PASSWORD_PROTECTED_TRANSPORT) } ". Empty: the IdP chooses." }
                (pick("comparison", "Comparison: the IdP’s method must be", comparison, &[
                    ("exact", "exactly one of these"), ("minimum", "one of these or a stronger one"),
                    ("maximum", "one of these or a weaker one"), ("better", "stronger than these"),
                ]))
                h3 { "Requirements for Responses" }
                (pick("signature_policy", "Required signature", &tenant.signature_policy, &[
                    ("either", "the assertion or the Response"), ("assertion", "the assertion"),
                    ("response", "the Response"), ("both", "both"),
                ]))
                (tick("encryption", tenant.encryption == 1, "Accept encrypted assertions",
                    "The service provider metadata then contains the encryption key; import it at the IdP again."))
                (tick("accept_expired_certificates", tenant.accept_expired_certificates == 1, "Accept expired certificates",
                    "SAML uses only the key of a certificate, not its dates. For an IdP that still signs with an old one."))
                (tick("unsolicited", tenant.unsolicited == 1, "Accept sign-ins that begin at the IdP",
                    "From the IdP’s list of applications (IdP-initiated SSO). Without this, only answers to the portal’s requests are accepted."))
                div.row { button.plain type="submit" { "Save Settings" } }
            }
        }
    }
}
