//! Step 5: the authorization servers whose access tokens the SCIM endpoint accepts.

use maud::{Markup, html};

use super::super::form::Attempt;
use super::super::shell::{self, copyable};
use super::{View, to};
use crate::configurator::scim_issuers::{NewIssuer, clients};
use crate::portal::ServiceProvider;

/// Fields of the form that adds an authorization server.
pub(super) const FIELDS: [&str; 3] = ["issuer", "audience", "clients"];

pub(super) fn section(view: &View<'_>, sp: &ServiceProvider, attempt: &Attempt) -> Markup {
    let is_refused = FIELDS.iter().any(|field| attempt.error_at(field).is_some());
    html! {
        details.more open[is_refused || !view.issuers.is_empty()] {
            summary { "OAuth access tokens, Universal Logout" }
            p { "If your IdP gets short-lived access tokens instead of a bearer token, accept the tokens of its authorization server. Both kinds work at the same time." }
            @if !view.issuers.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="Accepted authorization servers" { table.stack {
                    caption { "Accepted authorization servers" }
                    thead { tr { th { "Issuer" } th { "Audience" } th { "Clients" } th { "Scope" } th { "" } } }
                    tbody { @for row in &view.issuers { tr {
                        td { code { (row.issuer) } }
                        td data-name="Audience" { code { (row.audience) } }
                        td data-name="Clients" { (clients(row).join(", ")) }
                        td data-name="Scope" { (row.scope.as_deref().unwrap_or("any")) }
                        td { (shell::confirmation_form(&to("remove-issuer"), "Remove",
                            &format!("Access tokens of {} stop working at once, and it can end no sessions.", row.issuer),
                            &html! { (view.hidden()) input type="hidden" name="which" value=(row.id); })) }
                    } } }
                } }
                p.hint { "Refused access tokens are in the " a href="/audit" { "audit log" } ", with the reason." }
            }
            (copyable("revocation-url", "Universal Logout URL", &sp.revocation_url))
            p.hint { "Where an accepted authorization server ends all sessions of a user." }
            form method="post" action=(to("add-issuer")) {
                (view.hidden())
                (attempt.field("url", "issuer", "Issuer", "", "The URL in iss of the access tokens."))
                (attempt.field("text", "audience", "Audience", &sp.scim_base_url, "What the access tokens contain in aud."))
                (attempt.field("text", "clients", "Client IDs", "", "Clients whose tokens are accepted, separated by spaces."))
                (attempt.field("text", "scope", "Scope (optional)", "", ""))
                div.row { button type="submit" { "Accept" } }
            }
        }
    }
}

/// Returns the authorization server of a posted form.
pub(super) fn read_new_issuer(form: &super::Posted) -> NewIssuer {
    let text = |name: &str| form.get(name).trim().to_owned();
    NewIssuer {
        issuer: text("issuer"),
        audience: text("audience"),
        clients: text("clients")
            .split([' ', ',', '\n', '\r'])
            .filter(|client| !client.is_empty())
            .map(str::to_owned)
            .collect(),
        scope: Some(text("scope")),
    }
}
